import type { Duty, Listener, WorkerHandle } from './workers.js';

/** What browsers keep to themselves. */
const UNKNOWN =
  'its file, workerWeb.js, could not be loaded; is it served with the headers of the page, and does the content ' +
  'security policy allow it?';

/** Logical processors of this machine; browsers may tell fewer. */
export function parallelism(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Starts a Web Worker, from a file next to this one, as bundlers and content security policies want it. */
export function startWorker(duty: Duty, listener: Listener): WorkerHandle {
  if (typeof Worker === 'undefined') throw new Error('this host has no Worker');
  const worker = new Worker(new URL('./workerWeb.js', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }) => listener.onReport(data));
  worker.addEventListener('error', (event) => listener.onEnd(event.message || UNKNOWN));
  worker.addEventListener('messageerror', () => listener.onEnd('it could not read what it was sent'));
  worker.postMessage(duty);
  return { unref() {}, stop: () => worker.terminate() };
}
