import type { RandomState } from '../core/random.js';
import type { LoaderState } from '../data/dataLoader.js';

/** What onBatch and onBatchEnd are told. Epochs and batches are counted from 1. */
export interface BatchReport {
  epoch: number;
  batch: number;
  loss: number;
  /** Mean of the epoch so far, over its rows. */
  meanLoss: number;
  /** Rows trained so far in this epoch. */
  rows: number;
}

/** What onEpoch and onEpochEnd are told and the history keeps. */
export interface EpochReport {
  /** Counted from 1. */
  epoch: number;
  /** Mean over the rows of the epoch, each taken when its batch was trained. */
  loss: number;
  validationLoss?: number;
  /** Share of rows, 0 to 1. */
  validationAccuracy?: number;
  /** Each metric of the validation by its name: `f1` is `validationF1`. */
  [figure: `validation${string}`]: number | undefined;
  /** Time of the training part, in seconds. */
  seconds: number;
}

/** Where the random numbers are that the next epoch will use: plain numbers, fit for JSON. */
export interface FitState {
  random: RandomState;
  /** Absent for streams. */
  data?: LoaderState;
  validation?: LoaderState;
}

/** What fit() returns: plain data, one entry an epoch. With it as `resume`, fit() goes on. */
export interface History {
  epochs: EpochReport[];
  /** After the last whole epoch. */
  state: FitState;
}
