import { checkNumber } from '../core/checks.js';
import { formatShape } from '../tensor/layout.js';
import { rowNorm, unitRows } from '../tensor/operations/rows.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { ReducedLoss, type LossCall, type LossOptions } from './loss.js';

export interface CosineEmbeddingLossOptions extends LossOptions {
  /** Cosine below which unlike rows cost nothing, in [−1, 1]; 0 by default. */
  margin?: number;
}

/**
 * With the cosine c of two rows: 1 − c where the target is 1, max(0, c − margin) where it is −1. The cosine does not
 * depend on lengths, however long or short the rows are (PyTorch adds 10⁻¹² to their squares); that of a row of zeros is 0.
 * first and second [batch, features]; targets [batch].
 *
 * @throws RangeError where the shapes do not fit
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const loss = new nn.CosineEmbeddingLoss({ reduction: 'none' });
 * loss.forward(tensor([[1, 0], [1, 1]]), tensor([[0, 1], [2, 2]]), [1, -1]).toArray(); // [1, 1]
 * ```
 */
export class CosineEmbeddingLoss extends ReducedLoss {
  readonly margin: number;

  constructor(options: CosineEmbeddingLossOptions = {}) {
    super('CosineEmbeddingLoss', options, ['margin']);
    this.margin = options.margin ?? 0;
    checkNumber(this.name, 'margin', this.margin, { least: -1, most: 1 });
  }

  forward(
    one: Tensor | TensorLike,
    other: Tensor | TensorLike,
    targets: Tensor | TensorLike,
    options: LossCall = {},
  ): Tensor {
    const [first, second, target] = [one, other, targets].map((given) => asTensor(given, this.name));
    if (first.shape.length !== 2) {
      throw new RangeError(
        `CosineEmbeddingLoss: expected rows [batch, features], got ${formatShape(first.shape)}`,
      );
    }
    this.checkShape('second', first, second);
    if (target.shape.length !== 1 || target.size !== first.shape[0]) {
      throw new RangeError(
        `CosineEmbeddingLoss: expected targets [${first.shape[0]}], got ${formatShape(target.shape)}`,
      );
    }
    const [a, b, t] = this.kept(options, [first, second, target]);
    const [u, v] = [a, b].map((rows) => call(unitRows, [rows], undefined));
    const cosine = u.mul(v).sum(1);
    const alike = t.add(1).mul(0.5).mul(cosine.neg().add(1));
    const apart = t.sub(1).mul(-0.5).mul(cosine.sub(this.margin).relu());
    return this.reduce(alike.add(apart), options);
  }
}

export interface TripletMarginLossOptions extends LossOptions {
  /** How much further away the negative must be; 1 by default. */
  margin?: number;
  /** The norm of the distance; 2 by default. */
  p?: number;
  /** Added to each difference; 1e-6 by default. */
  eps?: number;
  /** Take the distance of the positive from the negative where that is smaller (Balntas et al., 2016); false by default. */
  swap?: boolean;
}

/**
 * max(0, d(anchor, positive) − d(anchor, negative) + margin), with d(a, b) = ‖a − b + eps‖ₚ of each row. A distance 0
 * passes no gradient on. All [batch, features].
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const [anchor, near, far] = [tensor([[0, 0]]), tensor([[0, 1]]), tensor([[0, 1.5]])];
 * new nn.TripletMarginLoss({ eps: 0 }).forward(anchor, near, far).item(); // 0.5
 * ```
 */
export class TripletMarginLoss extends ReducedLoss {
  readonly margin: number;
  readonly p: number;
  readonly eps: number;
  readonly swap: boolean;

  constructor(options: TripletMarginLossOptions = {}) {
    super('TripletMarginLoss', options, ['margin', 'p', 'eps', 'swap?']);
    const { margin = 1, p = 2, eps = 1e-6, swap = false } = options;
    checkNumber(this.name, 'margin', margin, { least: 0 });
    checkNumber(this.name, 'p', p, { least: 1 });
    checkNumber(this.name, 'eps', eps, { least: 0 });
    this.margin = margin;
    this.p = p;
    this.eps = eps;
    this.swap = swap;
  }

  forward(
    anchors: Tensor | TensorLike,
    alike: Tensor | TensorLike,
    others: Tensor | TensorLike,
    options: LossCall = {},
  ): Tensor {
    const [anchor, positive, negative] = [anchors, alike, others].map((given) => asTensor(given, this.name));
    if (anchor.shape.length !== 2) {
      throw new RangeError(
        `TripletMarginLoss: expected anchors [batch, features], got ${formatShape(anchor.shape)}`,
      );
    }
    this.checkShape('positive', anchor, positive);
    this.checkShape('negative', anchor, negative);
    const [a, p, n] = this.kept(options, [anchor, positive, negative]);
    const near = this.distance(a, p);
    let far = this.distance(a, n);
    if (this.swap) far = far.minimum(this.distance(p, n));
    return this.reduce(near.sub(far).add(this.margin).relu(), options);
  }

  private distance(a: Tensor, b: Tensor): Tensor {
    const d = a.sub(b).add(this.eps);
    return call(rowNorm, [d], this.p);
  }
}
