/** Shows how far training is. */
export interface Progress {
  /** @param batches in an epoch, where that is known */
  start(epochs: number, batches: number | undefined): void;
  /** @param loss mean of the epoch so far */
  update(epoch: number, batch: number, loss: number, rowsPerSecond: number): void;
  stop(): void;
}

/** What the modules behind `#progress` export. */
export interface ProgressModule {
  /** The progress of this host, or undefined where nobody watches. */
  createProgress(): Progress | undefined;
}
