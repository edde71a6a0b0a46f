import { checkOptions } from '../../core/options.js';
import { checkThreshold, layoutOf, predictionOf, targetOf } from './decisions.js';
import { Metric, type MetricBatch, type MetricOptions, type MetricValue } from './metric.js';

export interface ConfusionOptions extends MetricOptions {
  /** A single output is for class 1 when its probability is above this; 0.5 by default. */
  threshold?: number;
}

/** Counts of target class (row) and predicted class (column). */
abstract class Counting<Value extends MetricValue> extends Metric<Value> {
  protected classes = 0;
  protected counts = new Float64Array(0);
  /** Rows of each class that were taken for none, since an output is NaN. */
  protected lost = new Float64Array(0);

  constructor(private readonly threshold = 0.5) {
    super();
    checkThreshold(new.target.name, threshold);
  }

  add(batch: MetricBatch): void {
    const layout = layoutOf(this.name, batch);
    const { classes, count } = layout;
    if (this.classes === 0) {
      this.classes = classes;
      this.counts = new Float64Array(classes * classes);
      this.lost = new Float64Array(classes);
    } else if (classes !== this.classes) {
      throw new RangeError(`${this.name}: expected ${this.classes} classes as before, got ${classes}`);
    }
    for (let i = 0; i < count; i++) {
      const target = targetOf(this.name, batch, layout, i);
      if (target < 0) continue;
      const prediction = predictionOf(batch, layout, i, this.threshold);
      if (prediction < 0) this.lost[target]++;
      else this.counts[target * classes + prediction]++;
    }
  }

  reset(): void {
    this.classes = 0;
    this.counts = new Float64Array(0);
  }
}

/**
 * How often a row of class i (first index) was taken for class j (second index). A row with a NaN among its outputs was
 * taken for none, and is not in it. Of no batch at all: an empty list.
 *
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.ConfusionMatrix().update([0.9, 0.2, 0.7], [1, 0, 0]).compute(); // [[1, 1], [0, 1]]
 * ```
 */
export class ConfusionMatrix extends Counting<number[][]> {
  readonly name: string;

  constructor(options: ConfusionOptions = {}) {
    checkOptions('ConfusionMatrix', options, ['threshold', 'name']);
    super(options.threshold);
    this.name = options.name ?? 'confusionMatrix';
  }

  compute(): number[][] {
    const { classes, counts } = this;
    return Array.from({ length: classes }, (_, i) => [...counts.subarray(i * classes, (i + 1) * classes)]);
  }
}

/**
 * How the figures of the classes become one: `binary` takes class 1 of two, `macro` their mean, `weighted` the mean
 * weighted by how many rows a class has, `micro` counts all classes together, `none` gives a list. A row with a NaN among its
 * outputs was taken for no class: it is missed by its own. Of no row at all the figure is NaN.
 */
export type Average = 'binary' | 'macro' | 'weighted' | 'micro' | 'none';

const AVERAGES: readonly Average[] = ['binary', 'macro', 'weighted', 'micro', 'none'];

export interface ClassMetricOptions extends ConfusionOptions {
  /** `binary` by default where there are two classes, else `macro`. */
  average?: Average;
}

/** True positives, false positives and false negatives of a class. */
type Score = (truePositives: number, falsePositives: number, falseNegatives: number) => number;

/** As in scikit-learn: 0 where nothing could be counted, but NaN where there are no rows. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** A figure computed from the counts of each class. */
abstract class ClassMetric extends Counting<number | number[]> {
  readonly name: string;
  private readonly average: Average | undefined;

  constructor(
    name: string,
    options: ClassMetricOptions,
    private readonly score: Score,
  ) {
    checkOptions(new.target.name, options, ['average', 'threshold', 'name']);
    super(options.threshold);
    this.name = options.name ?? name;
    this.average = options.average;
    if (this.average !== undefined && !AVERAGES.includes(this.average)) {
      throw new RangeError(
        `${new.target.name}: unknown average '${String(this.average)}' (known: ${AVERAGES.join(', ')})`,
      );
    }
  }

  compute(): number | number[] {
    const { classes, counts, score } = this;
    const average = this.average ?? (classes === 2 ? 'binary' : 'macro');
    const triples = Array.from({ length: classes }, (_, c) => {
      let row = 0;
      let column = 0;
      for (let i = 0; i < classes; i++) {
        row += counts[c * classes + i];
        column += counts[i * classes + c];
      }
      const right = counts[c * classes + c];
      const rows = row + this.lost[c];
      return { right, over: column - right, missed: rows - right, rows };
    });
    const scores = triples.map(({ right, over, missed }) => score(right, over, missed));
    if (average === 'none') return scores;
    if (!triples.some(({ rows }) => rows > 0)) return NaN;
    if (average === 'binary') {
      if (classes !== 2)
        throw new RangeError(`${this.name}: average 'binary' wants two classes, got ${classes}`);
      return scores[1];
    }
    if (average === 'micro') {
      const sum = (key: 'right' | 'over' | 'missed'): number => triples.reduce((n, t) => n + t[key], 0);
      return score(sum('right'), sum('over'), sum('missed'));
    }
    // A class that neither occurs nor is predicted has no figure, as in scikit-learn.
    const weights = triples.map(({ rows, over }) =>
      average === 'weighted' ? rows : Number(rows + over > 0),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return scores.reduce((sum, value, c) => sum + value * weights[c], 0) / total;
  }
}

/**
 * Of the rows taken for a class, the share that are of it: TP / (TP + FP); 0 where there are none.
 *
 * @throws RangeError on an unknown average, and where `binary` meets more than two classes
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.Precision().update([0.9, 0.2, 0.7], [1, 0, 0]).compute(); // 0.5
 * ```
 */
export class Precision extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('precision', options, (right, over) => ratio(right, right + over));
  }
}

/**
 * Of the rows of a class, the share that are taken for it: TP / (TP + FN); 0 where there are none.
 *
 * @throws RangeError on an unknown average, and where `binary` meets more than two classes
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.Recall({ average: 'none' }).update([0.9, 0.2, 0.7], [1, 0, 0]).compute(); // [0.5, 1]
 * ```
 */
export class Recall extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('recall', options, (right, _, missed) => ratio(right, right + missed));
  }
}

/**
 * The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN); 0 where there is nothing to count.
 *
 * @throws RangeError on an unknown average, and where `binary` meets more than two classes
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.F1({ average: 'macro' }).update([0.9, 0.2, 0.7], [1, 0, 0]).compute(); // 0.6666667
 * ```
 */
export class F1 extends ClassMetric {
  constructor(options: ClassMetricOptions = {}) {
    super('f1', options, (right, over, missed) => ratio(2 * right, 2 * right + over + missed));
  }
}
