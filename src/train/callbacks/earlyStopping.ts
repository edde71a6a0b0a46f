import { checkCounts, refuse } from '../../core/checks.js';
import type { Module } from '../../nn/module.js';
import { checkOptions, isPlain } from '../../core/options.js';
import { readNumbers, unwritten, writable } from '../../tensor/numbers.js';
import type { EpochReport, History } from '../history.js';
import type { Callback, Training } from './callback.js';
import { checkCounted, Monitor, type MonitorOptions, type MonitorState } from './monitor.js';

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs in a row that may bring nothing better; 5 by default. */
  patience?: number;
  /** Put the weights of the best epoch back when training ends; true by default. */
  restoreBest?: boolean;
}

/**
 * Stops when a figure has not become better for some epochs, and puts the weights of the best epoch back (also where
 * training comes to its regular end; not where it fails).
 *
 * @throws RangeError on a bad option, and in the first epoch where there is no such figure
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const loader = new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]]));
 * const model = new nn.Linear(1, 1);
 * const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 3, minDelta: 1e-4 });
 * const { epochs } = await fit(model, {
 *   data: loader,
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
 *   epochs: 1000,
 *   callbacks: [stopping],
 * });
 * epochs.length < 1000; // true
 * stopping.bestEpoch === epochs.length - 3; // true
 * ```
 */
export class EarlyStopping implements Callback {
  /** The epoch after which it stopped training. */
  stoppedEpoch: number | undefined;
  private readonly monitor: Monitor;
  private readonly patience: number;
  private readonly restoreBest: boolean;
  private bestState: Record<string, Float32Array> | undefined;
  private waited = 0;

  constructor(options: EarlyStoppingOptions = {}) {
    checkOptions('EarlyStopping', options, ['patience', 'monitor', 'mode', 'minDelta', 'restoreBest?']);
    ({ patience: this.patience = 5, restoreBest: this.restoreBest = true } = options);
    checkCounts('EarlyStopping', { patience: this.patience });
    this.monitor = new Monitor('EarlyStopping', options);
  }

  /** The best figure so far. */
  get best(): number | undefined {
    return this.monitor.best;
  }

  /** The epoch that gave it. */
  get bestEpoch(): number | undefined {
    return this.monitor.bestEpoch;
  }

  onTrainBegin({ history }: Training): void {
    this.stoppedEpoch = undefined;
    // A training that goes on remembers its best epoch.
    if (history.epochs.length > 0) return;
    this.monitor.reset();
    this.bestState = undefined;
    this.waited = 0;
  }

  onEpochEnd(report: EpochReport, training: Training): void {
    if (this.monitor.improves(report, training)) {
      this.waited = 0;
      if (this.restoreBest) this.bestState = weightsOf(training.model);
      return;
    }
    if (++this.waited < this.patience) return;
    this.stoppedEpoch = report.epoch;
    training.stop();
  }

  onTrainEnd(_history: History, { model, error, interrupted }: Training): void {
    if (error === undefined && !interrupted && this.bestState) model.loadStateDict(this.bestState);
  }

  /** What it remembers, the weights of the best epoch among it: plain data, fit for JSON. */
  stateDict(): EarlyStoppingState {
    const { waited, stoppedEpoch, bestState } = this;
    const bestWeights =
      bestState &&
      Object.fromEntries(Object.entries(bestState).map(([name, values]) => [name, writable([...values])]));
    return { ...this.monitor.state, waited, stoppedEpoch, bestWeights };
  }

  /** Takes what {@link stateDict} gave. @throws TypeError or RangeError if it is something else; then nothing is changed */
  loadStateDict(state: unknown): void {
    this.monitor.check(state);
    const { waited, stoppedEpoch, bestWeights } = state as EarlyStoppingState;
    checkCounted('EarlyStopping', { waited: waited ?? NaN, stoppedEpoch });
    if (bestWeights !== undefined && !isPlain(bestWeights)) {
      refuse('EarlyStopping', 'bestWeights', 'lists of numbers by name', bestWeights);
    }
    const bestState =
      bestWeights &&
      Object.fromEntries(
        Object.entries(bestWeights).map(([name, values]) => [
          name,
          readNumbers(`EarlyStopping: bestWeights ${name}`, unwritten(values) as number[]).values,
        ]),
      );
    this.monitor.state = state;
    this.waited = waited;
    this.stoppedEpoch = stoppedEpoch;
    this.bestState = bestState;
  }
}

/** What {@link EarlyStopping.stateDict} gives. */
export interface EarlyStoppingState extends MonitorState {
  waited: number;
  stoppedEpoch?: number;
  bestWeights?: Record<string, number[]>;
}

function weightsOf(model: Module): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, { data }]) => [name, data]));
}
