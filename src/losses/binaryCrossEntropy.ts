import { formatShape } from '../tensor/layout.js';
import { binaryCrossEntropy, logitCrossEntropy, weigh } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { ElementLoss, type LossOptions } from './loss.js';

/**
 * −target · log p − (1 − target) · log(1 − p) of probabilities p; both of one shape, logarithms not below −100, as in
 * PyTorch, and slopes not beyond ±10¹². {@link BCEWithLogitsLoss} is the same without the sigmoid before it, and more exact.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.BCELoss().forward(tensor([0.5, 0.5]), [0, 1]).item(); // 0.693147
 * ```
 */
export class BCELoss extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super('BCELoss', options);
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    return call(binaryCrossEntropy, [prediction, target], undefined);
  }
}

export interface BCEWithLogitsLossOptions extends LossOptions {
  /** What the positive targets count, one number or one for each element of a row; 1 by default. */
  posWeight?: Tensor | TensorLike;
}

/**
 * −posWeight · target · log σ(x) − (1 − target) · log(1 − σ(x)) of logits x, computed stably; both of one shape. A logit
 * of −∞ costs nothing with target 0, and +∞ nothing with target 1 (PyTorch: NaN).
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.BCEWithLogitsLoss().forward(tensor([[0], [100]]), [[1], [1]]).item(); // 0.346574
 * ```
 */
export class BCEWithLogitsLoss extends ElementLoss {
  override readonly output = 'sigmoid';
  private readonly posWeight: Tensor | undefined;

  constructor(options: BCEWithLogitsLossOptions = {}) {
    super('BCEWithLogitsLoss', options, ['posWeight']);
    if (options.posWeight !== undefined) this.posWeight = asTensor(options.posWeight, this.name).detach();
  }

  protected override elements(logits: Tensor, target: Tensor): Tensor {
    const { posWeight } = this;
    if (!posWeight) return call(logitCrossEntropy, [logits, target], undefined);
    const width = logits.shape.at(-1) ?? 1;
    if (posWeight.size !== 1 && (posWeight.shape.length !== 1 || posWeight.size !== width)) {
      throw new RangeError(
        `BCEWithLogitsLoss: expected posWeight [1] or [${width}], got ${formatShape(posWeight.shape)}`,
      );
    }
    // −log σ(x) = softplus(−x), and −log(1 − σ(x)) = softplus(x).
    const share = target.mul(posWeight.size === 1 ? posWeight.reshape() : posWeight);
    const positive = call(weigh, [logits.neg().softplus(), share], undefined);
    return positive.add(call(weigh, [logits.softplus(), target.neg().add(1)], undefined));
  }
}
