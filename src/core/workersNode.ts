import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Duty, Listener, WorkerHandle } from './workers.js';

/** Processors of this machine that this process may use. */
export function parallelism(): number {
  return availableParallelism();
}

/** Starts a worker thread of Node, Deno or Bun. */
export function startWorker(duty: Duty, listener: Listener): WorkerHandle {
  // The loaders and hooks that the process was started with are no business of a worker that loads two files.
  const worker = new Worker(new URL('./workerNode.js', import.meta.url), { execArgv: [] });
  worker.on('message', (report) => listener.onReport(report));
  worker.on('error', (error) => listener.onEnd(String(error)));
  worker.on('exit', (code) => listener.onEnd(`it exited with code ${code}`));
  worker.postMessage(duty);
  return {
    unref: () => worker.unref(),
    stop: () => void worker.terminate(),
  };
}
