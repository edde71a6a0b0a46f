import { shown } from '../core/shown.js';
import { checkCounts } from '../core/checks.js';
import { checkSeed, defaultGenerator, Generator } from '../core/random.js';
import { checkOptions, isPlain } from '../core/options.js';
import type { Tensor } from '../tensor/tensor.js';
import { TensorDataset } from './dataset.js';
import { isSampler, type Sampler } from './sampler.js';

export interface DataLoaderOptions {
  /** Rows in a batch; 1 by default. */
  batchSize?: number;
  /** Mix the rows anew in each epoch; false by default. */
  shuffle?: boolean;
  /** Seed of the mixing; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
  /** Chooses the rows of each epoch and their order, instead of `shuffle`. */
  sampler?: Sampler;
  /** Leave out the last batch where it has fewer rows; false by default. */
  dropLast?: boolean;
}

/** Where the random numbers of a loader are: plain numbers, fit for JSON. */
export interface LoaderState {
  /** Absent where the loader has no seed of its own: see getRandomState(). */
  readonly generator?: readonly number[];
  readonly sampler?: readonly number[];
}

/**
 * Throws where no loader of so many rows can be made of these options.
 *
 * @param name how errors begin
 */
export function checkLoading(name: string, options: DataLoaderOptions, rows: number): void {
  checkOptions(name, options, ['batchSize', 'shuffle?', 'seed', 'dropLast?', 'sampler']);
  const { batchSize = 1, shuffle, seed, dropLast, sampler } = options;
  checkCounts(name, { batchSize });
  if (seed !== undefined) checkSeed(name, seed);
  if (sampler !== undefined && !isSampler(sampler)) {
    throw new TypeError(`${name}: expected a sampler, such as new data.WeightedRandomSampler(weights)`);
  }
  if (sampler && shuffle) throw new RangeError(`${name}: a sampler has an order already; leave shuffle out`);
  const samples = sampler ? sampler.length : rows;
  if (dropLast && samples < batchSize) {
    throw new RangeError(`${name}: ${samples} rows give no batch of ${batchSize} with dropLast`);
  }
}

/**
 * Batches of a data set, for `for (const [inputs, targets] of loader)`; each loop is one epoch.
 *
 * @throws RangeError where the batch size is not a positive integer or no batch would remain
 */
export class DataLoader implements Iterable<[inputs: Tensor, targets: Tensor]> {
  readonly batchSize: number;
  private readonly shuffle: boolean;
  private readonly dropLast: boolean;
  private readonly generator: Generator;
  private readonly seeded: boolean;
  private readonly sampler: Sampler | undefined;

  constructor(
    readonly dataset: TensorDataset,
    options: DataLoaderOptions = {},
  ) {
    if (!(dataset instanceof TensorDataset)) throw new TypeError('DataLoader: expected a TensorDataset');
    checkLoading('DataLoader', options, dataset.length);
    const { batchSize = 1, shuffle = false, seed, dropLast = false, sampler } = options;
    this.sampler = sampler;
    this.seeded = seed !== undefined;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.generator = seed === undefined ? defaultGenerator() : new Generator(seed);
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const batches = this.samples / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Number of rows in an epoch. */
  get rows(): number {
    return Math.min(this.samples, this.length * this.batchSize);
  }

  /** @internal number of rows that order() gives */
  get samples(): number {
    return this.sampler ? this.sampler.length : this.dataset.length;
  }

  /** @internal whether the order of an epoch can be had again from a state */
  get repeatable(): boolean {
    return !this.sampler || typeof this.sampler.getState === 'function';
  }

  /** Where its random numbers are, between two epochs. */
  getState(): LoaderState {
    const sampler = this.sampler?.getState?.();
    return {
      ...(this.seeded && { generator: this.generator.getState() }),
      ...(sampler && { sampler }),
    };
  }

  /**
   * Goes on as a loader with the same options would that gave this state.
   *
   * @throws RangeError where it is the state of a loader with other options; then nothing is changed
   */
  setState(state: LoaderState): void {
    const own = this.getState();
    const isState = isPlain(state);
    const parts = (one: LoaderState): string =>
      (['generator', 'sampler'] as const).filter((name) => one[name]).join(' and ') || 'nothing';
    if (!isState || parts(state) !== parts(own)) {
      const got = isState ? `one with ${parts(state)}` : shown(state);
      throw new RangeError(
        `DataLoader: expected a state with ${parts(own)} (as this loader has it), got ${got}`,
      );
    }
    const put = ({ generator, sampler }: LoaderState): void => {
      if (generator) this.generator.setState('DataLoader', generator);
      if (sampler) this.sampler!.setState!(sampler);
    };
    try {
      put(state);
    } catch (error) {
      put(own);
      throw error;
    }
  }

  /**
   * @internal writes the rows of the data set's columns down in the order of the next epoch
   *
   * @param order [samples]
   */
  order(order: Int32Array): void {
    if (!this.sampler) {
      order.set(this.dataset.rows);
      if (this.shuffle) this.generator.shuffle(order);
      return;
    }
    const rows = this.dataset.rowsAt('sampler', this.sampler.order());
    if (rows.length !== order.length) {
      throw new RangeError(`sampler: expected an order of ${order.length} rows, got ${rows.length}`);
    }
    order.set(rows);
  }

  *[Symbol.iterator](): IterableIterator<[inputs: Tensor, targets: Tensor]> {
    const order = new Int32Array(this.samples);
    this.order(order);
    for (let i = 0; i < this.length; i++) {
      yield this.dataset.gather(order.subarray(i * this.batchSize, (i + 1) * this.batchSize));
    }
  }
}
