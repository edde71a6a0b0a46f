import { shown } from './shown.js';

/** Takes a warning: a sentence about something that runs, but hardly as it was meant. */
export type WarningHandler = (message: string) => void;

const toConsole: WarningHandler = (message) => console.warn(message);
let handler = toConsole;
const said = new Set<string>();

/**
 * Says who takes the library's warnings; `console.warn` by default. Each is given once, and once more to another handler.
 *
 * @param next undefined for the default, `() => {}` for none
 * @example
 * ```ts
 * import { setWarningHandler } from 'wasmgrad';
 * const warnings: string[] = [];
 * setWarningHandler((message) => warnings.push(message));
 * ```
 */
export function setWarningHandler(next: WarningHandler = toConsole): void {
  if (typeof next !== 'function') {
    throw new TypeError(`setWarningHandler: expected a function of a message, got ${shown(next)}`);
  }
  handler = next;
  said.clear();
}

/** Warns of this, unless it was said before. */
export function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  handler(message);
}
