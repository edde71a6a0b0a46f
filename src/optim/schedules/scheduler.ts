import { ANY, checkNumber } from '../../core/checks.js';
import { shown } from '../../core/shown.js';
import type { ParameterGroup } from '../group.js';
import { Optimizer } from '../optimizer.js';

/** A group as far as schedules are concerned. */
export type RateGroup = ParameterGroup & { lr: number };

/** What stateDict() of a scheduler gives: plain data. */
export type SchedulerState = Record<string, unknown>;

/** Learning rates of groups as they were before any schedule changed them. */
const initialRates = new WeakMap<ParameterGroup, number>();

/**
 * What all schedules have in common. Making one sets the learning rates of step 0; step() those of the next one. Call it
 * after the optimizer's steps: once an epoch, or once a batch, as you want to count. The options that schedules change are
 * in linear memory, so captured steps see them.
 */
export abstract class Scheduler {
  /** Number of the step at hand, from 0 on. */
  lastEpoch = 0;
  /** Learning rate of each group before any schedule changed it. */
  protected baseLrs: number[];
  private lastLr: number[] = [];

  /** @internal */
  protected constructor(
    readonly optimizer: Optimizer,
    private readonly name: string,
    /** Fields that belong to the state. */
    private readonly saved: readonly string[] = [],
  ) {
    if (!(optimizer instanceof Optimizer)) {
      throw new TypeError(`${name}: expected an optimizer of optim, got ${shown(optimizer)}`);
    }
    this.baseLrs = this.groups.map((group) => {
      const initial = initialRates.get(group) ?? group.lr;
      initialRates.set(group, initial);
      return initial;
    });
  }

  /** Goes on to the next learning rates. */
  step(_metric?: number): void {
    this.advance();
    this.set(this.rates());
  }

  /** The learning rate of each group, as this schedule set it last. */
  getLastLr(): number[] {
    return this.lastLr.slice();
  }

  /** Where the schedule stands, as plain data. */
  stateDict(): SchedulerState {
    const own = this.saved.map((name) => [name, structuredClone(this[name as keyof this])]);
    const { lastEpoch, baseLrs, lastLr } = this;
    return {
      schedule: this.name,
      lastEpoch,
      baseLrs: [...baseLrs],
      lastLr: [...lastLr],
      ...Object.fromEntries(own),
    };
  }

  /**
   * Goes back to a saved state, learning rates included.
   *
   * @throws RangeError where it is that of another schedule, or of another number of groups; then nothing is changed
   */
  loadStateDict(state: SchedulerState): void {
    this.checkState(state);
    for (const name of ['lastEpoch', 'baseLrs', ...this.saved]) {
      this[name as keyof this] = structuredClone(state[name]) as never;
    }
    this.set(state.lastLr as number[]);
  }

  /** @internal begins again with step 0 and the learning rates as they were before any schedule */
  restart(): void {
    this.groups.forEach((group, i) => (group.lr = this.baseLrs[i]));
    this.lastEpoch = 0;
    this.reset();
    this.set(this.rates());
  }

  /** @internal throws if this is no state of the schedule */
  checkState(state: SchedulerState): void {
    if (state?.schedule !== this.name) {
      throw new RangeError(`${this.name}: expected a state of ${this.name}, got ${shown(state?.schedule)}`);
    }
    const groups = (state.lastLr as unknown[] | undefined)?.length;
    const missing = ['lastEpoch', 'baseLrs', ...this.saved].filter((name) => !(name in state));
    if (groups !== this.groups.length || missing.length > 0) {
      const got = missing.length > 0 ? `one without ${missing.join(', ')}` : `one of ${groups}`;
      throw new RangeError(`${this.name}: expected a state of ${this.groups.length} groups, got ${got}`);
    }
    // What is no number would be taken now, and fail in some later step.
    for (const name of ['lastLr', 'baseLrs']) {
      const rates = state[name];
      const whole = Array.isArray(rates) && rates.length === this.groups.length;
      // A copy has no holes, which every() would skip.
      if (!whole || ![...rates].every((rate) => rate >= 0 && Number.isFinite(rate))) {
        throw new RangeError(`${this.name}: expected ${name} to be ${this.groups.length} numbers ≥ 0`);
      }
    }
    for (const name of ['lastEpoch', ...this.saved]) {
      // All of them count, but the best figure so far.
      checkNumber(this.name, name, state[name], name === 'best' ? ANY : { least: 0, whole: true });
    }
  }

  protected get groups(): readonly RateGroup[] {
    return this.optimizer.paramGroups as unknown as readonly RateGroup[];
  }

  protected advance(): void {
    this.lastEpoch++;
  }

  /** Puts the fields of a schedule back to step 0. */
  protected reset(): void {}

  /** The learning rate of each group at `lastEpoch`, from that at the step before. */
  protected abstract rates(): number[];

  protected set(rates: readonly number[]): void {
    this.groups.forEach((group, i) => (group.lr = rates[i]));
    this.lastLr = this.groups.map(({ lr }) => lr);
  }

  /** One number for all groups, or one for each. */
  protected each<T>(option: string, value: T | readonly T[]): readonly T[] {
    if (!Array.isArray(value)) return this.groups.map(() => value as T);
    if (value.length === this.groups.length) return value as readonly T[];
    throw new RangeError(
      `${this.name}: expected ${option} for each of ${this.groups.length} groups, got ${value.length}`,
    );
  }
}
