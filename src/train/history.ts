/** What onBatch is told. Epochs and batches are counted from 1. */
export interface BatchReport {
  epoch: number;
  batch: number;
  loss: number;
}

/** What onEpoch is told and the history keeps. */
export interface EpochReport {
  /** Counted from 1. */
  epoch: number;
  /** Mean over the rows of the epoch, each taken when its batch was trained. */
  loss: number;
  validationLoss?: number;
  /** Share of rows, 0 to 1. */
  validationAccuracy?: number;
  /** Time of the training part, in seconds. */
  seconds: number;
}

/** What fit() returns: plain data, one entry an epoch. */
export interface History {
  epochs: EpochReport[];
}
