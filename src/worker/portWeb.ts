import type { Port } from './protocol.js';

/** The line of this Web Worker to whoever started it. */
export function ownPort(): Port {
  // A page has the same two functions, and would send to itself.
  if (typeof document !== 'undefined') {
    throw new Error('serveTraining: expected to be called in a worker, not in a page');
  }
  const scope = globalThis as unknown as {
    postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
    addEventListener(event: string, listener: (event: MessageEvent) => void): void;
  };
  return {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    listen: (listener, bad) => {
      scope.addEventListener('message', ({ data }) => listener(data));
      scope.addEventListener('messageerror', bad);
    },
  };
}
