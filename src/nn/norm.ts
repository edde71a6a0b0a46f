import { batchNorm, layerNorm, rmsNorm } from '../tensor/operations/norm.js';
import { checkRoom } from '../core/room.js';
import { formatShape, sizeOf, type Shape } from '../tensor/layout.js';
import { checkOptions } from '../core/options.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { checkNumber } from '../core/checks.js';
import { checkSizes } from './checks.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Buffer, Module, Parameter } from './module.js';
import { rowWith } from './row.js';

export interface BatchNorm1dOptions {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** Share of each batch in the running statistics, 0.1 by default; null makes them the mean over all batches. */
  momentum?: number | null;
  /** Whether weight and bias follow; true by default. */
  affine?: boolean;
  /** Whether running statistics are kept; without them evaluation uses those of its batch. True by default. */
  trackRunningStats?: boolean;
}

/**
 * Each feature normalised over the batch (Ioffe and Szegedy, 2015): y = (x − mean) / √(variance + eps) · weight + bias, x
 * [batch, features] or [batch, features, length].
 *
 * In training the statistics are those of the batch, and the running ones follow them:
 * r ← (1 − momentum) · r + momentum · statistic, with the unbiased variance, as in PyTorch. In evaluation the running ones
 * are used. They are buffers: saved with the state, moved by no optimizer, and updated by a replay too.
 *
 * @throws RangeError where x does not fit, or training sees a single value of each feature
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const norm = new nn.BatchNorm1d(2);
 * norm.forward(tensor([[1, 10], [3, 30]])).toArray(); // [[-0.999995, -1], [0.999995, 1]]
 * norm.runningMean!.toArray(); // [0.2, 2]
 * Object.keys(norm.stateDict()); // ["weight", "bias", "runningMean", "runningVar", "numBatchesTracked"]
 * ```
 */
export class BatchNorm1d extends Module {
  /** [features], 1 at first; undefined without affine */
  readonly weight: Parameter | undefined;
  /** [features], 0 at first; undefined without affine */
  readonly bias: Parameter | undefined;
  /** [features], 0 at first; undefined without trackRunningStats */
  readonly runningMean: Buffer | undefined;
  /** [features], 1 at first; undefined without trackRunningStats */
  readonly runningVar: Buffer | undefined;
  /** [], 0 at first; undefined without trackRunningStats */
  readonly numBatchesTracked: Buffer | undefined;
  override readonly inFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly numFeatures: number,
    options: BatchNorm1dOptions = {},
    ...surplus: never[]
  ) {
    super(...surplus);
    checkOptions('BatchNorm1d', options, ['eps', 'momentum', 'affine?', 'trackRunningStats?']);
    checkSizes('BatchNorm1d', { numFeatures });
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    checkNumber('BatchNorm1d', 'eps', eps, { least: 0 });
    if (momentum !== null) checkNumber('BatchNorm1d', 'momentum', momentum, { least: 0, most: 1 });
    this.inFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    if (affine) {
      this.weight = new Parameter(new Float32Array(numFeatures).fill(1));
      this.bias = new Parameter(new Float32Array(numFeatures));
    }
    if (trackRunningStats) {
      this.runningMean = new Buffer(new Float32Array(numFeatures));
      this.runningVar = new Buffer(new Float32Array(numFeatures).fill(1));
      this.numBatchesTracked = new Buffer(0);
    }
  }

  override $row(after?: Shape): Shape {
    return rowWith([this.numFeatures], after, 'first');
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'BatchNorm1d');
    const { numFeatures, eps, momentum, runningMean, runningVar, numBatchesTracked } = this;
    const rank = x.shape.length;
    if ((rank !== 2 && rank !== 3) || x.shape[1] !== numFeatures) {
      throw new RangeError(
        `BatchNorm1d(${numFeatures}): expected x [batch, ${numFeatures}] or [batch, ${numFeatures}, length], ` +
          `got ${formatShape(x.shape)}`,
      );
    }
    const along = (features: Tensor): Tensor => (rank === 2 ? features : features.reshape(numFeatures, 1));
    let y: Tensor;
    if (runningMean && runningVar && numBatchesTracked) {
      if (this.training) {
        const running = { mean: runningMean, variance: runningVar, count: numBatchesTracked, momentum };
        y = call(batchNorm, [x], { eps, running });
      } else y = x.sub(along(runningMean)).div(along(runningVar.add(eps).sqrt()));
    } else y = call(batchNorm, [x], { eps });
    return this.weight && this.bias ? y.mul(along(this.weight)).add(along(this.bias)) : y;
  }
}

export interface LayerNormOptions {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** Whether weight and bias follow; true by default. */
  elementwiseAffine?: boolean;
  /** Whether the bias is added, where there is a weight; true by default. */
  bias?: boolean;
}

/** The lengths of the last dimensions, from a number or a list. */
function lastDimensions(operation: string, normalizedShape: number | Shape): Shape {
  const shape = Array.isArray(normalizedShape)
    ? [...(normalizedShape as Shape)]
    : [normalizedShape as number];
  if (shape.length === 0) throw new RangeError(`${operation}: expected at least one dimension, got none`);
  for (const length of shape) checkSizes(operation, { normalizedShape: length });
  checkRoom(operation, shape);
  return shape;
}

/**
 * Each row normalised by itself (Ba et al., 2016): y = (x − mean) / √(variance + eps) · weight + bias, the statistics
 * taken over the last dimensions. x […, …normalizedShape]; weight and bias [...normalizedShape], 1 and 0 at first.
 *
 * @throws RangeError where the last dimensions of x are others
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.LayerNorm(2, { eps: 0 }).forward(tensor([[1, 3], [10, 50]])).toArray(); // [[-1, 1], [-1, 1]]
 * ```
 */
export class LayerNorm extends Module {
  /** [...normalizedShape], or undefined */
  readonly weight: Parameter | undefined;
  /** [...normalizedShape], or undefined */
  readonly bias: Parameter | undefined;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}, ...surplus: never[]) {
    super(...surplus);
    checkOptions('LayerNorm', options, ['eps', 'elementwiseAffine?', 'bias?']);
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options;
    checkNumber('LayerNorm', 'eps', eps, { least: 0 });
    this.normalizedShape = lastDimensions('LayerNorm', normalizedShape);
    this.eps = eps;
    const size = sizeOf(this.normalizedShape);
    if (!elementwiseAffine) return;
    this.weight = new Parameter(new Float32Array(size).fill(1), this.normalizedShape);
    if (bias) this.bias = new Parameter(new Float32Array(size), this.normalizedShape);
  }

  override $row(after?: Shape): Shape {
    return rowWith(this.normalizedShape, after);
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'LayerNorm');
    const { eps, normalizedShape, weight, bias } = this;
    const normal = call(layerNorm, [x], { eps, normalizedShape });
    const scaled = weight ? normal.mul(weight) : normal;
    return bias ? scaled.add(bias) : scaled;
  }
}

export interface RMSNormOptions {
  /** Added to the mean square; 2⁻²³ by default. */
  eps?: number;
  /** Whether a weight follows; true by default. */
  elementwiseAffine?: boolean;
}

/**
 * Each row divided by its root mean square (Zhang and Sennrich, 2019): y = x / √(mean(x²) + eps) · weight, the mean taken
 * over the last dimensions. x […, …normalizedShape]; weight [...normalizedShape], 1 at first.
 *
 * @throws RangeError where the last dimensions of x are others
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.RMSNorm(4).forward(tensor([[2, -2, 2, 2]])).toArray(); // [[1, -1, 1, 1]]
 * ```
 */
export class RMSNorm extends Module {
  /** [...normalizedShape], or undefined */
  readonly weight: Parameter | undefined;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: RMSNormOptions = {}, ...surplus: never[]) {
    super(...surplus);
    checkOptions('RMSNorm', options, ['eps', 'elementwiseAffine?']);
    const { eps = 2 ** -23, elementwiseAffine = true } = options;
    checkNumber('RMSNorm', 'eps', eps, { least: 0 });
    this.normalizedShape = lastDimensions('RMSNorm', normalizedShape);
    this.eps = eps;
    if (elementwiseAffine) {
      const ones = new Float32Array(sizeOf(this.normalizedShape)).fill(1);
      this.weight = new Parameter(ones, this.normalizedShape);
    }
  }

  override $row(after?: Shape): Shape {
    return rowWith(this.normalizedShape, after);
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'RMSNorm');
    const { eps, normalizedShape, weight } = this;
    const normal = call(rmsNorm, [x], { eps, normalizedShape });
    return weight ? normal.mul(weight) : normal;
  }
}
