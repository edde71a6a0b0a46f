import type { Optimizer } from '../optim/optimizer.js';
import { CosineAnnealingLR, CosineAnnealingWarmRestarts } from '../optim/schedules/cosine.js';
import { OneCycleLR } from '../optim/schedules/oneCycle.js';
import { ReduceLROnPlateau } from '../optim/schedules/plateau.js';
import { Scheduler, type SchedulerState } from '../optim/schedules/scheduler.js';
import { SequentialLR } from '../optim/schedules/sequential.js';
import { ExponentialLR, LinearLR, MultiStepLR, StepLR } from '../optim/schedules/steps.js';
import { className, Table, type Described } from './table.js';

/** Schedules that are made of numbers alone. */
const SCHEDULES = new Table<Scheduler>({
  CosineAnnealingLR: { of: CosineAnnealingLR, options: ['tMax', 'etaMin'] },
  CosineAnnealingWarmRestarts: { of: CosineAnnealingWarmRestarts, options: ['t0', 'tMult', 'etaMin'] },
  ExponentialLR: { of: ExponentialLR, options: ['gamma'] },
  LinearLR: { of: LinearLR, options: ['startFactor', 'endFactor', 'totalIters'] },
  MultiStepLR: { of: MultiStepLR, options: ['milestones', 'gamma'] },
  OneCycleLR: { of: OneCycleLR, options: ({ options }) => ({ ...(options as object) }) },
  ReduceLROnPlateau: {
    of: ReduceLROnPlateau,
    options: ({ settings, minLrs }) => ({ ...(settings as object), minLr: minLrs }),
  },
  StepLR: { of: StepLR, options: ['stepSize', 'gamma'] },
});

/** A schedule, where it stands, and those inside it. */
export interface DescribedSchedule {
  readonly made: Described;
  readonly inside?: readonly DescribedSchedule[];
  readonly state: SchedulerState;
}

/** @throws TypeError where it is none of optim, or one with a function */
export function describeSchedule(schedule: object): DescribedSchedule {
  if (schedule instanceof SequentialLR) {
    const { schedulers, milestones } = schedule as unknown as {
      schedulers: readonly Scheduler[];
      milestones: readonly number[];
    };
    const made = { type: 'SequentialLR', options: { milestones } };
    return { made, inside: schedulers.map(describeSchedule), state: schedule.stateDict() };
  }
  const made = SCHEDULES.describe(schedule as Scheduler);
  if (!made) throw new TypeError(className(schedule));
  return { made, state: (schedule as Scheduler).stateDict() };
}

/** The optimizer's options are not what they were afterwards: load its state again. */
export function buildSchedule({ made, inside, state }: DescribedSchedule, optimizer: Optimizer): Scheduler {
  const schedule = inside
    ? new SequentialLR(optimizer, {
        schedulers: inside.map((one) => buildSchedule(one, optimizer)),
        milestones: made.options.milestones as number[],
      })
    : SCHEDULES.build(made, optimizer);
  schedule.loadStateDict(state);
  return schedule;
}
