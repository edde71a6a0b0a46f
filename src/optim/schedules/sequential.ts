import { checkNumber } from '../../core/checks.js';
import { checkOptions } from '../../core/options.js';
import type { Optimizer } from '../optimizer.js';
import { Scheduler, type SchedulerState } from './scheduler.js';

export interface SequentialLROptions {
  /** One after the other, all of the same optimizer. */
  schedulers: readonly Scheduler[];
  /** Numbers of the steps at which the next one begins: one fewer than there are schedulers. */
  milestones: readonly number[];
}

/**
 * Schedules one after the other, such as a warm-up and what follows it. Each begins with its own step 0 at its milestone.
 *
 * @throws TypeError on an unknown option, RangeError where schedulers and milestones do not fit
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const optimizer = new optim.SGD([tensor(1, { requiresGrad: true })], { lr: 1 });
 * const schedule = new optim.SequentialLR(optimizer, {
 *   schedulers: [
 *     new optim.LinearLR(optimizer, { startFactor: 0.5, totalIters: 2 }),
 *     new optim.ExponentialLR(optimizer, { gamma: 0.5 }),
 *   ],
 *   milestones: [2],
 * });
 * const rates = [optimizer.lr];
 * for (let epoch = 0; epoch < 3; epoch++) {
 *   schedule.step();
 *   rates.push(optimizer.lr);
 * }
 * rates; // [0.5, 0.75, 1, 0.5]
 * ```
 */
export class SequentialLR extends Scheduler {
  private readonly schedulers: readonly Scheduler[];
  private readonly milestones: readonly number[];

  constructor(optimizer: Optimizer, options: SequentialLROptions) {
    super(optimizer, 'SequentialLR');
    checkOptions('SequentialLR', options, ['schedulers', 'milestones']);
    const { schedulers, milestones } = options;
    if (!Array.isArray(schedulers) || !schedulers.every((scheduler) => scheduler instanceof Scheduler)) {
      throw new TypeError('SequentialLR: expected schedulers of optim');
    }
    if (!schedulers.every((scheduler) => scheduler.optimizer === optimizer)) {
      throw new RangeError('SequentialLR: expected schedulers of the same optimizer');
    }
    if (!Array.isArray(milestones)) throw new TypeError('SequentialLR: expected milestones as an array');
    if (milestones.length !== schedulers.length - 1) {
      throw new RangeError(
        `SequentialLR: expected ${schedulers.length - 1} milestones for ${schedulers.length} schedulers, ` +
          `got ${milestones.length}`,
      );
    }
    milestones.forEach((milestone, i) => {
      const least = i === 0 ? 1 : milestones[i - 1] + 1;
      checkNumber('SequentialLR', 'a milestone', milestone, { least, whole: true });
    });
    this.schedulers = [...schedulers];
    this.milestones = [...milestones];
    this.set(this.rates());
  }

  override step(metric?: number): void {
    this.advance();
    const i = this.milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    if (this.milestones[i - 1] === this.lastEpoch) this.schedulers[i].restart();
    else this.schedulers[i].step(metric);
    this.set(this.schedulers[i].getLastLr());
  }

  override stateDict(): SchedulerState {
    return { ...super.stateDict(), schedulers: this.schedulers.map((scheduler) => scheduler.stateDict()) };
  }

  override loadStateDict(state: SchedulerState): void {
    this.checkState(state);
    const inner = state.schedulers as SchedulerState[];
    this.schedulers.forEach((scheduler, i) => scheduler.loadStateDict(inner[i]));
    super.loadStateDict(state);
  }

  /** @internal */
  override checkState(state: SchedulerState): void {
    super.checkState(state);
    const inner = state.schedulers as SchedulerState[] | undefined;
    const count = inner?.length;
    if (count !== this.schedulers.length) {
      throw new RangeError(
        `SequentialLR: expected a state of ${this.schedulers.length} schedulers, got ${count}`,
      );
    }
    this.schedulers.forEach((scheduler, i) => scheduler.checkState(inner![i]));
  }

  protected rates(): number[] {
    this.schedulers[0].restart();
    return this.schedulers[0].getLastLr();
  }
}
