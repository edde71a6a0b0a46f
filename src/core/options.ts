import { shown } from './shown.js';

/**
 * Refuses options that are no plain object, and those that nobody would read. Every public constructor and function
 * that takes options asks it first.
 *
 * @param name as users call the function; errors begin with it
 * @param known names of the options; those that end in `?` are true or false. An error shows how to write the first, so
 * begin with the one that users of other libraries give by position.
 */
export function checkOptions(name: string, options: unknown, known: readonly string[]): void {
  const names = known.map((one) => one.replace('?', ''));
  const refuse = (problem: string): never => {
    throw new TypeError(`${name}: ${problem} (known: ${names.join(', ')})`);
  };
  if (!isPlain(options)) {
    const value = /number|boolean/.test(typeof options) ? String(options) : '…';
    refuse(`expected options as an object, such as { ${names[0]}: ${value} }, got ${shown(options)}`);
  }
  for (const key of Object.keys(options as object)) {
    const at = names.indexOf(key);
    if (at < 0) refuse(`unknown option '${key}'`);
    const value = (options as Record<string, unknown>)[key];
    if (names[at] !== known[at] && value !== undefined && typeof value !== 'boolean') {
      refuse(`expected ${key} to be true or false, got ${shown(value)}`);
    }
  }
}

/** Whether this is an object without a class: it has no prototype, or `Object.prototype`, be it that of another realm. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || !value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return !prototype || !Object.getPrototypeOf(prototype);
}
