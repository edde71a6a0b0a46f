import { checkOptions } from '../../core/options.js';
import { layoutOf, targetOf } from './decisions.js';
import { Metric, type MetricBatch, type MetricOptions } from './metric.js';

/** Numbers, more and more of them. */
class Growing {
  private values = new Float64Array(64);
  private length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  sorted(): Float64Array {
    const sorted = this.values.slice(0, this.length);
    sorted.sort();
    return sorted;
  }
}

/**
 * log(p / (1 − p)) of the probability that softmax gives each class: in the same order as p, and never so close to a limit
 * that different ones become equal.
 */
function logOdds(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const first = logits.indexOf(largest);
  // The largest one is compared with the others alone: beside its own part in a sum they would vanish.
  const others = logits.filter((_, c) => c !== first);
  const second = others.reduce((a, b) => Math.max(a, b));
  const parts = (list: Float32Array, from: number): number =>
    list.reduce((sum, logit) => sum + Math.exp(above(logit, from)), 0);
  const sum = parts(logits, largest);
  return Float64Array.from(logits, (logit, c) =>
    c === first
      ? above(logit, second) - Math.log(parts(others, second))
      : above(logit, largest) - Math.log(sum - Math.exp(above(logit, largest))),
  );
}

/** How far a logit is above another one; infinite ones may be equal, too. */
function above(logit: number, other: number): number {
  return logit === other ? 0 : logit - other;
}

/** Scores of the rows that are of a class, and of those that are not. */
interface Sides {
  readonly of: Growing;
  readonly others: Growing;
}

/**
 * The share of pairs of one row of the class and one of another in which the first has the higher score, equal ones
 * counted half. NaN where one side is empty.
 */
function area({ of, others }: Sides): number {
  const positive = of.sorted();
  const negative = others.sorted();
  // Sorted, NaN comes last.
  if (Number.isNaN(positive.at(-1)) || Number.isNaN(negative.at(-1))) return NaN;
  let below = 0;
  let until = 0;
  let twice = 0;
  for (const score of positive) {
    while (below < negative.length && negative[below] < score) below++;
    until = Math.max(until, below);
    while (until < negative.length && negative[until] === score) until++;
    twice += below + until;
  }
  return twice / (2 * positive.length * negative.length);
}

/**
 * The area under the receiver operating characteristic, exact, ties counted half. Two classes: class 1 against class 0.
 * More: each class against all others, by its log-odds, which have the order of its probability, and the mean of these. Keeps every score until reset().
 * NaN where a class has no rows, or has all of them, and where an output is NaN.
 *
 * @throws RangeError on shapes that do not fit and on a target that is no class
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.RocAuc().update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).compute(); // 0.75
 * ```
 */
export class RocAuc extends Metric<number> {
  readonly name: string;
  private sides: Sides[] = [];

  constructor(options: MetricOptions = {}) {
    super();
    checkOptions('RocAuc', options, ['name']);
    this.name = options.name ?? 'rocAuc';
  }

  add(batch: MetricBatch): void {
    const layout = layoutOf(this.name, batch);
    const { outputs, meaning } = batch;
    const { classes, width, count } = layout;
    const compared = classes === 2 ? 1 : classes;
    if (this.sides.length === 0) {
      this.sides = Array.from({ length: compared }, () => ({ of: new Growing(), others: new Growing() }));
    } else if (this.sides.length !== compared) {
      throw new RangeError(`${this.name}: expected as many classes as before, got ${classes}`);
    }
    for (let i = 0; i < count; i++) {
      const target = targetOf(this.name, batch, layout, i);
      if (target < 0) continue;
      if (classes === 2) {
        // Logits are in the same order as their probabilities, and tell closer ones apart.
        const start = i * width;
        const score =
          width === 1
            ? outputs[i]
            : meaning === 'softmax'
              ? above(outputs[start + 1], outputs[start])
              : outputs[start + 1];
        this.note(0, target === 1, score);
        continue;
      }
      const row = outputs.subarray(i * width, (i + 1) * width);
      const scores = meaning === 'softmax' ? logOdds(row) : row;
      scores.forEach((score, c) => this.note(c, target === c, score));
    }
  }

  compute(): number {
    return this.sides.map(area).reduce((sum, value) => sum + value, 0) / this.sides.length;
  }

  reset(): void {
    this.sides = [];
  }

  private note(c: number, belongs: boolean, score: number): void {
    const { of, others } = this.sides[c];
    (belongs ? of : others).push(score);
  }
}
