import { shown } from '../../core/shown.js';
import { checkOptions } from '../../core/options.js';
import type { BatchReport, EpochReport } from '../history.js';
import type { Progress, ProgressModule, ProgressReport } from '../progress.js';
import type { Callback, Training } from './callback.js';

export interface ProgressBarOptions {
  /** Move after each batch (the default) or after each epoch, which costs small networks nothing. */
  every?: 'batch' | 'epoch';
  /** Shows it, instead of a bar in the terminal: in a page, say. Called with each move. */
  show?: (report: ProgressReport) => void;
}

/**
 * Shows how far training is: a bar on standard error where that is a terminal, or whatever `show` does. fit() has one by
 * itself, which this takes the place of.
 *
 * @throws RangeError on a bad option, TypeError where `show` is no function
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const shares: number[] = [];
 * const model = new nn.Linear(1, 1);
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.05 }),
 *   epochs: 4,
 *   callbacks: [new callbacks.ProgressBar({ every: 'epoch', show: ({ share }) => void shares.push(share) })],
 * });
 * shares; // [0.25, 0.5, 0.75, 1]
 * ```
 */
export class ProgressBar implements Callback {
  onBatchEnd?: (report: BatchReport, training: Training) => void;
  private readonly every: 'batch' | 'epoch';
  private readonly show: ((report: ProgressReport) => void) | undefined;
  private progress: Progress | undefined;
  private began = 0;

  constructor(options: ProgressBarOptions = {}) {
    checkOptions('ProgressBar', options, ['every', 'show']);
    ({ every: this.every = 'batch', show: this.show } = options);
    if (this.every !== 'batch' && this.every !== 'epoch') {
      throw new RangeError(`ProgressBar: expected every to be 'batch' or 'epoch', got ${shown(this.every)}`);
    }
    if (this.show !== undefined && typeof this.show !== 'function') {
      throw new TypeError(`ProgressBar: expected show to be a function, got ${typeof this.show}`);
    }
    if (this.every === 'batch') {
      this.onBatchEnd = ({ epoch, batch, meanLoss, rows }, { epochs, batches }) => {
        const rate = (rows / (performance.now() - this.began)) * 1000;
        // Nobody knows how many batches a stream has: its epochs count as a whole.
        this.move(epoch, epochs, epoch - 1 + (batches === undefined ? 0 : batch / batches), meanLoss, rate);
      };
    }
  }

  async onTrainBegin({ epochs }: Training): Promise<void> {
    const { show } = this;
    this.progress = show ? { start() {}, update: show, stop() {} } : await hostProgress();
    this.progress?.start(epochs);
  }

  onEpochBegin(): void {
    this.began = performance.now();
  }

  onEpochEnd({ epoch, loss }: EpochReport, { epochs, batches }: Training): void {
    // The last batch has told all, where it was known to be the last one.
    if (this.every === 'epoch' || batches === undefined) this.move(epoch, epochs, epoch, loss);
  }

  onTrainEnd(): void {
    this.progress?.stop();
  }

  /** @param done epochs, also in part */
  private move(epoch: number, epochs: number, done: number, loss: number, rowsPerSecond?: number): void {
    this.progress?.update({ epoch, epochs, share: done / epochs, loss, rowsPerSecond });
  }
}

/** The progress that this host can show; undefined where nobody watches. */
async function hostProgress(): Promise<Progress | undefined> {
  const { createProgress } = (await import('#progress')) as ProgressModule;
  return createProgress();
}

/** The bar that fit() has by itself, unless one is given. */
export function missingBar(given: readonly Callback[]): Callback[] {
  return given.some((callback) => callback instanceof ProgressBar) ? [] : [new ProgressBar()];
}
