import * as infer from '#infer';
import type { InferModule } from '../forward/binary.js';
import { compile } from '../forward/compile.js';
import { imageOf } from '../forward/image.js';
import { PartialForward } from '../forward/partialForward.js';
import { Step } from '../../assembly/forward/format.js';
import type { Module } from '../nn/module.js';
import type { NestedArray } from '../tensor/numbers.js';
import { readNumbers } from '../tensor/numbers.js';
import { describe } from './architecture.js';
import { checkModel } from './checkModel.js';
import { QuantizedModel } from './quantizedModel.js';
import type { StoredTensor } from './storedModel.js';

export { QuantizedModel } from './quantizedModel.js';

/** Shares of the largest weight of a row that are tried as the largest that 8 bits hold. */
const CLIPPED = [1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6];
/** Integers of 8 bits, the same on both sides of 0. */
const MOST = 127;

/** What a layer's inputs are like: the mean of each, and of its square. */
interface Moments {
  readonly mean: Float64Array;
  readonly square: Float64Array;
}

/**
 * A copy of a model whose weights have 8 bits: a quarter of the size in every file, predictions that differ a little. Of
 * each row of weights (one output) the range is taken under which the layer's outputs on the calibration rows change
 * least, and what they change by on average is added to the bias. Activations keep about 15 bits, scaled row by row,
 * so that unusual rows are no danger. Sums are exact integers: the predictions have the same bits on every host.
 *
 * @param calibrationRows some hundred rows such as the model will see, [rows, inFeatures]
 * @throws RangeError where there are no rows, or they do not fit; TypeError where a layer is a class of your own
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * import { quantize } from 'wasmgrad/io';
 * const model = new nn.Linear(2, 1);
 * model.loadStateDict({ weight: [[1, -1]], bias: [0.25] });
 * quantize(model, [[1, 1], [2, 0]]).predict([2, 0]); // [2.25]
 * ```
 */
export function quantize(model: Module, calibrationRows: Float32Array | NestedArray): QuantizedModel {
  if (model instanceof QuantizedModel) throw new TypeError('quantize: this model is a quantized one already');
  const stored = describe(model, {}, 'quantize');
  checkModel('quantize', stored);
  const { architecture, output, state } = stored;
  const rows = readNumbers('quantize', calibrationRows);
  const width = rows.shape.length > 1 ? rows.values.length / rows.shape[0] : undefined;
  const compiled = compile('quantize', architecture, { output, eight: new Set(), inFeatures: width });
  if (rows.values.length === 0 || rows.values.length % compiled.inFeatures !== 0) {
    throw new RangeError(
      `quantize: expected calibration rows of ${compiled.inFeatures} numbers, got ${rows.values.length} numbers in all`,
    );
  }
  const bad = rows.values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(
      `quantize: expected finite numbers, row ${Math.floor(bad / compiled.inFeatures)} has ${rows.values[bad]}`,
    );
  }
  const forward = new PartialForward((infer as InferModule).compiled(), compiled, imageOf(compiled, state));
  const result = new Map(state);
  compiled.plan.steps.forEach(({ step, weight: name }, i) => {
    if (name === undefined) return;
    const tensor = state.get(name)!;
    if (step === Step.EMBEDDING) result.set(name, inEightBits(tensor));
    if (step !== Step.DENSE) return;
    const moments = momentsOf(forward.before(i, rows.values), tensor.shape[1]);
    const quantized = inEightBits(tensor, moments);
    result.set(name, quantized);
    const biasName = name.replace(/weight$/, 'bias');
    const bias = state.get(biasName);
    if (bias) result.set(biasName, corrected(bias, tensor, quantized, moments));
  });
  return new QuantizedModel({ ...stored, state: result }, compiled.inFeatures);
}

function momentsOf(inputs: Float32Array, width: number): Moments {
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  const share = width / inputs.length;
  inputs.forEach((value, i) => {
    mean[i % width] += value * share;
    square[i % width] += value * value * share;
  });
  return { mean, square };
}

/** A tensor [rows, width] in 8 bits; the error of a row is weighed by the squares of what it is multiplied by. */
function inEightBits({ shape, values }: StoredTensor, moments?: Moments): StoredTensor {
  const [rows, width] = shape;
  const integers = new Int8Array(rows * width);
  const scale = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const weights = Float32Array.from(values.subarray(row * width, (row + 1) * width));
    const largest = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let least = Infinity;
    for (const share of CLIPPED) {
      const factor = Math.fround((largest * share) / MOST);
      const error = errorOf(weights, factor, moments);
      if (error >= least) continue;
      least = error;
      scale[row] = factor;
    }
    weights.forEach((value, i) => (integers[row * width + i] = toInteger(value, scale[row])));
  }
  return { shape, values: integers, scale };
}

function toInteger(value: number, factor: number): number {
  if (factor === 0) return 0;
  return Math.max(-MOST, Math.min(MOST, Math.round(value / factor)));
}

function errorOf(weights: ArrayLike<number>, factor: number, moments?: Moments): number {
  let error = 0;
  for (let i = 0; i < weights.length; i++) {
    const difference = weights[i] - toInteger(weights[i], factor) * factor;
    error += difference * difference * (moments ? moments.square[i] : 1);
  }
  return error;
}

/** The bias, and what the outputs are less on average. */
function corrected(
  bias: StoredTensor,
  exact: StoredTensor,
  eight: StoredTensor,
  { mean }: Moments,
): StoredTensor {
  const width = mean.length;
  const values = Float32Array.from(bias.values, (value, row) => {
    let missing = 0;
    for (let i = 0; i < width; i++) {
      const at = row * width + i;
      missing += (exact.values[at] - eight.values[at] * eight.scale![row]) * mean[i];
    }
    return value + missing;
  });
  return { shape: bias.shape, values };
}
