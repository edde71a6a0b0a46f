/** The loss of the rows so far: sum / weight. */
export interface Figure {
  sum: number;
  weight: number;
}

/**
 * Takes the loss of a batch in, so that the figure is that of all rows together.
 *
 * @param weight see {@link Loss.weightOf}
 */
export function take(figure: Figure, loss: number, weight: number): void {
  // What counts nothing may be NaN.
  if (weight === 0) return;
  const adds = weight === Infinity;
  figure.sum += adds ? loss : loss * weight;
  figure.weight = adds ? 1 : figure.weight + weight;
}
