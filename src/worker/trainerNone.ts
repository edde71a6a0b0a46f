/** @throws always: edge functions have one thread */
export function startTrainer(): never {
  throw new Error('this host has no workers');
}

/** @throws always */
export function ownPort(): never {
  throw new Error('serveTraining: this host has no workers');
}
