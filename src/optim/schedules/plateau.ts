import { checkNumber } from '../../core/checks.js';
import { shown } from '../../core/shown.js';
import { checkOptions } from '../../core/options.js';
import type { Optimizer } from '../optimizer.js';
import { Scheduler, type SchedulerState } from './scheduler.js';

export interface ReduceLROnPlateauOptions {
  /** Whether the figure is to fall (by default) or to rise. */
  mode?: 'min' | 'max';
  /** What the learning rate is multiplied by; 0.1 by default. */
  factor?: number;
  /** How many steps without a better figure are borne; 10 by default. */
  patience?: number;
  /** How much better counts as better; 0.0001 by default. */
  threshold?: number;
  /** Whether the threshold is a share of the best figure (by default) or a difference. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps to wait after a reduction before counting again; 0 by default. */
  cooldown?: number;
  /** Lower bound of the learning rate, for all groups or for each; 0 by default. */
  minLr?: number | readonly number[];
  /** A smaller change is none; 1e-8 by default. */
  eps?: number;
}

/**
 * Multiplies the learning rates by `factor` when a figure has not become better for more than `patience` steps. In fit()
 * the figure is the validation loss, or the loss where nothing is validated. A figure that is NaN, as of a batch in which no
 * row counts, is neither better nor worse, and changes nothing (PyTorch: worse).
 *
 * @throws TypeError on an unknown option, RangeError on a bad value; step() throws TypeError without a figure
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.ReduceLROnPlateau(optimizer, { patience: 1, factor: 0.5 });
 * for (const loss of [3, 2, 2, 2]) schedule.step(loss);
 * optimizer.lr; // 0.5
 * ```
 */
export class ReduceLROnPlateau extends Scheduler {
  protected best: number;
  protected badEpochs = 0;
  protected cooldownCounter = 0;
  private readonly settings: Required<Omit<ReduceLROnPlateauOptions, 'minLr'>>;
  private readonly minLrs: readonly number[];

  constructor(optimizer: Optimizer, options: ReduceLROnPlateauOptions = {}) {
    const name = 'ReduceLROnPlateau';
    super(optimizer, name, ['best', 'badEpochs', 'cooldownCounter']);
    checkOptions(name, options, [...Object.keys(DEFAULTS), 'minLr']);
    const { minLr = 0, ...given } = options;
    const settings = { ...DEFAULTS, ...given };
    const { mode, thresholdMode } = settings;
    if (mode !== 'min' && mode !== 'max') {
      throw new RangeError(`${name}: expected mode 'min' or 'max', got ${shown(mode)}`);
    }
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs') {
      throw new RangeError(`${name}: expected thresholdMode 'rel' or 'abs', got ${shown(thresholdMode)}`);
    }
    checkNumber(name, 'factor', settings.factor, { least: 0, below: 1 });
    for (const option of ['patience', 'cooldown'] as const) {
      checkNumber(name, option, settings[option], { least: 0, whole: true });
    }
    checkNumber(name, 'threshold', settings.threshold, { least: 0 });
    checkNumber(name, 'eps', settings.eps, { least: 0 });
    this.minLrs = this.each('minLr', minLr);
    for (const rate of this.minLrs) checkNumber(name, 'minLr', rate, { least: 0 });
    this.settings = settings;
    this.best = mode === 'min' ? Infinity : -Infinity;
    this.set(this.rates());
  }

  override step(metric?: number): void {
    if (typeof metric !== 'number') {
      throw new TypeError(`ReduceLROnPlateau: expected step() with a figure, got ${shown(metric)}`);
    }
    this.advance();
    if (Number.isNaN(metric)) return this.set(this.rates());
    if (this.isBetter(metric)) {
      this.best = metric;
      this.badEpochs = 0;
    } else this.badEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.badEpochs = 0;
    }
    if (this.badEpochs > this.settings.patience) {
      this.set(this.reduced());
      this.cooldownCounter = this.settings.cooldown;
      this.badEpochs = 0;
    } else this.set(this.rates());
  }

  override loadStateDict(state: SchedulerState): void {
    // JSON makes null of an infinite figure, which is what a schedule begins with.
    const best = state?.best ?? (this.settings.mode === 'min' ? Infinity : -Infinity);
    super.loadStateDict(state && 'best' in state ? { ...state, best } : state);
  }

  protected override reset(): void {
    this.best = this.settings.mode === 'min' ? Infinity : -Infinity;
    this.badEpochs = this.cooldownCounter = 0;
  }

  protected rates(): number[] {
    return this.groups.map(({ lr }) => lr);
  }

  private reduced(): number[] {
    const { factor, eps } = this.settings;
    return this.groups.map(({ lr }, i) => {
      const lower = Math.max(lr * factor, this.minLrs[i]);
      return lr - lower > eps ? lower : lr;
    });
  }

  private isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.settings;
    const { best } = this;
    if (thresholdMode === 'rel') {
      return mode === 'min' ? metric < best * (1 - threshold) : metric > best * (threshold + 1);
    }
    return mode === 'min' ? metric < best - threshold : metric > best + threshold;
  }
}

const DEFAULTS = {
  mode: 'min' as 'min' | 'max',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  thresholdMode: 'rel' as 'rel' | 'abs',
  cooldown: 0,
  eps: 1e-8,
};
