import { crossEntropy } from '../tensor/operations/softmax.js';
import { asTensor, call, type Tensor, type TensorLike } from '../tensor/tensor.js';
import type { Loss } from './loss.js';

/**
 * The cross-entropy of logits, −Σ target · log(softmax(logits)), averaged over the batch. logits [batch, classes];
 * targets are class indices [batch] or probabilities [batch, classes].
 *
 * @throws RangeError where the shapes do not fit or a class index is not an integer in [0, classes)
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.CrossEntropyLoss().forward(tensor([[0, 0]]), tensor([1])).item(); // 0.693147
 * ```
 */
export class CrossEntropyLoss implements Loss {
  readonly output = 'softmax';

  forward(logits: Tensor, targets: Tensor | TensorLike): Tensor {
    return call(crossEntropy, [logits, asTensor(targets)], undefined);
  }
}
