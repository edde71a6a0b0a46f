import { checkNumber } from '../core/checks.js';
import { weigh } from '../tensor/operations/binary.js';
import { call, type Tensor } from '../tensor/tensor.js';
import { ElementLoss, type LossOptions } from './loss.js';

export interface MarginOptions extends LossOptions {
  /** How far a prediction must be on its side; 1 by default. */
  margin?: number;
}

/**
 * max(0, margin − target · prediction), with targets −1 and 1; both of one shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.HingeLoss({ reduction: 'none' }).forward(tensor([0.5, 2, 1]), [1, 1, -1]).toArray(); // [0.5, 0, 2]
 * ```
 */
export class HingeLoss extends ElementLoss {
  readonly margin: number;

  constructor(options: MarginOptions = {}) {
    super('HingeLoss', options, ['margin']);
    this.margin = options.margin ?? 1;
    checkNumber(this.name, 'margin', this.margin, { least: 0 });
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    return target.mul(prediction).neg().add(this.margin).relu();
  }
}

/**
 * Of distances: the distance where the target is 1, max(0, margin − distance) where it is −1; both of one shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.HingeEmbeddingLoss({ reduction: 'none' }).forward(tensor([0.5, 0.25]), [1, -1]).toArray(); // [0.5, 0.75]
 * ```
 */
export class HingeEmbeddingLoss extends ElementLoss {
  readonly margin: number;

  constructor(options: MarginOptions = {}) {
    super('HingeEmbeddingLoss', options, ['margin']);
    this.margin = options.margin ?? 1;
    checkNumber(this.name, 'margin', this.margin, { least: 0 });
  }

  protected override elements(distance: Tensor, target: Tensor): Tensor {
    const alike = target.add(1).mul(0.5);
    const apart = target.sub(1).mul(-0.5);
    const missing = distance.neg().add(this.margin).relu();
    return call(weigh, [distance, alike], undefined).add(call(weigh, [missing, apart], undefined));
  }
}
