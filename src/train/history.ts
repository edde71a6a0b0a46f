import type { RandomState } from '../core/random.js';
import type { LoaderState } from '../data/dataLoader.js';

/** What onBatch and onBatchEnd are told. Epochs and batches are counted from 1. */
export interface BatchReport {
  epoch: number;
  batch: number;
  /** NaN where no row of the batch counts. */
  loss: number;
  /** Of the epoch so far: the loss of all its rows together; NaN where none counted yet. */
  meanLoss: number;
  /** Rows trained so far in this epoch. */
  rows: number;
}

/** What onEpoch and onEpochEnd are told and the history keeps. */
export interface EpochReport {
  /** Counted from 1. */
  epoch: number;
  /** Of all rows of the epoch together, each taken when its batch was trained. NaN where none of them counts. */
  loss: number;
  validationLoss?: number;
  /** Share of rows, 0 to 1. */
  validationAccuracy?: number;
  /** Each metric of the validation by its name: `f1` is `validationF1`. */
  [figure: `validation${string}`]: number | undefined;
  /** Time of the training part, in seconds. */
  seconds: number;
}

/** Where the random numbers are that training will use next: plain numbers, fit for JSON. */
export interface FitState {
  random: RandomState;
  /** Absent for streams. */
  data?: LoaderState;
  validation?: LoaderState;
  /** Where an interrupted training stands inside an epoch; absent between two. */
  epoch?: EpochState;
  /** Of an interrupted training: what stateDict() of its schedule gave. */
  schedule?: Record<string, unknown>;
  /** Of an interrupted training: what stateDict() of its callbacks gave, null for those without. */
  callbacks?: unknown[];
  /** Of a training with a budget: how fast it is. */
  pace?: Pace;
}

/** What is done in one go: a step on so many rows, or the end of an epoch with its validation. */
export type Unit = number | 'end';

/** How long units lasted, in milliseconds: the first of their kind in a call, and those after them. */
export interface Pace {
  first: [Unit, number][];
  later: [Unit, number][];
}

/** An epoch that has begun. */
export interface EpochState {
  /** Batches trained, and batches in an epoch. */
  batch: number;
  batches: number;
  /** Rows trained. */
  rows: number;
  /** Their loss is sum / weight. */
  sum: number;
  weight: number;
  seconds: number;
  /** Where the random numbers were when it began: they give the order of its rows once more. */
  begin: { random: RandomState; data?: LoaderState };
}

/** What fit() returns: plain data, one entry an epoch. With it as `resume`, fit() goes on. */
export interface History {
  epochs: EpochReport[];
  /** After the last whole epoch, or where training was interrupted. */
  state: FitState;
  /** False where training was interrupted, because its budget was spent: with it as `resume`, fit() goes on from there. */
  finished: boolean;
}
