import type { Loss } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import type { Training } from './callbacks/callback.js';
import type { History } from './history.js';
import type { Metric } from './metrics/metric.js';
import type { Optimizer } from './trainingStep.js';

/** What callbacks are given: see {@link Training}. */
export class RunningTraining implements Training {
  stopped = false;
  interrupted = false;
  error: unknown = undefined;
  readonly goals: Readonly<Record<string, 'min' | 'max'>>;

  constructor(
    readonly model: Module,
    readonly optimizer: Optimizer,
    readonly loss: Loss,
    readonly epochs: number,
    readonly batches: number | undefined,
    readonly history: History,
    metrics: readonly Metric[],
    /** Why it cannot be interrupted, if so. */
    private readonly whole: string | undefined,
  ) {
    this.goals = {
      loss: 'min',
      validationLoss: 'min',
      ...Object.fromEntries(metrics.map(({ name, goal }) => [validationName(name), goal])),
    };
  }

  stop(): void {
    this.stopped = true;
  }

  interrupt(): void {
    if (this.whole !== undefined) throw new Error(`fit: cannot be interrupted, ${this.whole}`);
    this.interrupted = true;
  }
}

/** What an EpochReport calls a figure of the validation. */
export function validationName(name: string): `validation${string}` {
  return `validation${name[0].toUpperCase()}${name.slice(1)}`;
}
