import { checkNumber } from '../../core/checks.js';
import { shown } from '../../core/shown.js';
import { checkOptions } from '../../core/options.js';
import type { Optimizer } from '../optimizer.js';
import { between, halfCosine } from './between.js';
import { Scheduler, type RateGroup, type SchedulerState } from './scheduler.js';

export interface OneCycleLROptions {
  /** The highest learning rate, for all groups or for each. */
  maxLr: number | readonly number[];
  /** How many steps there are; or `epochs` and `stepsPerEpoch`. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** Share of the steps that go up; 0.3 by default. */
  pctStart?: number;
  /** Along a cosine (by default) or a straight line. */
  annealStrategy?: 'cos' | 'linear';
  /** Move momentum (or the first of betas) the other way; true by default. */
  cycleMomentum?: boolean;
  /** Lowest momentum, at the highest learning rate; 0.85 by default. */
  baseMomentum?: number | readonly number[];
  /** Highest momentum; 0.95 by default. */
  maxMomentum?: number | readonly number[];
  /** The first learning rate is maxLr / divFactor; 25 by default. */
  divFactor?: number;
  /** The last one is the first / finalDivFactor; 10,000 by default. */
  finalDivFactor?: number;
  /** Down as far as up was, and then in a third phase to the end; false by default. */
  threePhase?: boolean;
}

interface Phase {
  /** Number of its last step; need not be whole. */
  end: number;
  rates: [from: readonly number[], to: readonly number[]];
  momenta: [from: readonly number[], to: readonly number[]];
}

type MomentumGroup = RateGroup & { momentum?: number; betas?: readonly [number, number] };

/**
 * One cycle (Smith and Topin, "Super-Convergence", 2018) as PyTorch has it: the learning rate goes up to `maxLr` and down
 * to almost nothing, momentum the other way. To be stepped after each batch; the step after the last batch stays at the
 * end (PyTorch goes past it, with a straight line below 0).
 *
 * @throws TypeError on an unknown option, RangeError on a bad value; step() throws RangeError after the last step
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.Adam([tensor(1, { requiresGrad: true })]);
 * const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 10 });
 * optimizer.lr; // 0.004
 * schedule.step();
 * schedule.step();
 * optimizer.lr; // 0.1
 * optimizer.paramGroups[0].betas[0]; // 0.85
 * ```
 */
export class OneCycleLR extends Scheduler {
  readonly totalSteps: number;
  /** @internal as it was made */
  readonly options: OneCycleLROptions;
  private readonly phases: readonly Phase[];
  private readonly cycleMomentum: boolean;
  private readonly isLinear: boolean;

  constructor(optimizer: Optimizer, options: OneCycleLROptions) {
    super(optimizer, 'OneCycleLR');
    checkOptions('OneCycleLR', options, OPTIONS);
    const { pctStart = 0.3, annealStrategy = 'cos', cycleMomentum = true, threePhase = false } = options;
    const { baseMomentum = 0.85, maxMomentum = 0.95, divFactor = 25, finalDivFactor = 1e4 } = options;
    this.totalSteps = totalOf(options);
    this.options = { ...options };
    checkNumber('OneCycleLR', 'pctStart', pctStart, { least: 0, most: 1 });
    checkNumber('OneCycleLR', 'divFactor', divFactor, { above: 0 });
    checkNumber('OneCycleLR', 'finalDivFactor', finalDivFactor, { above: 0 });
    if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
      throw new RangeError(
        `OneCycleLR: expected annealStrategy 'cos' or 'linear', got ${shown(annealStrategy)}`,
      );
    }
    const top = this.each('maxLr', options.maxLr);
    for (const rate of top) checkNumber('OneCycleLR', 'maxLr', rate, { least: 0 });
    const [low, high] = [this.each('baseMomentum', baseMomentum), this.each('maxMomentum', maxMomentum)];
    for (const value of [...low, ...high]) {
      if (cycleMomentum) checkNumber('OneCycleLR', 'momentum', value, { least: 0, most: 1 - 2 ** -24 });
    }
    if (cycleMomentum && !this.groups.every((group) => 'momentum' in group || 'betas' in group)) {
      throw new RangeError('OneCycleLR: this optimizer has no momentum; set cycleMomentum: false');
    }
    this.cycleMomentum = cycleMomentum;
    this.isLinear = annealStrategy === 'linear';
    const first = top.map((rate) => rate / divFactor);
    const last = first.map((rate) => rate / finalDivFactor);
    const turn = pctStart * this.totalSteps;
    const up: Phase = { end: turn - 1, rates: [first, top], momenta: [high, low] };
    this.phases = threePhase
      ? [
          up,
          { end: 2 * turn - 2, rates: [top, first], momenta: [low, high] },
          { end: this.totalSteps - 1, rates: [first, last], momenta: [high, high] },
        ]
      : [up, { end: this.totalSteps - 1, rates: [top, last], momenta: [low, high] }];
    this.baseLrs = first;
    this.set(this.rates());
  }

  override loadStateDict(state: SchedulerState): void {
    super.loadStateDict(state);
    this.setMomentum();
  }

  protected override advance(): void {
    if (this.lastEpoch >= this.totalSteps) {
      throw new RangeError(
        `OneCycleLR: expected at most ${this.totalSteps} steps, got ${this.lastEpoch + 1}`,
      );
    }
    super.advance();
  }

  protected rates(): number[] {
    this.setMomentum();
    const { phase, share } = this.where();
    return this.groups.map((_, i) => between(phase.rates[0][i], phase.rates[1][i], share));
  }

  private setMomentum(): void {
    if (!this.cycleMomentum) return;
    const { phase, share } = this.where();
    this.groups.forEach((group: MomentumGroup, i) => {
      const value = between(phase.momenta[0][i], phase.momenta[1][i], share);
      if (group.betas) group.betas = [value, group.betas[1]];
      else group.momentum = value;
    });
  }

  /** The phase of the step at hand, and how much of the way it has done. */
  private where(): { phase: Phase; share: number } {
    const t = this.lastEpoch;
    const found = this.phases.findIndex(({ end }) => t <= end);
    const i = found < 0 ? this.phases.length - 1 : found;
    const begin = i === 0 ? 0 : this.phases[i - 1].end;
    const phase = this.phases[i];
    // The last call of step() comes after the last of the steps: there is no way left to go.
    const share = t >= phase.end ? 1 : (t - begin) / (phase.end - begin);
    return { phase, share: this.isLinear ? share : halfCosine(share) };
  }
}

const OPTIONS = [
  'maxLr',
  'totalSteps',
  'epochs',
  'stepsPerEpoch',
  'pctStart',
  'annealStrategy',
  'cycleMomentum?',
  'baseMomentum',
  'maxMomentum',
  'divFactor',
  'finalDivFactor',
  'threePhase?',
];

function totalOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  if (totalSteps !== undefined) {
    checkNumber('OneCycleLR', 'totalSteps', totalSteps, { least: 1, whole: true });
    return totalSteps;
  }
  if (epochs === undefined || stepsPerEpoch === undefined) {
    throw new RangeError('OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch');
  }
  checkNumber('OneCycleLR', 'epochs', epochs, { least: 1, whole: true });
  checkNumber('OneCycleLR', 'stepsPerEpoch', stepsPerEpoch, { least: 1, whole: true });
  return epochs * stepsPerEpoch;
}
