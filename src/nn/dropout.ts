import { dropout } from '../tensor/operations/dropout.js';
import { call, type Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

/**
 * In training, sets each element to 0 with probability p and scales the others by 1 / (1 − p); in evaluation, nothing
 * (Srivastava et al., 2014). What it drops is set by {@link manualSeed}.
 *
 * @throws RangeError where p is not in [0, 1)
 */
export class Dropout extends Module {
  constructor(readonly p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new RangeError(`Dropout: expected 0 ≤ p < 1, got ${p}`);
  }

  override forward(x: Tensor): Tensor {
    return this.training && this.p > 0 ? call(dropout, [x], this.p) : x;
  }
}
