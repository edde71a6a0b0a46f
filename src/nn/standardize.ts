import { checkOptions } from '../core/options.js';
import { formatShape, type Shape } from '../tensor/layout.js';
import { asTensor, type Tensor } from '../tensor/tensor.js';
import { checkFinite, numbersOf, readNumbers, type Numbers, type TensorLike } from '../tensor/numbers.js';
import { checkSizes } from './checks.js';
import { Buffer, Module } from './module.js';
import { rowWith } from './row.js';

export interface StandardizeOptions {
  /** [numFeatures]; 0 by default. */
  mean?: TensorLike;
  /** [numFeatures]; 1 by default. */
  scale?: TensorLike;
}

/** The smallest float32 above 0. */
const LEAST = 2 ** -149;

/** A data set of rows, such as data.TensorDataset. */
export interface RowSet {
  readonly length: number;
  batch(positions: readonly number[]): readonly [inputs: Tensor, targets: Tensor];
}

/**
 * (x − mean) / scale for each feature, both fixed. As the first layer of a model it takes raw rows, in training as in
 * inference, and is saved with the model's state. x […, numFeatures]
 *
 * @throws RangeError where x, mean or scale do not fit, one of them is not finite, or a scale is 0
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const rows = [[1, 100], [3, 300]];
 * const model = new nn.Sequential(nn.Standardize.fit(rows), new nn.Identity());
 * model.predict([2, 400]); // [0, 2]
 * Object.keys(model.stateDict()); // ["0.mean", "0.scale"]
 * ```
 */
export class Standardize extends Module {
  /** [numFeatures] */
  readonly mean: Buffer;
  /** [numFeatures] */
  readonly scale: Buffer;
  override readonly inFeatures: number;

  /** Begins as it is given, or as a layer that changes nothing, for loadStateDict(). */
  constructor(
    readonly numFeatures: number,
    options: StandardizeOptions = {},
  ) {
    super();
    checkOptions('Standardize', options, ['mean', 'scale']);
    checkSizes('Standardize', { numFeatures });
    const { mean = new Float32Array(numFeatures), scale = new Float32Array(numFeatures).fill(1) } = options;
    const given = { mean, scale };
    for (const [name, values] of Object.entries(given)) {
      const numbers = readNumbers('Standardize', values);
      const { shape } = numbers;
      if (shape.length !== 1 || shape[0] !== numFeatures) {
        throw new RangeError(`Standardize: expected ${name} [${numFeatures}], got ${formatShape(shape)}`);
      }
      checkFinite('Standardize', numbers, (feature) => `the ${name} of feature ${feature}`);
    }
    this.inFeatures = numFeatures;
    this.mean = new Buffer(mean);
    this.scale = new Buffer(scale);
    const zero = this.scale.data.indexOf(0);
    if (zero >= 0) throw new RangeError(`Standardize: the scale of feature ${zero} is 0`);
  }

  /**
   * Mean and standard deviation (that of the population, as in scikit-learn) of each feature of some rows; the scale of a
   * feature that is always the same is 1.
   *
   * @param rows [rows, features] as nested arrays or a tensor, or a data set, whose inputs count; only the rows to train
   * on, else the test rows are no test
   * @throws RangeError where there are no rows, where they are not of one dimension, or where a number is NaN or infinite as
   * float32
   */
  static fit(rows: Tensor | TensorLike | RowSet): Standardize {
    const numbers = rowsOf(rows);
    const { values, shape } = numbers;
    if (shape.length !== 2 || values.length === 0) {
      throw new RangeError(`Standardize.fit: expected rows [rows, features], got ${formatShape(shape)}`);
    }
    checkFinite('Standardize.fit', numbers);
    const [count, features] = shape;
    const column = (feature: number, f: (value: number) => number): number => {
      let sum = 0;
      for (let row = 0; row < count; row++) sum += f(values[row * features + feature]);
      return sum / count;
    };
    const mean = new Float64Array(features).map((_, i) => column(i, (value) => value));
    const scale = mean.map((middle, i) => {
      if (column(i, (value) => +(value !== values[i])) === 0) return 1;
      // Of the smallest numbers it may be nothing as float32.
      return Math.max(LEAST, Math.sqrt(column(i, (value) => (value - middle) ** 2)));
    });
    return new Standardize(features, { mean, scale });
  }

  override $row(after?: Shape): Shape {
    return rowWith([this.numFeatures], after);
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const { numFeatures } = this;
    const x = asTensor(given, 'Standardize');
    if (x.shape.at(-1) !== numFeatures) {
      throw new RangeError(
        `Standardize(${numFeatures}): expected x […, ${numFeatures}], got ${formatShape(x.shape)}`,
      );
    }
    return x.sub(this.mean).div(this.scale);
  }
}

function rowsOf(rows: Tensor | TensorLike | RowSet): Numbers {
  if (typeof rows === 'object' && rows !== null && 'batch' in rows) {
    return rowsOf(rows.batch(Array.from({ length: rows.length }, (_, i) => i))[0]);
  }
  return numbersOf('Standardize.fit', rows);
}
