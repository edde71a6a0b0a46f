import { DOT_ROWS, SMALL } from '../../assembly/gemm/limits.js';

/** What the registers of so many rows hold stays in the caches. */
const ROWS = 256;
/** A product of so many rows is neither a few dot products nor a small one. */
const LEAST = ROWS >= SMALL && ROWS > DOT_ROWS ? ROWS : SMALL + DOT_ROWS;

/**
 * The fewest rows of a batch, where there are as many.
 *
 * @param widest outputs of the widest layer
 */
export function leastRows(widest: number): number {
  return Math.max(LEAST, widest);
}

/**
 * Rows in batches of about the same size. The order of a layer's sums depends on whether there are more than DOT_ROWS
 * rows, as many as the layer has outputs, and more than SMALL products; so batches must have as many rows as that where the
 * whole has.
 *
 * @param widest outputs of the widest layer
 */
export function batchSizes(rows: number, widest: number): number[] {
  const batches = Math.floor(rows / leastRows(widest)) || Math.min(rows, 1);
  const begin = (i: number): number => Math.floor((i * rows) / batches);
  return Array.from({ length: batches }, (_, i) => begin(i + 1) - begin(i));
}
