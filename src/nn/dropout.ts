import { checkNumber } from '../core/checks.js';
import { dropout } from '../tensor/operations/dropout.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { SELU_ALPHA, SELU_SCALE } from '../tensor/selu.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module } from './module.js';

/**
 * In training, sets each element to 0 with probability p and scales the others by 1 / (1 − p); in evaluation, nothing
 * (Srivastava et al., 2014). What it drops is set by {@link manualSeed}.
 *
 * @throws RangeError where p is not in [0, 1)
 */
export class Dropout extends Module {
  constructor(
    readonly p = 0.5,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkNumber('Dropout', 'p', p, { least: 0, below: 1 });
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'Dropout');
    return this.p > 0 && this.training ? call(dropout, [x], this.p) : x;
  }
}

/**
 * In training, sets each element to −scale · α of {@link SELU} with probability p, and then shifts and scales all, so that
 * mean 0 and variance 1 stay what they are (Klambauer et al., 2017); in evaluation, nothing. What it drops is set by
 * {@link manualSeed}.
 *
 * @throws RangeError where p is not in [0, 1)
 */
export class AlphaDropout extends Module {
  constructor(
    readonly p = 0.5,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkNumber('AlphaDropout', 'p', p, { least: 0, below: 1 });
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const { p } = this;
    const x = asTensor(given, 'AlphaDropout');
    if (p === 0 || !this.training) return x;
    // a · (kept ? x : −lowest) + b with a = 1 / √((lowest² · p + 1) · (1 − p)) and b = a · lowest · p.
    const lowest = SELU_ALPHA * SELU_SCALE;
    const a = 1 / Math.sqrt((lowest ** 2 * p + 1) * (1 - p));
    return call(dropout, [x.add(lowest)], p)
      .sub(lowest)
      .mul(a * (1 - p));
  }
}
