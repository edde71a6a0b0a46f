import { engine } from '../core/engine.js';
import { Block } from '../core/owner.js';
import { checkSeed, defaultGenerator, Generator } from '../core/random.js';
import { shown } from '../core/shown.js';
import { formatShape, type Shape } from '../tensor/layout.js';
import { GatherSource, type Table } from '../tensor/source.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from '../tensor/tensor.js';
import { checkFinite, numbersOf, readNumbers, type Numbers, type TensorLike } from '../tensor/numbers.js';

/** Rows given as nested arrays, a tensor, a flat typed array (one number a row), or flat numbers with their shape. */
export type Rows = Tensor | TensorLike | { readonly data: TensorLike; readonly shape: Shape };

/** One column of a data set: a table in linear memory and the shape of a row. */
export interface Column {
  readonly table: Table;
  readonly rowShape: Shape;
}

/** The numbers of rows and their shape. */
export function readRows(name: string, rows: Rows): Numbers {
  const isFlat = typeof rows === 'object' && rows !== null && 'data' in rows && !(rows instanceof Tensor);
  return isFlat ? readNumbers(name, rows.data, rows.shape) : numbersOf(name, rows);
}

/**
 * How many rows there are.
 *
 * @throws RangeError where there are none, or more or fewer targets than inputs
 */
export function countRows(name: string, inputs: Shape, targets: Shape): number {
  const [count] = inputs;
  if (count === undefined || count !== targets[0]) {
    const [a, b] = [inputs, targets].map(formatShape);
    throw new RangeError(`${name}: expected as many targets as inputs, got shapes ${a} and ${b}`);
  }
  if (count === 0) throw new RangeError(`${name}: expected at least one row, got none`);
  return count;
}

/**
 * Inputs and targets, row by row. They are copied into linear memory once; batches are gathered there.
 *
 * @throws RangeError where there are no rows, the two differ in their number of rows, or a number is NaN or infinite as
 * float32; TypeError on anything but numbers
 */
export class TensorDataset {
  /** @internal inputs and targets */
  readonly columns: readonly [inputs: Column, targets: Column];
  /** @internal the rows of the columns that belong to this data set */
  readonly rows: Int32Array;

  constructor(inputs: Rows, targets: Rows);
  /** @internal */
  constructor(parent: TensorDataset, rows: Int32Array);
  constructor(first: Rows | TensorDataset, second: Rows | Int32Array) {
    if (first instanceof TensorDataset) {
      this.columns = first.columns;
      this.rows = second as Int32Array;
      return;
    }
    const columns = [
      readRows('TensorDataset inputs', first),
      readRows('TensorDataset targets', second as Rows),
    ];
    const count = countRows('TensorDataset', columns[0].shape, columns[1].shape);
    columns.forEach((numbers, i) =>
      checkFinite('TensorDataset', numbers, (row) => `row ${row} of the ${i === 0 ? 'inputs' : 'targets'}`),
    );
    const [inputs, targets] = columns.map(({ values, shape }): Column => {
      const block = new Block(values.length * 4);
      engine().f32.set(values, block.pointer / 4);
      return { table: { block, width: values.length / count }, rowShape: shape.slice(1) };
    });
    this.columns = [inputs, targets];
    this.rows = Int32Array.from({ length: count }, (_, i) => i);
  }

  /** Number of rows. */
  get length(): number {
    return this.rows.length;
  }

  /** The rows at these positions, as a pair of tensors [count, …]. */
  batch(positions: Int32Array | readonly number[]): [inputs: Tensor, targets: Tensor] {
    return this.gather(this.rowsAt('batch', positions));
  }

  /** @internal these rows of the columns; the array is kept */
  gather(rows: Int32Array): [inputs: Tensor, targets: Tensor] {
    const [inputs, targets] = this.columns.map(
      ({ table, rowShape }) =>
        new Tensor([rows.length, ...rowShape], undefined, new GatherSource(table, rows), false),
    );
    return [inputs, targets];
  }

  /** A data set of these rows, on the same memory. */
  subset(positions: Int32Array | readonly number[]): TensorDataset {
    return new TensorDataset(this, this.rowsAt('subset', positions));
  }

  /** @internal the rows of the columns at these positions of the data set */
  rowsAt(name: string, positions: Int32Array | readonly number[]): Int32Array {
    if (typeof positions?.length !== 'number') {
      throw new TypeError(`${name}: expected positions as an array of integers, got ${shown(positions)}`);
    }
    return Int32Array.from(positions, (position) => {
      if (!Number.isInteger(position) || position < 0 || position >= this.length) {
        throw new RangeError(`${name}: row ${shown(position)} is not in [0, ${this.length})`);
      }
      return this.rows[position];
    });
  }
}

export interface SplitOptions {
  /** Share of the rows (below 1) or number of rows (1 and more) that are kept apart; 0.25 by default. */
  testSize?: number;
  /** Mix the rows before the split; true by default. */
  shuffle?: boolean;
  /** Seed of the mixing; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
}

/**
 * Splits a data set in two, on the same memory.
 *
 * @returns the part to train on and the part to test on
 * @throws RangeError where a part would be empty
 */
export function trainTestSplit(
  dataset: TensorDataset,
  options: SplitOptions = {},
): [train: TensorDataset, test: TensorDataset] {
  checkOptions('trainTestSplit', options, ['testSize', 'shuffle?', 'seed']);
  const { testSize = 0.25, shuffle = true, seed } = options;
  if (!(dataset instanceof TensorDataset)) {
    throw new TypeError(`trainTestSplit: expected a TensorDataset, got ${shown(dataset)}`);
  }
  if (typeof testSize !== 'number') {
    throw new TypeError(`trainTestSplit: expected testSize to be a number, got ${shown(testSize)}`);
  }
  const total = dataset.length;
  const test = testSize < 1 ? Math.round(total * testSize) : testSize;
  if (!Number.isInteger(test) || test < 1 || test >= total) {
    throw new RangeError(`trainTestSplit: testSize ${testSize} of ${total} rows leaves one part empty`);
  }
  if (seed !== undefined) checkSeed('trainTestSplit', seed);
  const order = Int32Array.from({ length: total }, (_, i) => i);
  if (shuffle) (seed === undefined ? defaultGenerator() : new Generator(seed)).shuffle(order);
  return [dataset.subset(order.subarray(0, total - test)), dataset.subset(order.subarray(total - test))];
}
