import type { Progress } from './progress.js';

/** Browsers and edge functions have no terminal: see callbacks.ProgressBar and its `show`. */
export function createProgress(): Progress | undefined {
  return undefined;
}
