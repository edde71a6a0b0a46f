import { checkSeed, defaultGenerator, Generator } from '../core/random.js';
import { checkOptions, type Tensor } from '../tensor/tensor.js';
import { TensorDataset } from './dataset.js';

export interface DataLoaderOptions {
  /** Rows in a batch; 1 by default. */
  batchSize?: number;
  /** Mix the rows anew in each epoch; false by default. */
  shuffle?: boolean;
  /** Seed of the mixing; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
  /** Leave out the last batch where it has fewer rows; false by default. */
  dropLast?: boolean;
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

  constructor(
    readonly dataset: TensorDataset,
    options: DataLoaderOptions = {},
  ) {
    if (!(dataset instanceof TensorDataset)) throw new TypeError('DataLoader: expected a TensorDataset');
    checkOptions('DataLoader', options, ['batchSize', 'shuffle', 'seed', 'dropLast']);
    const { batchSize = 1, shuffle = false, seed, dropLast = false } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(
        `DataLoader: expected batchSize to be a positive integer, got ${String(batchSize)}`,
      );
    }
    if (seed !== undefined) checkSeed('DataLoader', seed);
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.generator = seed === undefined ? defaultGenerator() : new Generator(seed);
    if (this.length === 0) {
      throw new RangeError(`DataLoader: ${dataset.length} rows give no batch of ${batchSize} with dropLast`);
    }
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Number of rows in an epoch. */
  get rows(): number {
    return Math.min(this.dataset.length, this.length * this.batchSize);
  }

  /** @internal the rows of the data set's columns in the order of the next epoch */
  order(): Int32Array {
    const order = this.dataset.rows.slice();
    if (this.shuffle) this.generator.shuffle(order);
    return order;
  }

  *[Symbol.iterator](): IterableIterator<[inputs: Tensor, targets: Tensor]> {
    const order = this.order();
    for (let i = 0; i < this.length; i++) {
      yield this.dataset.gather(order.subarray(i * this.batchSize, (i + 1) * this.batchSize));
    }
  }
}
