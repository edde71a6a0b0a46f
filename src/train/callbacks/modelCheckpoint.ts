import { checkCounts } from '../../core/checks.js';
import type { StateDict } from '../../nn/module.js';
import { checkOptions } from '../../core/options.js';
import type { EpochReport, History } from '../history.js';
import type { Callback, Training } from './callback.js';
import { Monitor, type MonitorOptions, type MonitorState } from './monitor.js';

/** What a ModelCheckpoint hands over to be saved. */
export interface Checkpoint {
  /** Copies of the weights, by name. */
  readonly state: StateDict;
  readonly report: EpochReport;
  /** For fit({ resume }); plain data. It goes on growing: write it down at once, or copy it. */
  readonly history: History;
}

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Save only what is better than everything before; true by default. */
  bestOnly?: boolean;
  /** Every how many epochs to look; 1 by default. */
  every?: number;
}

/**
 * Hands the model's weights to a function of yours, which writes them where they belong: after each epoch that is the
 * best so far, or after each. Training waits for the promise that the function may return.
 *
 * @throws TypeError where `save` is no function, RangeError on a bad option
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const saved: callbacks.Checkpoint[] = [];
 * const model = new nn.Linear(1, 1);
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.05 }),
 *   epochs: 4,
 *   callbacks: [new callbacks.ModelCheckpoint((checkpoint) => void saved.push(checkpoint), { bestOnly: false, every: 2 })],
 * });
 * saved.map(({ report }) => report.epoch); // [2, 4]
 * Object.keys(saved[0].state); // ["weight", "bias"]
 * ```
 */
export class ModelCheckpoint implements Callback {
  private readonly monitor: Monitor;
  private readonly bestOnly: boolean;
  private readonly every: number;

  constructor(
    private readonly save: (checkpoint: Checkpoint) => void | Promise<void>,
    options: ModelCheckpointOptions = {},
  ) {
    checkOptions('ModelCheckpoint', options, ['monitor', 'mode', 'minDelta', 'bestOnly?', 'every']);
    ({ bestOnly: this.bestOnly = true, every: this.every = 1 } = options);
    if (typeof save !== 'function') throw new TypeError('ModelCheckpoint: expected a function that saves');
    checkCounts('ModelCheckpoint', { every: this.every });
    this.monitor = new Monitor('ModelCheckpoint', options);
  }

  /** The epoch that was saved as the best. */
  get bestEpoch(): number | undefined {
    return this.monitor.bestEpoch;
  }

  onTrainBegin({ history }: Training): void {
    if (history.epochs.length === 0) this.monitor.reset();
  }

  async onEpochEnd(report: EpochReport, training: Training): Promise<void> {
    if (report.epoch % this.every !== 0) return;
    if (this.bestOnly && !this.monitor.improves(report, training)) return;
    await this.save({ state: training.model.stateDict(), report, history: training.history });
  }

  /** The best figure and its epoch, as plain data. */
  stateDict(): MonitorState {
    return this.monitor.state;
  }

  /** Takes what {@link stateDict} gave. */
  loadStateDict(state: unknown): void {
    this.monitor.state = state as MonitorState;
  }
}
