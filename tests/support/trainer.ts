// In the place of `#trainer`: sources cannot be loaded by a worker as they are, so tests of the sources start the worker
// that was built from them.
import { Worker } from 'node:worker_threads';
import {
  attach,
  type AnyWorker,
  type Correspondent,
  type WorkerListener,
} from '../../src/core/workerHandle.js';

export { ownPort } from '../../src/worker/portNode.js';

export function startTrainer(listener: WorkerListener): Correspondent {
  const worker = new Worker(new URL('../../dist/node/trainingWorkerNode.js', import.meta.url));
  return attach(worker as AnyWorker, 'trainingWorkerNode.js', listener);
}
