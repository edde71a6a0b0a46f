import type { Shape } from '../tensor/layout.js';

/** Outputs and targets of one batch, as the metric sees them: flat, row-major. */
export interface Batch {
  readonly outputs: Float32Array;
  readonly outputShape: Shape;
  readonly targets: Float32Array;
  readonly targetShape: Shape;
}

/** A figure for one batch: the mean over its rows. */
export type Metric = (batch: Batch) => number;

function argmax(values: Float32Array, start: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if (values[start + i] > values[start + best]) best = i;
  return best;
}

/**
 * Share of rows whose largest output is the target class (an index, or the largest of its probabilities). With a
 * single output, share of rows in which output and target are on the same side of 0.5.
 */
function accuracy({ outputs, outputShape, targets, targetShape }: Batch): number {
  const rows = outputShape[0];
  const classes = outputs.length / rows;
  let right = 0;
  for (let row = 0; row < rows; row++) {
    if (classes === 1) {
      if (outputs[row] > 0.5 === targets[row] > 0.5) right++;
      continue;
    }
    const target = targetShape.length > 1 ? argmax(targets, row * classes, classes) : targets[row];
    if (argmax(outputs, row * classes, classes) === target) right++;
  }
  return right / rows;
}

/** The metrics that evaluate() knows by name. */
export const metrics: Readonly<Record<string, Metric>> = { accuracy };
