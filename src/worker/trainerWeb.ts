import { attach, type AnyWorker, type Correspondent, type WorkerListener } from '../core/workerHandle.js';

export { ownPort } from './portWeb.js';

/** Starts a Web Worker, from a file next to this one, as bundlers and content security policies want it. */
export function startTrainer(listener: WorkerListener): Correspondent {
  if (typeof Worker === 'undefined') throw new Error('this host has no Worker');
  const worker = new Worker(new URL('./trainingWorkerWeb.js', import.meta.url), { type: 'module' });
  return attach(worker as AnyWorker, 'trainingWorkerWeb.js', listener);
}
