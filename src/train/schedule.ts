import { take, type Figure } from './figure.js';
import type { Optimizer } from './trainingStep.js';

/** What fit() needs of a schedule of optim. */
export interface Schedule {
  /** @param metric the figure that a schedule may wait for; NaN where no row counts */
  step(metric?: number): void;
  /** Where it stands, as plain data: part of the state of an interrupted training. */
  stateDict?(): Record<string, unknown>;
  loadStateDict?(state: Record<string, unknown>): void;
}

/** A schedule that is stepped after each epoch, or after each step of the optimizer (`every: 'batch'`). */
export type ScheduleOption = Schedule | { scheduler: Schedule; every: 'epoch' | 'batch' };

/** The schedule of an option, and when it is stepped. */
export function steppedBy(option: ScheduleOption): { scheduler: Schedule; every: 'epoch' | 'batch' } {
  return 'scheduler' in Object(option)
    ? (option as { scheduler: Schedule; every: 'epoch' | 'batch' })
    : { scheduler: option as Schedule, every: 'epoch' };
}

/** When a schedule is stepped. */
export class Stepping {
  private readonly scheduler: Schedule;
  readonly every: 'epoch' | 'batch';
  /** Of the step at hand. */
  private figure: Figure = { sum: 0, weight: 0 };

  /** @param option checked */
  constructor(option: ScheduleOption) {
    ({ scheduler: this.scheduler, every: this.every } = steppedBy(option));
  }

  /** Where the schedule stands, if it tells. */
  stateDict(): Record<string, unknown> | undefined {
    return this.scheduler.stateDict?.();
  }

  /** Goes back to where it stood. The optimizer's options stay as they are: they are part of the optimizer's state. */
  loadStateDict(state: Record<string, unknown>, optimizer: Optimizer): void {
    const { paramGroups: groups = [] } = optimizer as { paramGroups?: readonly object[] };
    const before = groups.map((group) => ({ ...group }));
    this.scheduler.loadStateDict?.(state);
    groups.forEach((group, i) => {
      for (const [name, value] of Object.entries(before[i])) {
        if (Object.getOwnPropertyDescriptor(group, name)?.set) Object.assign(group, { [name]: value });
      }
    });
  }

  /** A batch is trained, with a step of the optimizer or not: the figure is the loss of all rows of the step. */
  afterBatch(stepped: boolean, ...figure: [loss: number, weight: number, sum?: number]): void {
    if (this.every !== 'batch') return;
    take(this.figure, ...figure);
    if (!stepped) return;
    this.scheduler.step(this.figure.sum / this.figure.weight);
    this.figure = { sum: 0, weight: 0 };
  }

  /** An epoch is over; its figure is what a schedule may wait for. */
  afterEpoch(figure: number): void {
    if (this.every === 'epoch') this.scheduler.step(figure);
  }
}
