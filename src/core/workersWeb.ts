import { attach, type AnyWorker } from './workerHandle.js';
import type { Duty, Listener, Report, WorkerHandle } from './workers.js';

/** Logical processors of this machine; browsers may tell fewer. */
export function parallelism(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Starts a Web Worker, from a file next to this one, as bundlers and content security policies want it. */
export function startWorker(duty: Duty, { onReport, onEnd }: Listener): WorkerHandle {
  if (typeof Worker === 'undefined') throw new Error('this host has no Worker');
  const worker = new Worker(new URL('./workerWeb.js', import.meta.url), { type: 'module' });
  const onMessage = (report: unknown): void => onReport(report as Report);
  const handle = attach(worker as AnyWorker, 'workerWeb.js', { onMessage, onEnd });
  handle.post(duty);
  return handle;
}
