import { checkNumber } from '../../core/checks.js';
import { cosPi } from '../../core/elementary.js';
import { checkOptions } from '../../core/options.js';
import type { Optimizer } from '../optimizer.js';
import { between, halfCosine } from './between.js';
import { Scheduler } from './scheduler.js';

export interface CosineAnnealingLROptions {
  /** Steps from the top of the cosine to its bottom. */
  tMax: number;
  /** The learning rate at the bottom; 0 by default. */
  etaMin?: number;
}

/**
 * Half a cosine down, and up again after `tMax` steps (Loshchilov and Hutter, "SGDR", 2017, without restarts):
 * etaMin + (lr − etaMin) · (1 + cos(π · t / tMax)) / 2. From a learning rate that something else has changed it goes on by
 * the ratio of two steps, as in PyTorch.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 10 });
 * for (let epoch = 0; epoch < 5; epoch++) schedule.step();
 * optimizer.lr; // 0.5
 * ```
 */
export class CosineAnnealingLR extends Scheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: Optimizer, options: CosineAnnealingLROptions) {
    super(optimizer, 'CosineAnnealingLR');
    checkOptions('CosineAnnealingLR', options, ['tMax', 'etaMin']);
    const { tMax, etaMin = 0 } = options;
    checkNumber('CosineAnnealingLR', 'tMax', tMax, { least: 1, whole: true });
    checkNumber('CosineAnnealingLR', 'etaMin', etaMin, { least: 0 });
    this.tMax = tMax;
    this.etaMin = etaMin;
    this.set(this.rates());
  }

  protected rates(): number[] {
    const { lastEpoch: t, tMax, etaMin } = this;
    const height = (step: number): number => 1 + cosPi(step / tMax);
    // At the bottom there is nothing to multiply.
    const rises = (t - 1 - tMax) % (2 * tMax) === 0;
    const at = (step: number, i: number): number => between(this.baseLrs[i], etaMin, halfCosine(step / tMax));
    return this.groups.map(({ lr }, i) => {
      if (t === 0) return lr;
      if (lr === at(t - 1, i)) return at(t, i);
      if (rises) return lr + ((this.baseLrs[i] - etaMin) * (1 - cosPi(1 / tMax))) / 2;
      // Rounding may leave less than nothing of the lowest rate.
      return Math.max(0, (height(t) / height(t - 1)) * (lr - etaMin) + etaMin);
    });
  }
}

export interface CosineAnnealingWarmRestartsOptions {
  /** Steps of the first cosine. */
  t0: number;
  /** How many times as long the next one is, a whole number; 1 by default. */
  tMult?: number;
  /** The learning rate at the bottom; 0 by default. */
  etaMin?: number;
}

/**
 * Half a cosine down, then back to the top at once, each time over `tMult` times as many steps (Loshchilov and Hutter,
 * "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017).
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.CosineAnnealingWarmRestarts(optimizer, { t0: 2 });
 * schedule.step();
 * optimizer.lr; // 0.5
 * schedule.step();
 * optimizer.lr; // 1
 * ```
 */
export class CosineAnnealingWarmRestarts extends Scheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;
  /** Steps since the last restart, and how many there are until the next. */
  protected tCur = 0;
  protected tI: number;

  constructor(optimizer: Optimizer, options: CosineAnnealingWarmRestartsOptions) {
    const name = 'CosineAnnealingWarmRestarts';
    super(optimizer, name, ['tCur', 'tI']);
    checkOptions(name, options, ['t0', 'tMult', 'etaMin']);
    const { t0, tMult = 1, etaMin = 0 } = options;
    checkNumber(name, 't0', t0, { least: 1, whole: true });
    checkNumber(name, 'tMult', tMult, { least: 1, whole: true });
    checkNumber(name, 'etaMin', etaMin, { least: 0 });
    this.t0 = this.tI = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
    this.set(this.rates());
  }

  protected override advance(): void {
    super.advance();
    if (++this.tCur < this.tI) return;
    this.tCur = 0;
    this.tI *= this.tMult;
  }

  protected override reset(): void {
    this.tCur = 0;
    this.tI = this.t0;
  }

  protected rates(): number[] {
    const share = halfCosine(this.tCur / this.tI);
    return this.baseLrs.map((base) => between(base, this.etaMin, share));
  }
}
