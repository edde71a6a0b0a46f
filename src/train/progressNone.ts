import type { Progress } from './progress.js';

/** Browsers and edge functions have no terminal: use onBatch and onEpoch. */
export function createProgress(): Progress | undefined {
  return undefined;
}
