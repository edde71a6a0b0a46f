import { shown } from '../core/shown.js';
import { logOfShare, powerOfTwo } from '../core/elementary.js';
import { checkSeed, defaultGenerator, Generator } from '../core/random.js';
import { checkOptions } from '../core/options.js';
import { labelsOf, listOf, type Labels } from './labels.js';

/** Chooses the rows of an epoch; a DataLoader asks it before each one. */
export interface Sampler {
  /** Number of rows in an epoch. */
  readonly length: number;
  /** Positions in the data set, in order. */
  order(): Int32Array | readonly number[];
  /** Where its random numbers are; needed to resume with the same ones. */
  getState?(): readonly number[] | undefined;
  setState?(state: readonly number[]): void;
}

export function isSampler(value: unknown): value is Sampler {
  const sampler = value as Partial<Sampler> | null;
  return (
    typeof sampler === 'object' &&
    typeof sampler?.order === 'function' &&
    Number.isInteger(sampler.length) &&
    sampler.length! > 0
  );
}

export interface WeightedRandomSamplerOptions {
  /** Rows in an epoch; as many as there are weights by default. */
  numSamples?: number;
  /** Whether a row may come more than once in an epoch; true by default. */
  replacement?: boolean;
  /** Seed of the choice; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
}

/** About the largest weight is 2 to this power. */
const SIZE = 900;

/**
 * Rows at random, each in proportion to its weight. Without replacement a row is drawn among those that are left, in
 * proportion to its weight among them.
 *
 * @throws RangeError on a weight that is negative or not finite, where all are 0, or where too few rows have a weight
 * above 0 to be drawn without replacement
 * @example
 * ```ts
 * import { data } from 'wasmgrad';
 * const labels = [0, 0, 0, 0, 0, 0, 0, 1];
 * const dataset = new data.TensorDataset(labels.map((label, i) => [label, i]), labels);
 * const sampler = new data.WeightedRandomSampler(data.balancedWeights(labels), { seed: 1, numSamples: 1000 });
 * const [[, drawn]] = new data.DataLoader(dataset, { sampler, batchSize: 1000 });
 * const rare = drawn.mean().item(); // about one half
 * rare > 0.45 && rare < 0.55; // true
 * ```
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  /** In a unit of their own. */
  private readonly weights: Float64Array;
  /** Sums of the weights up to each row. */
  private readonly sums: Float64Array;
  private readonly replacement: boolean;
  private readonly seeded: boolean;
  private readonly generator: Generator;

  constructor(weights: ArrayLike<number>, options: WeightedRandomSamplerOptions = {}) {
    checkOptions('WeightedRandomSampler', options, ['numSamples', 'replacement?', 'seed']);
    this.weights = Float64Array.from(listOf('WeightedRandomSampler', 'weights', weights));
    const { numSamples = this.weights.length, replacement = true, seed } = options;
    let largest = 0;
    this.weights.forEach((weight, i) => {
      if (weight < 0) {
        throw new RangeError(
          `WeightedRandomSampler: expected finite weights ≥ 0, got ${shown(weight)} for row ${i}`,
        );
      }
      largest = Math.max(largest, weight);
    });
    if (largest === 0) throw new RangeError('WeightedRandomSampler: expected a weight above 0, got none');
    // By powers of two, which keep the bits, so that neither sums nor quotients leave float64.
    const power = powerOfTwo(largest);
    this.weights.forEach((weight, i) => {
      if (weight > 0) this.weights[i] = Math.max(2 ** -SIZE, (weight / power) * 2 ** SIZE);
    });
    let total = 0;
    this.sums = this.weights.map((weight) => (total += weight));
    const most = replacement ? Infinity : this.weights.filter((weight) => weight > 0).length;
    if (!Number.isInteger(numSamples) || numSamples < 1 || numSamples > most) {
      const limit = most === Infinity ? '' : ` up to ${most} (the rows with a weight above 0)`;
      throw new RangeError(
        `WeightedRandomSampler: expected numSamples to be a positive integer${limit}, got ${shown(numSamples)}`,
      );
    }
    if (seed !== undefined) checkSeed('WeightedRandomSampler', seed);
    this.length = numSamples;
    this.replacement = replacement;
    this.seeded = seed !== undefined;
    this.generator = seed === undefined ? defaultGenerator() : new Generator(seed);
  }

  order(): Int32Array {
    return this.replacement ? this.withReplacement() : this.withoutReplacement();
  }

  getState(): number[] | undefined {
    return this.seeded ? this.generator.getState() : undefined;
  }

  setState(state: readonly number[]): void {
    this.generator.setState('WeightedRandomSampler', state);
  }

  private withReplacement(): Int32Array {
    const { sums } = this;
    const total = sums[sums.length - 1];
    return Int32Array.from({ length: this.length }, () => {
      const at = this.generator.fraction() * total;
      let low = 0;
      let high = sums.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (sums[middle] > at) high = middle;
        else low = middle + 1;
      }
      return low;
    });
  }

  /** The rows with the smallest exponential variates of rate `weight` (Efraimidis and Spirakis, 2006). */
  private withoutReplacement(): Int32Array {
    const keys = this.weights.map((weight) => -logOfShare(1 - this.generator.fraction()) / weight);
    const rows = Int32Array.from({ length: keys.length }, (_, i) => i);
    // 0 / 0 where a row must never be drawn.
    keys.forEach((key, i) => {
      if (Number.isNaN(key)) keys[i] = Infinity;
    });
    rows.sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] - keys[b]));
    return rows.slice(0, this.length);
  }
}

/**
 * Weights that make each class as likely as every other: rows / (classes · rows of the class), for each row.
 *
 * @param labels a class for each row, or a data set whose targets are such
 * @example
 * ```ts
 * import { data } from 'wasmgrad';
 * data.balancedWeights([0, 0, 0, 1]); // [0.6666667, 0.6666667, 0.6666667, 2]
 * ```
 */
export function balancedWeights(labels: Labels): number[] {
  const classes = labelsOf('balancedWeights', labels);
  const counts = new Map<number, number>();
  for (const label of classes) counts.set(label, (counts.get(label) ?? 0) + 1);
  return classes.map((label) => classes.length / (counts.size * counts.get(label)!));
}
