/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The median of the ratios of rounds: each round of `a` by the one of `b` that was measured just before or after it. A
 * machine that changes its speed changes both, so this is steadier than the ratio of the medians.
 *
 * @param {readonly number[]} [a]
 * @param {readonly number[]} [b]
 */
export function pairedRatio(a = [], b = []) {
  const ratios = a.slice(0, b.length).map((x, i) => x / b[i]);
  return ratios.length > 0 ? median(ratios) : NaN;
}

/**
 * How far rounds lie apart: half of the range, as a share of the median.
 *
 * @param {readonly number[]} values
 */
export function spread(values) {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}
