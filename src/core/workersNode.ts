import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { attach, type AnyWorker } from './workerHandle.js';
import { workerOptions } from './workerFlags.js';
import type { Duty, Listener, Report, WorkerHandle } from './workers.js';

/** Processors of this machine that this process may use. */
export function parallelism(): number {
  return availableParallelism();
}

/** Starts a worker thread of Node, Deno or Bun. */
export function startWorker(duty: Duty, { onReport, onEnd }: Listener): WorkerHandle {
  // The loaders and hooks that the process was started with are no business of a worker that loads two files.
  const worker = new Worker(new URL('./workerNode.js', import.meta.url), {
    ...workerOptions(),
    execArgv: [],
  });
  const onMessage = (report: unknown): void => onReport(report as Report);
  const handle = attach(worker as AnyWorker, 'workerNode.js', { onMessage, onEnd });
  handle.post(duty);
  return handle;
}
