import { checkCounts } from '../../core/checks.js';
import { checkOptions } from '../../core/options.js';
import { checkThreshold, layoutOf, predictionOf, targetOf } from './decisions.js';
import { Metric, type MetricBatch, type MetricOptions } from './metric.js';

export interface AccuracyOptions extends MetricOptions {
  /** A single output is for class 1 when its probability is above this; 0.5 by default. */
  threshold?: number;
}

/**
 * Share of rows whose largest output is the target class (an index, or the largest of its probabilities). One output
 * alone is a decision between class 0 and class 1. Of equal outputs the first counts as the largest. A row with a NaN among
 * its outputs is wrong. Rows with a negative target are left out; of no row at all the accuracy is NaN.
 *
 * @throws RangeError on a bad threshold, on shapes that do not fit and on a target that is no class
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.Accuracy().update([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1]).compute(); // 0.6666667
 * ```
 */
export class Accuracy extends Metric<number> {
  readonly name: string;
  private readonly threshold: number;
  private right = 0;
  private count = 0;

  constructor(options: AccuracyOptions = {}) {
    super();
    checkOptions('Accuracy', options, ['threshold', 'name']);
    ({ name: this.name = 'accuracy', threshold: this.threshold = 0.5 } = options);
    checkThreshold('Accuracy', this.threshold);
  }

  add(batch: MetricBatch): void {
    const layout = layoutOf(this.name, batch);
    for (let i = 0; i < layout.count; i++) {
      const target = targetOf(this.name, batch, layout, i);
      if (target < 0) continue;
      this.count++;
      if (predictionOf(batch, layout, i, this.threshold) === target) this.right++;
    }
  }

  compute(): number {
    return this.right / this.count;
  }

  reset(): void {
    this.right = this.count = 0;
  }
}

export interface TopKOptions extends MetricOptions {
  /** How many guesses count; 5 by default. */
  k?: number;
}

/**
 * Share of rows whose target class is among the k largest outputs. Where outputs are equal, the lower class is taken to
 * be the larger one. A row with a NaN among its outputs is wrong. Of no row at all: NaN.
 *
 * @throws RangeError where k is no positive integer or there are not more than k classes' outputs
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.TopK({ k: 2 }).update([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], [1, 2]).compute(); // 0.5
 * ```
 */
export class TopK extends Metric<number> {
  readonly name: string;
  readonly k: number;
  private right = 0;
  private count = 0;

  constructor(options: TopKOptions = {}) {
    super();
    checkOptions('TopK', options, ['k', 'name']);
    this.k = options.k ?? 5;
    this.name = options.name ?? `top${this.k}`;
    checkCounts('TopK', { k: this.k });
  }

  add(batch: MetricBatch): void {
    const layout = layoutOf(this.name, batch);
    const { width } = layout;
    const least = Math.max(this.k, 2);
    if (width < least) {
      throw new RangeError(`${this.name}: expected at least ${least} outputs a row, got ${width}`);
    }
    for (let i = 0; i < layout.count; i++) {
      const target = targetOf(this.name, batch, layout, i);
      if (target < 0) continue;
      this.count++;
      const own = batch.outputs[i * width + target];
      // NaN: no guess at all.
      let before = 0;
      for (let c = 0; c < width; c++) {
        const other = batch.outputs[i * width + c];
        if (Number.isNaN(other)) before = Infinity;
        if (other > own || (other === own && c < target)) before++;
      }
      if (before < this.k) this.right++;
    }
  }

  compute(): number {
    return this.right / this.count;
  }

  reset(): void {
    this.right = this.count = 0;
  }
}
