/** Edge functions have one thread. */
export function parallelism(): number {
  return 1;
}

/** @throws always */
export function startWorker(): never {
  throw new Error('this host has no workers');
}
