import { meanSquaredError } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor, type TensorLike } from '../tensor/tensor.js';
import type { Loss } from './loss.js';

/**
 * The mean squared error, mean((target − prediction)²) over all elements; both of one shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.MSELoss().forward(tensor([1, 2]), tensor([1, 4])).item(); // 2
 * ```
 */
export class MSELoss implements Loss {
  readonly output = 'raw';

  forward(prediction: Tensor, target: Tensor | TensorLike): Tensor {
    return call(meanSquaredError, [prediction, asTensor(target)], undefined);
  }
}
