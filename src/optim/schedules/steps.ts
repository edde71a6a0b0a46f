import { checkNumber } from '../../core/checks.js';
import { shown } from '../../core/shown.js';
import { wholePower } from '../../core/elementary.js';
import { checkOptions } from '../../core/options.js';
import type { Optimizer } from '../optimizer.js';
import { between } from './between.js';
import { Scheduler } from './scheduler.js';

export interface StepLROptions {
  /** How many steps the learning rate stays the same. */
  stepSize: number;
  /** What it is multiplied by then; 0.1 by default. */
  gamma?: number;
}

/**
 * Multiplies the learning rates by gamma every `stepSize` steps: lr · γ^⌊t / stepSize⌋.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 0.5 });
 * const schedule = new optim.StepLR(optimizer, { stepSize: 2, gamma: 0.1 });
 * schedule.step();
 * optimizer.lr; // 0.5
 * schedule.step();
 * optimizer.lr; // 0.05
 * ```
 */
export class StepLR extends Scheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: Optimizer, options: StepLROptions) {
    super(optimizer, 'StepLR');
    checkOptions('StepLR', options, ['stepSize', 'gamma']);
    const { stepSize, gamma = 0.1 } = options;
    checkNumber('StepLR', 'stepSize', stepSize, { least: 1, whole: true });
    checkNumber('StepLR', 'gamma', gamma, { least: 0 });
    this.stepSize = stepSize;
    this.gamma = gamma;
    this.set(this.rates());
  }

  protected rates(): number[] {
    const falls = this.lastEpoch > 0 && this.lastEpoch % this.stepSize === 0;
    return this.groups.map(({ lr }) => (falls ? lr * this.gamma : lr));
  }
}

export interface MultiStepLROptions {
  /** Numbers of the steps at which the learning rate falls. */
  milestones: readonly number[];
  /** What it is multiplied by then; 0.1 by default. */
  gamma?: number;
}

/**
 * Multiplies the learning rates by gamma at each milestone; one that is named twice counts twice.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 0.5 });
 * const schedule = new optim.MultiStepLR(optimizer, { milestones: [1, 3], gamma: 0.1 });
 * for (let epoch = 0; epoch < 3; epoch++) schedule.step();
 * optimizer.lr; // 0.005
 * ```
 */
export class MultiStepLR extends Scheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(optimizer: Optimizer, options: MultiStepLROptions) {
    super(optimizer, 'MultiStepLR');
    checkOptions('MultiStepLR', options, ['milestones', 'gamma']);
    const { milestones, gamma = 0.1 } = options;
    if (!Array.isArray(milestones)) {
      throw new TypeError(`MultiStepLR: expected milestones to be an array, got ${shown(milestones)}`);
    }
    for (const milestone of milestones)
      checkNumber('MultiStepLR', 'a milestone', milestone, { least: 0, whole: true });
    checkNumber('MultiStepLR', 'gamma', gamma, { least: 0 });
    this.milestones = [...milestones];
    this.gamma = gamma;
    this.set(this.rates());
  }

  protected rates(): number[] {
    const times = this.milestones.filter((milestone) => milestone === this.lastEpoch).length;
    return this.groups.map(({ lr }) => lr * wholePower(this.gamma, times));
  }
}

export interface ExponentialLROptions {
  /** What the learning rate is multiplied by at each step. */
  gamma: number;
}

/**
 * Multiplies the learning rates by gamma at each step: lr · γᵗ.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.ExponentialLR(optimizer, { gamma: 0.5 });
 * schedule.step();
 * schedule.step();
 * optimizer.lr; // 0.25
 * ```
 */
export class ExponentialLR extends Scheduler {
  readonly gamma: number;

  constructor(optimizer: Optimizer, options: ExponentialLROptions) {
    super(optimizer, 'ExponentialLR');
    checkOptions('ExponentialLR', options, ['gamma']);
    checkNumber('ExponentialLR', 'gamma', options.gamma, { least: 0 });
    this.gamma = options.gamma;
    this.set(this.rates());
  }

  protected rates(): number[] {
    return this.groups.map(({ lr }) => (this.lastEpoch > 0 ? lr * this.gamma : lr));
  }
}

export interface LinearLROptions {
  /** Factor at step 0, above 0 and at most 1; 1/3 by default. */
  startFactor?: number;
  /** Factor from step `totalIters` on; 1 by default. */
  endFactor?: number;
  /** How many steps the way takes; 5 by default. */
  totalIters?: number;
}

/**
 * Warms up: the factor of the learning rates goes in a straight line from `startFactor` to `endFactor` and stays there.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.LinearLR(optimizer, { startFactor: 0.5, totalIters: 4 });
 * optimizer.lr; // 0.5
 * schedule.step();
 * optimizer.lr; // 0.625
 * ```
 */
export class LinearLR extends Scheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(optimizer: Optimizer, options: LinearLROptions = {}) {
    super(optimizer, 'LinearLR');
    checkOptions('LinearLR', options, ['startFactor', 'endFactor', 'totalIters']);
    const { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = options;
    checkNumber('LinearLR', 'startFactor', startFactor, { above: 0, most: 1 });
    checkNumber('LinearLR', 'endFactor', endFactor, { least: 0, most: 1 });
    checkNumber('LinearLR', 'totalIters', totalIters, { least: 1, whole: true });
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    this.set(this.rates());
  }

  protected rates(): number[] {
    const { lastEpoch: t, startFactor, endFactor, totalIters, baseLrs } = this;
    if (t > totalIters) return this.groups.map(({ lr }) => lr);
    const [before, now] = [t - 1, t].map((step) => between(startFactor, endFactor, step / totalIters));
    return this.groups.map(({ lr }, i) => {
      if (t === 0) return lr * now;
      // From a learning rate that something else has changed it goes on by the ratio of two steps.
      return lr === baseLrs[i] * before ? baseLrs[i] * now : (lr * now) / before;
    });
  }
}

export interface LambdaLROptions {
  /** The factor at a step, for all groups or one function for each. */
  lrLambda: ((step: number) => number) | readonly ((step: number) => number)[];
}

/**
 * Multiplies the initial learning rates by what a function of the step gives: lr · f(t). The function is no part of the
 * saved state.
 *
 * @throws TypeError on an unknown option or anything but functions, RangeError on a wrong number of them
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.LambdaLR(optimizer, { lrLambda: (t) => 1 / (1 + t) });
 * schedule.step();
 * optimizer.lr; // 0.5
 * ```
 */
export class LambdaLR extends Scheduler {
  private readonly factors: readonly ((step: number) => number)[];

  constructor(optimizer: Optimizer, options: LambdaLROptions) {
    super(optimizer, 'LambdaLR');
    checkOptions('LambdaLR', options, ['lrLambda']);
    this.factors = this.each('lrLambda', options.lrLambda);
    if (!this.factors.every((factor) => typeof factor === 'function')) {
      throw new TypeError(`LambdaLR: expected lrLambda to be a function, got ${shown(options.lrLambda)}`);
    }
    this.set(this.rates());
  }

  protected rates(): number[] {
    return this.factors.map((factor, i) => this.baseLrs[i] * factor(this.lastEpoch));
  }
}
