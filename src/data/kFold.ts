import { checkSeed, defaultGenerator, Generator } from '../core/random.js';
import { checkOptions } from '../core/options.js';
import { shown } from '../core/shown.js';
import { TensorDataset } from './dataset.js';
import { labelsOf, type Labels } from './labels.js';

export interface KFoldOptions {
  /** In how many parts the rows are divided; 5 by default. */
  folds?: number;
  /** Mix the rows before they are divided; false by default. */
  shuffle?: boolean;
  /** Seed of the mixing; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
}

/** Positions in a data set: those to train on, and those to test on. */
export interface Fold {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

abstract class Folds {
  readonly folds: number;
  private readonly shuffle: boolean;
  private readonly seed: number | undefined;

  constructor(options: KFoldOptions) {
    checkOptions(new.target.name, options, ['folds', 'shuffle?', 'seed']);
    ({ folds: this.folds = 5, shuffle: this.shuffle = false, seed: this.seed } = options);
    if (!Number.isInteger(this.folds) || this.folds < 2) {
      throw new RangeError(
        `${new.target.name}: expected folds to be an integer above 1, got ${shown(this.folds)}`,
      );
    }
    if (this.seed !== undefined) checkSeed(new.target.name, this.seed);
  }

  /** The positions from 0, in the order in which they are dealt out. */
  protected order(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    if (this.shuffle)
      (this.seed === undefined ? defaultGenerator() : new Generator(this.seed)).shuffle(order);
    return order;
  }

  /** @param foldOf the part that each position is tested in */
  protected divide(foldOf: Int32Array): Fold[] {
    const positions = Int32Array.from(foldOf, (_, i) => i);
    return Array.from({ length: this.folds }, (_, fold) => ({
      train: positions.filter((i) => foldOf[i] !== fold),
      test: positions.filter((i) => foldOf[i] === fold),
    }));
  }
}

/**
 * Divides rows in parts of equal length (the first ones a row longer, where it does not come out even). Each part is
 * tested on once, by a model trained on the others.
 *
 * @throws RangeError where there are fewer rows than folds
 * @example
 * ```ts
 * import { data } from 'wasmgrad';
 * const folds = new data.KFold({ folds: 3 }).split(7);
 * folds.map(({ test }) => [...test]); // [[0, 1, 2], [3, 4], [5, 6]]
 * [...folds[1].train]; // [0, 1, 2, 5, 6]
 * ```
 */
export class KFold extends Folds {
  constructor(options: KFoldOptions = {}) {
    super(options);
  }

  /** @param rows a data set, or how many rows there are */
  split(rows: TensorDataset | number): Fold[] {
    const count = rows instanceof TensorDataset ? rows.length : rows;
    if (!Number.isInteger(count) || count < this.folds) {
      throw new RangeError(`KFold: ${shown(count)} rows cannot be divided in ${this.folds} parts`);
    }
    const foldOf = new Int32Array(count);
    const larger = count % this.folds;
    const size = Math.floor(count / this.folds);
    this.order(count).forEach((position, i) => {
      const inLarger = larger * (size + 1);
      foldOf[position] =
        i < inLarger ? Math.floor(i / (size + 1)) : larger + Math.floor((i - inLarger) / size);
    });
    return this.divide(foldOf);
  }
}

/**
 * Divides rows in parts in which each class has its share, as nearly as whole rows allow: neither the parts nor the rows
 * of one class in them differ by more than one.
 *
 * @throws RangeError where a class has fewer rows than there are folds
 * @example
 * ```ts
 * import { data } from 'wasmgrad';
 * const labels = [0, 0, 0, 0, 1, 1];
 * new data.StratifiedKFold({ folds: 2 }).split(labels).map(({ test }) => [...test]); // [[0, 2, 4], [1, 3, 5]]
 * ```
 */
export class StratifiedKFold extends Folds {
  constructor(options: KFoldOptions = {}) {
    super(options);
  }

  /** @param labels a class for each row, or a data set whose targets are such */
  split(labels: Labels): Fold[] {
    const classes = labelsOf('StratifiedKFold', labels);
    const members = new Map<number, number[]>();
    for (const position of this.order(classes.length)) {
      const list = members.get(classes[position]);
      if (list) list.push(position);
      else members.set(classes[position], [position]);
    }
    const foldOf = new Int32Array(classes.length);
    let next = 0;
    for (const [label, positions] of members) {
      if (positions.length < this.folds) {
        throw new RangeError(
          `StratifiedKFold: class ${label} has ${positions.length} rows, fewer than ${this.folds} folds`,
        );
      }
      for (const position of positions) foldOf[position] = next++ % this.folds;
    }
    return this.divide(foldOf);
  }
}
