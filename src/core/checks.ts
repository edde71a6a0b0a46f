import { shown } from './shown.js';

/** Refuses what are no positive integers. */
export function checkCounts(operation: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${operation}: expected ${name} to be a positive integer, got ${shown(value)}`);
    }
  }
}

/** Refuses what is no finite number of at least `least`. */
export function checkNumber(operation: string, name: string, value: number, least: number): void {
  if (typeof value !== 'number' || !(value >= least) || value === Infinity) {
    throw new RangeError(
      `${operation}: expected ${name} to be a finite number of at least ${least}, got ${shown(value)}`,
    );
  }
}
