/** What the registers of so many rows hold stays in the caches. */
const MOST_ROWS = 256;

/**
 * Rows in batches of about the same size. Sums of up to three rows run in another order than those of more, so a few must
 * not be left over where there were many.
 */
export function batchSizes(rows: number): number[] {
  const batches = Math.ceil(rows / MOST_ROWS);
  return Array.from(
    { length: batches },
    (_, i) => Math.floor(((i + 1) * rows) / batches) - Math.floor((i * rows) / batches),
  );
}
