import type { Tensor } from '../tensor/tensor.js';

/** Inputs and targets of some rows. */
export type Batch = readonly [inputs: Tensor, targets: Tensor];

/** Batches, epoch by epoch, for whoever trains on them or evaluates. */
export interface BatchSource {
  /** Number of batches in an epoch, where it is known. */
  readonly length: number | undefined;
  /**
   * Begins an epoch.
   *
   * @param batch number of the first batch wanted, 0 by default; other ones only where the length is known
   */
  begin(signal?: AbortSignal, batch?: number): void;
  /** The next batch, undefined at the end; a promise only where one has to wait for it. */
  next(): Batch | undefined | Promise<Batch | undefined>;
  /** Ends an epoch, also before its last batch. */
  end(): void | Promise<void>;
}
