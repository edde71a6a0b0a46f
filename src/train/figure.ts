import { engine } from '../core/engine.js';
import type { Recording } from '../tensor/recording.js';

/** The loss of the rows so far: sum / weight. */
export interface Figure {
  sum: number;
  weight: number;
}

/** Loss and weight of a batch, as resultsOf() gave them, and weight · loss where that cannot be told from the two. */
export function figureOf(results: Recording['results']): [loss: number, weight: number, sum?: number] {
  const { f32 } = engine();
  const [loss, weight, unit = 1, sum] = results.map(({ pointer }) => f32[pointer / 4]);
  return [loss, weight * unit, sum === undefined ? sum : sum * unit];
}

/**
 * Takes the loss of a batch in, so that the figure is that of all rows together.
 *
 * @param weight see {@link Loss.weightOf}; what counts nothing may be NaN
 * @returns what was added to the sum
 */
export function take(
  figure: Figure,
  loss: number,
  weight: number,
  sum = weight === 0 ? 0 : weight === Infinity ? loss : loss * weight,
): number {
  figure.sum += sum;
  figure.weight = weight === Infinity ? 1 : figure.weight + weight;
  return sum;
}
