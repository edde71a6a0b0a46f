import { checkCounts } from '../core/checks.js';
import { checkRoom } from '../core/room.js';

/** Refuses sizes that are no positive integers, and those of which no tensor fits into memory. */
export function checkSizes(operation: string, sizes: Readonly<Record<string, number>>): void {
  checkCounts(operation, sizes);
  checkRoom(operation, Object.values(sizes));
}
