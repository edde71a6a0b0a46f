import { meanSquaredError, squaredDifference } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { ElementLoss, weighs, type LossCall, type LossOptions } from './loss.js';

/**
 * The squared error (target − prediction)², of which the mean is taken over all elements; both of one shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.MSELoss().forward(tensor([1, 2]), tensor([1, 4])).item(); // 2
 * new nn.MSELoss({ reduction: 'none' }).forward(tensor([1, 2]), [1, 4]).toArray(); // [0, 4]
 * ```
 */
export class MSELoss extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super('MSELoss', options);
  }

  override forward(
    prediction: Tensor | TensorLike,
    target: Tensor | TensorLike,
    options: LossCall = {},
  ): Tensor {
    if (!this.isPlainMean(options)) return super.forward(prediction, target, options);
    const given = asTensor(prediction, this.name);
    return weighs(call(meanSquaredError, [given, asTensor(target, this.name)], undefined), given.size);
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    return call(squaredDifference, [prediction, target], undefined);
  }
}
