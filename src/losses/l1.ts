import { checkNumber } from '../core/checks.js';
import { huber } from '../tensor/operations/unary.js';
import { call, type Tensor } from '../tensor/tensor.js';
import { ElementLoss, type LossOptions } from './loss.js';

/**
 * The absolute error |prediction − target|; both of one shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.L1Loss().forward(tensor([1, 2]), [1, 4]).item(); // 1
 * ```
 */
export class L1Loss extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super('L1Loss', options);
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    return prediction.sub(target).abs();
  }
}

/** The largest float32: a square that ends there ends nowhere. */
const MOST = 3.4028234663852886e38;

export interface HuberLossOptions extends LossOptions {
  /** Where the square ends; 1 by default. */
  delta?: number;
}

/**
 * With the error e = prediction − target: e² / 2 where |e| < delta, else delta · (|e| − delta / 2) (Huber, 1964); both of
 * one shape.
 *
 * @throws RangeError where the shapes differ, or delta is not above 0
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.HuberLoss({ reduction: 'none' }).forward(tensor([0.5, 3]), [0, 0]).toArray(); // [0.125, 2.5]
 * ```
 */
export class HuberLoss extends ElementLoss {
  readonly delta: number;

  constructor(options: HuberLossOptions = {}) {
    super('HuberLoss', options, ['delta']);
    this.delta = options.delta ?? 1;
    checkNumber('HuberLoss', 'delta', this.delta, { above: 0, most: Infinity });
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    return call(huber, [prediction.sub(target)], { first: Math.min(this.delta, MOST), second: 1 });
  }
}

export interface SmoothL1LossOptions extends LossOptions {
  /** Where the square ends; 1 by default, 0 makes it {@link L1Loss}. */
  beta?: number;
}

/**
 * With the error e = prediction − target: e² / (2 · beta) where |e| < beta, else |e| − beta / 2; both of one shape.
 *
 * @throws RangeError where the shapes differ, or beta is below 0
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.SmoothL1Loss({ beta: 2, reduction: 'none' }).forward(tensor([1, 3]), [0, 0]).toArray(); // [0.25, 2]
 * ```
 */
export class SmoothL1Loss extends ElementLoss {
  readonly beta: number;

  constructor(options: SmoothL1LossOptions = {}) {
    super('SmoothL1Loss', options, ['beta']);
    this.beta = options.beta ?? 1;
    checkNumber(this.name, 'beta', this.beta, { least: 0 });
  }

  protected override elements(prediction: Tensor, target: Tensor): Tensor {
    const error = prediction.sub(target);
    const beta = Math.min(this.beta, MOST);
    return Math.fround(beta) === 0 ? error.abs() : call(huber, [error], { first: beta, second: beta });
  }
}
