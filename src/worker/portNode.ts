import { parentPort, type MessagePort } from 'node:worker_threads';
import { ownPort as ownWebPort } from './portWeb.js';
import type { Port } from './protocol.js';

/** The line of this worker to whoever started it: a worker thread, or a Web Worker of Deno or Bun. */
export function ownPort(): Port {
  if (!parentPort) {
    if (!('WorkerGlobalScope' in globalThis))
      throw new Error('serveTraining: expected to be called in a worker');
    return ownWebPort();
  }
  const port: MessagePort = parentPort;
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    listen: (listener, bad) => void port.on('message', listener).on('messageerror', bad),
  };
}
