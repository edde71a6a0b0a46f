import { Worker } from 'node:worker_threads';
import { attach, type AnyWorker, type Correspondent, type WorkerListener } from '../core/workerHandle.js';
import { workerOptions } from '../core/workerFlags.js';

export { ownPort } from './portNode.js';

/** Starts a worker thread of Node, Deno or Bun. */
export function startTrainer(listener: WorkerListener): Correspondent {
  const worker = new Worker(new URL('./trainingWorkerNode.js', import.meta.url), workerOptions());
  return attach(worker as AnyWorker, 'trainingWorkerNode.js', listener);
}
