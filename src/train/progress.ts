/** How far training is. */
export interface ProgressReport {
  /** The epoch at hand, counted from 1. */
  epoch: number;
  epochs: number;
  /** Of the whole training, 0 to 1. */
  share: number;
  /** Of the epoch so far; NaN where no row counted yet. */
  loss: number;
  /** Rows trained a second, in this epoch; absent where only epochs are reported. */
  rowsPerSecond?: number;
}

/** Shows how far training is. */
export interface Progress {
  start(epochs: number): void;
  update(report: ProgressReport): void;
  stop(): void;
}

/** What the modules behind `#progress` export. */
export interface ProgressModule {
  /** The progress of this host, or undefined where nobody watches. */
  createProgress(): Progress | undefined;
}
