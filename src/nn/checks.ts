import { checkRoom } from '../core/room.js';

/** Refuses sizes that are no positive integers, and those of which no tensor fits into memory. */
export function checkSizes(operation: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`${operation}: expected ${name} to be a positive integer, got ${String(value)}`);
    }
  }
  checkRoom(operation, Object.values(sizes));
}

/** Refuses what is no finite number of at least `least`. */
export function checkNumber(operation: string, name: string, value: number, least: number): void {
  if (typeof value !== 'number' || !(value >= least) || value === Infinity) {
    throw new RangeError(
      `${operation}: expected ${name} to be a finite number of at least ${least}, got ${String(value)}`,
    );
  }
}
