import type { WorkerHandle } from './workers.js';

/** A worker of any host: worker_threads have `on`, Web Workers have `addEventListener`. */
export interface AnyWorker {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  terminate(): unknown;
  unref?(): void;
  /** Of worker_threads; -1 once it has ended. */
  readonly threadId?: number;
  on?(event: string, listener: (value: unknown) => void): unknown;
  addEventListener?(event: string, listener: (event: unknown) => void): void;
}

export interface WorkerListener {
  onMessage(message: unknown): void;
  /** The worker is gone, or never came. */
  onEnd(reason: string): void;
}

/** A worker that messages can be sent to. */
export interface Correspondent extends WorkerHandle {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}

/**
 * Listens to a worker.
 *
 * @param file its name, for the error where browsers keep the reason to themselves
 */
export function attach(worker: AnyWorker, file: string, { onMessage, onEnd }: WorkerListener): Correspondent {
  if (worker.on) {
    worker.on('message', onMessage);
    worker.on('error', (error) => onEnd(describe(error)));
    worker.on('messageerror', () => onEnd(UNREADABLE));
    worker.on('exit', (code) => onEnd(`it exited with code ${String(code)}`));
  } else {
    worker.addEventListener!('message', (event) => onMessage((event as MessageEvent).data));
    worker.addEventListener!('error', (event) => {
      const { message } = event as ErrorEvent;
      // Deno ends the program by an error that nobody took.
      (event as ErrorEvent).preventDefault?.();
      onEnd(message || unknown(file));
    });
    worker.addEventListener!('messageerror', () => onEnd(UNREADABLE));
    // Bun tells of the end.
    worker.addEventListener!('close', () => onEnd('it was closed'));
  }
  return {
    post: (message, transfer) => worker.postMessage(message, transfer ?? []),
    unref: () => worker.unref?.(),
    stop: () => void worker.terminate(),
  };
}

const UNREADABLE = 'it sent what cannot be read here';

/** Anything can be thrown, also what makes no text. */
function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'it threw something that cannot be shown';
  }
}

/** What browsers do not tell. */
function unknown(file: string): string {
  return (
    `its file, ${file}, could not be loaded; is it served with the headers of the page, and does the content ` +
    'security policy allow it?'
  );
}
