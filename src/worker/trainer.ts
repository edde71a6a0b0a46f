import type { Correspondent, WorkerListener } from '../core/workerHandle.js';
import type { Port } from './protocol.js';

/** What the modules behind `#trainer` export. */
export interface TrainerModule {
  /** Starts the library's own training worker. @throws where the host has no workers */
  startTrainer(listener: WorkerListener): Correspondent;
  /** The line of this worker to whoever started it. @throws where this is no worker */
  ownPort(): Port;
}
