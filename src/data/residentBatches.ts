import { engine } from '../core/engine.js';
import { Block } from '../core/owner.js';
import { Cursor, ResidentSource } from '../tensor/source.js';
import { Tensor } from '../tensor/tensor.js';
import type { Batch, BatchSource } from './batches.js';
import type { DataLoader } from './dataLoader.js';

/**
 * The batches of a loader for a function that is replayed: the order of an epoch lies in linear memory, and a batch is
 * the place of its first row there. So a batch costs JavaScript one number, and no new object: the two tensors of `at`
 * are the same ones each time. And a program can go on to the next batch by itself.
 */
export class ResidentBatches implements BatchSource {
  readonly length: number;
  readonly cursor: Cursor;
  private readonly order: Block;
  private readonly kinds = [Symbol('inputs'), Symbol('targets')];
  private readonly full: Batch;
  private readonly last: Batch;
  private readonly batchSize: number;
  private readonly rows: number;
  private readonly samples: number;
  private row = 0;

  constructor(private readonly loader: DataLoader) {
    const { batchSize, rows, samples } = loader;
    this.samples = samples;
    this.batchSize = batchSize;
    this.rows = rows;
    this.length = loader.length;
    this.order = new Block(samples * 4);
    this.cursor = new Cursor(batchSize * 4);
    this.full = this.batchOf(Math.min(batchSize, rows));
    this.last = rows % batchSize === 0 ? this.full : this.batchOf(rows % batchSize);
  }

  /** Begins an epoch, in a new order where the loader shuffles or samples. */
  begin(_signal?: AbortSignal, batch = 0): void {
    this.row = batch * this.batchSize;
    // Not written in place: a sampler may allocate, which detaches every view. And it must give as many rows as at first.
    const order = new Int32Array(this.samples);
    this.loader.order(order);
    engine().i32.set(order, this.order.pointer / 4);
  }

  /** The batch that begins at this row of the epoch. */
  at(row: number): Batch {
    this.cursor.address = this.order.pointer + row * 4;
    return row + this.batchSize <= this.rows ? this.full : this.last;
  }

  next(): Batch | undefined {
    const { row } = this;
    if (row >= this.rows) return undefined;
    this.row = row + this.batchSize;
    return this.at(row);
  }

  /** How many batches of the full size come after the one that next() gave last. */
  get ahead(): number {
    return Math.max(0, Math.floor((this.rows - this.row) / this.batchSize));
  }

  /** Somebody took so many of them by the cursor. */
  skip(batches: number): void {
    this.row += batches * this.batchSize;
  }

  end(): void {
    // Nothing is open.
  }

  private batchOf(count: number): Batch {
    const [inputs, targets] = this.loader.dataset.columns.map(({ table, rowShape }, i) => {
      const source = new ResidentSource(this.kinds[i], table, count, this.cursor);
      return new Tensor([count, ...rowShape], undefined, source, false);
    });
    return [inputs, targets];
  }
}
