import type { Loss } from '../../losses/loss.js';
import type { Module } from '../../nn/module.js';
import type { BatchReport, EpochReport, History } from '../history.js';
import type { Optimizer } from '../trainingStep.js';

/** What callbacks see of a training that is under way. */
export interface Training {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  /** How many epochs are wanted. */
  readonly epochs: number;
  /** Batches in an epoch, where that is known: not for streams. */
  readonly batches: number | undefined;
  /** What happened so far. It grows. */
  readonly history: History;
  /** Whether more or less is better, for each figure of an EpochReport that fit() knows. */
  readonly goals: Readonly<Record<string, 'min' | 'max'>>;
  /** Whether stop() was called. */
  readonly stopped: boolean;
  /** Whether interrupt() was called, or the budget is spent. */
  readonly interrupted: boolean;
  /** Why training failed, in onTrainEnd. */
  readonly error: unknown;
  /** Ends training after what is under way: a batch, or an epoch with its validation. An epoch cut short is not reported. */
  stop(): void;
  /**
   * Ends fit() after the step or the epoch under way, with a history that is not finished: with it as `resume`, fit()
   * goes on from there, with the same bits. So `budgetMs` ends it.
   *
   * @throws Error where the data cannot be begun in the middle: streams, and samplers without a state
   */
  interrupt(): void;
}

/**
 * What to do in the course of fit(): any of these methods. Training waits for the promises that they return; what they
 * throw ends it.
 *
 * @example
 * ```ts
 * import { data, fit, nn, optim, type Callback } from 'wasmgrad';
 * const seen: string[] = [];
 * const diary: Callback = {
 *   onEpochEnd({ epoch, loss }, training) {
 *     seen.push(`epoch ${epoch}`);
 *     if (epoch === 2) training.stop();
 *   },
 *   onTrainEnd: () => void seen.push('done'),
 * };
 * const model = new nn.Linear(1, 1);
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
 *   epochs: 100,
 *   callbacks: [diary],
 * });
 * seen; // ["epoch 1", "epoch 2", "done"]
 * ```
 */
export interface Callback {
  /** Before the first epoch, and before training goes on: `history` has the epochs that are over. */
  onTrainBegin?(training: Training): void | Promise<void>;
  /** @param epoch counted from 1 */
  onEpochBegin?(epoch: number, training: Training): void | Promise<void>;
  /** After each step. Called thousands of times a second for small networks: be quick. */
  onBatchEnd?(report: BatchReport, training: Training): void | Promise<void>;
  /** After an epoch and its validation. */
  onEpochEnd?(report: EpochReport, training: Training): void | Promise<void>;
  /**
   * After the last epoch, also where training was stopped, interrupted or failed: see `training.interrupted` and
   * `training.error`.
   */
  onTrainEnd?(history: History, training: Training): void | Promise<void>;
  /** What it remembers, as plain data fit for JSON: part of the state of an interrupted training. */
  stateDict?(): unknown;
  /** Takes what stateDict() gave, before onTrainBegin. */
  loadStateDict?(state: unknown): void;
}

const METHODS = ['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const;

/** Calls the callbacks, in the order in which they were given. */
export class Hooks {
  private readonly perBatch: readonly Callback[];

  constructor(
    private readonly callbacks: readonly Callback[],
    private readonly training: Training,
  ) {
    callbacks.forEach((callback, i) => {
      const known = METHODS.some((method) => typeof callback?.[method] === 'function');
      if (!known) throw new TypeError(`fit: callback ${i} has none of the methods ${METHODS.join(', ')}`);
    });
    this.perBatch = callbacks.filter((callback) => callback.onBatchEnd);
  }

  /** Whether anybody wants to hear of batches: without, none is reported. */
  get hearBatches(): boolean {
    return this.perBatch.length > 0;
  }

  async trainBegin(): Promise<void> {
    for (const callback of this.callbacks) await callback.onTrainBegin?.(this.training);
  }

  async epochBegin(epoch: number): Promise<void> {
    for (const callback of this.callbacks) await callback.onEpochBegin?.(epoch, this.training);
  }

  /** A promise only where a callback returns one. */
  batchEnd(report: BatchReport, from = 0): Promise<void> | undefined {
    for (let i = from; i < this.perBatch.length; i++) {
      const waits = this.perBatch[i].onBatchEnd!(report, this.training);
      if (waits instanceof Promise) return waits.then(() => this.batchEnd(report, i + 1));
    }
    return undefined;
  }

  async epochEnd(report: EpochReport): Promise<void> {
    for (const callback of this.callbacks) await callback.onEpochEnd?.(report, this.training);
  }

  async trainEnd(): Promise<void> {
    for (const callback of this.callbacks) {
      await callback.onTrainEnd?.(this.training.history, this.training);
    }
  }
}

/** What callbacks remember, null for those that give nothing. */
export function statesOf(callbacks: readonly Callback[]): unknown[] {
  return callbacks.map((callback) => callback.stateDict?.() ?? null);
}

/** Gives callbacks what statesOf() found. */
export function loadStates(callbacks: readonly Callback[], states: readonly unknown[]): void {
  callbacks.forEach((callback, i) => {
    if (states[i] !== undefined && states[i] !== null) callback.loadStateDict?.(states[i]);
  });
}
