import { checkNumber } from '../../core/checks.js';
import { sizeOf } from '../../tensor/layout.js';
import { misfit, refuseNaN, type MetricBatch } from './metric.js';

/** How classes stand in a batch. */
export interface ClassLayout {
  /** Decisions in the batch: rows, or elements where each is a decision of its own. */
  readonly count: number;
  /** Number of classes; 2 where a decision is one number. */
  readonly classes: number;
  /** Numbers that make up one decision: 1, or one for each class. */
  readonly width: number;
  /** Whether targets are class indices, and no probabilities. */
  readonly indices: boolean;
}

/**
 * One output is a decision between class 0 and class 1, several are one between as many classes; several that are
 * logits of sigmoid are decisions of their own each.
 */
export function layoutOf(name: string, batch: MetricBatch): ClassLayout {
  const { outputs, outputShape, targets, meaning } = batch;
  const rows = outputShape[0] ?? 1;
  const width = sizeOf(outputShape.slice(1));
  if (width === 1 || meaning === 'sigmoid') {
    if (targets.length !== outputs.length) throw misfit(name, batch);
    return { count: outputs.length, classes: 2, width: 1, indices: true };
  }
  const indices = targets.length === rows;
  if (!indices && targets.length !== outputs.length) throw misfit(name, batch);
  return { count: rows, classes: width, width, indices };
}

function argmax(values: Float32Array, start: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) if (values[start + i] > values[start + best]) best = i;
  return best;
}

/**
 * The target class of decision `i`: its index, or the largest of its probabilities; −1 if the target is negative, which
 * leaves the decision out, as losses with an ignoreIndex do.
 *
 * @throws RangeError if the target is NaN or no class
 */
export function targetOf(name: string, { targets }: MetricBatch, layout: ClassLayout, i: number): number {
  const { classes, width, indices } = layout;
  if (!indices) {
    const start = i * width;
    refuseNaN(name, targets.subarray(start, start + width));
    const best = argmax(targets, start, width);
    return targets[start + best] < 0 ? -1 : best;
  }
  const target = targets[i];
  if (target < 0) return -1;
  // One output may have a probability as its target.
  if (width === 1 && target <= 1) return target > 0.5 ? 1 : 0;
  if (!Number.isInteger(target) || target >= classes) {
    const expected = width === 1 ? 'targets' : 'class indices, integers';
    throw new RangeError(`${name}: expected ${expected} from 0 to ${classes - 1}, got ${target}`);
  }
  return target;
}

/**
 * The class that decision `i` is for: the largest output, the first of several that are equal, or for one output whether it
 * is above the threshold. −1, which is no class and so never right, where an output is NaN.
 */
export function predictionOf(
  { outputs, meaning }: MetricBatch,
  { width }: ClassLayout,
  i: number,
  threshold: number,
): number {
  for (let c = i * width; c < (i + 1) * width; c++) if (Number.isNaN(outputs[c])) return -1;
  if (width > 1) return argmax(outputs, i * width, width);
  return (meaning === 'sigmoid' ? sigmoid(outputs[i]) : outputs[i]) > threshold ? 1 : 0;
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/**
 * The logarithm of the probability of each class, of the logits of one decision. Those that are +∞ share it among them, as in the
 * losses; NaN where one is NaN or all are −∞.
 */
export function logProbabilities(values: Float32Array, start: number, length: number): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < length; i++) largest = Math.max(largest, values[start + i]);
  const below = Float64Array.from({ length }, (_, i) => {
    const value = values[start + i];
    return value === Infinity ? 0 : value - largest;
  });
  const total = Math.log(below.reduce((sum, value) => sum + Math.exp(value), 0));
  return below.map((value) => value - total);
}

export function checkThreshold(name: string, threshold: number): void {
  checkNumber(name, 'threshold', threshold, { least: 0, most: 1 });
}
