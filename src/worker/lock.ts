// Nobody is told of a Web Worker that closes itself. But a lock that it holds is free then.

/** Holds a lock until this Web Worker is gone. Resolves once it does, or with false where there are no locks. */
export function hold(name: string): Promise<boolean> {
  // Worker threads of Node have an event for their end.
  if (!('WorkerGlobalScope' in globalThis)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const held = (): Promise<never> => {
      resolve(true);
      return new Promise(() => undefined);
    };
    void request(name, held).then(() => resolve(false));
  });
}

/** Calls `free` once nobody holds the lock. */
export function whenFree(name: string, free: () => void): void {
  void request(name, free);
}

async function request(name: string, work: () => unknown): Promise<void> {
  try {
    await globalThis.navigator?.locks?.request(`wasmgrad ${name}`, work);
  } catch {
    // Pages without an origin have none.
  }
}
