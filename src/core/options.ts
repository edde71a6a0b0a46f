import { shown } from './shown.js';

/**
 * Refuses options that are no plain object, and those that nobody would read. Every public constructor and function
 * that takes options asks it first.
 *
 * @param name as users call the function; errors begin with it
 * @param known names of the options. An error shows how to write the first, so begin with the one that users of other
 * libraries give by position.
 */
export function checkOptions(name: string, options: unknown, known: readonly string[]): void {
  const refuse = (problem: string): never => {
    throw new TypeError(`${name}: ${problem} (known: ${known.join(', ')})`);
  };
  if (!isPlain(options)) {
    const value = /number|boolean/.test(typeof options) ? String(options) : '…';
    refuse(`expected options as an object, such as { ${known[0]}: ${value} }, got ${shown(options)}`);
  }
  for (const key of Object.keys(options as object)) {
    if (!known.includes(key)) refuse(`unknown option '${key}'`);
  }
}

/** Whether this is an object without a class: it has no prototype, or `Object.prototype`, be it that of another realm. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || !value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return !prototype || !Object.getPrototypeOf(prototype);
}
