import { linear } from '../tensor/operations/matmul.js';
import { checkOptions } from '../core/options.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { checkSizes } from './checks.js';
import { kaimingUniform } from './init.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module, Parameter } from './module.js';

export interface LinearOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
}

/**
 * y = x · weightᵀ + bias, with x [batch, inFeatures] and y [batch, outFeatures]. Weight and bias begin uniform in
 * ±1/√inFeatures, as in PyTorch.
 *
 * @throws RangeError where a size is not a positive integer
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.Linear(3, 2).forward(tensor([[1, 2, 3]])).shape; // [1, 2]
 * ```
 */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  readonly weight: Parameter;
  /** [outFeatures], or undefined without bias */
  readonly bias: Parameter | undefined;

  constructor(
    override readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
    ...surplus: never[]
  ) {
    super(...surplus);
    checkOptions('Linear', options, ['bias?']);
    checkSizes('Linear', { inFeatures, outFeatures });
    this.weight = new Parameter(kaimingUniform(new Float32Array(outFeatures * inFeatures), inFeatures), [
      outFeatures,
      inFeatures,
    ]);
    if (options.bias !== false)
      this.bias = new Parameter(kaimingUniform(new Float32Array(outFeatures), inFeatures));
  }

  override forward(x: Tensor | TensorLike): Tensor {
    const y = asTensor(x, 'Linear');
    return call(linear, this.bias ? [y, this.weight, this.bias] : [y, this.weight], undefined);
  }
}
