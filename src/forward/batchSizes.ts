import { DOT_ROWS, SMALL } from '../../assembly/gemm/limits.js';

/** What the registers of so many rows hold stays in the caches. */
const ROWS = 256;

/**
 * The fewest rows of a batch, where there are as many.
 *
 * @param widest outputs of the widest layer
 */
export function leastRows(widest: number): number {
  return Math.max(ROWS, widest, DOT_ROWS + 1, SMALL);
}

/**
 * Rows in batches of about the same size. The order of a layer's sums depends on whether there are more than DOT_ROWS
 * rows, as many as the layer has outputs, and more than SMALL products; so batches must have as many rows as that where the
 * whole has.
 *
 * @param widest outputs of the widest layer
 */
export function batchSizes(rows: number, widest: number): number[] {
  const batches = Math.max(rows > 0 ? 1 : 0, Math.floor(rows / leastRows(widest)));
  const begin = (i: number): number => Math.floor((i * rows) / batches);
  return Array.from({ length: batches }, (_, i) => begin(i + 1) - begin(i));
}
