import { shown } from '../../core/shown.js';
import { checkOptions, isPlain } from '../../core/options.js';
import type { BatchReport } from '../history.js';
import type { Optimizer } from '../trainingStep.js';
import type { Callback, Training } from './callback.js';

/** The learning rate that an epoch or a step began with. */
export interface LREntry {
  epoch: number;
  /** Counted from 1; absent where epochs are logged. */
  batch?: number;
  /** One number, or one for each parameter group. */
  lr: number | number[];
}

export interface LRLoggerOptions {
  /** Log at the beginning of each epoch (the default) or after each batch. */
  every?: 'epoch' | 'batch';
  /** Called with each entry. */
  log?: (entry: LREntry) => void;
}

/**
 * Keeps a list of the learning rates that were in use.
 *
 * @throws RangeError on a bad option
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const model = new nn.Linear(1, 1);
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
 * const rates = new callbacks.LRLogger();
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
 *   loss: new nn.MSELoss(),
 *   optimizer,
 *   epochs: 3,
 *   onEpoch: () => void (optimizer.lr /= 2),
 *   callbacks: [rates],
 * });
 * rates.entries.map(({ lr }) => lr as number); // [0.1, 0.05, 0.025]
 * ```
 */
export class LRLogger implements Callback {
  readonly entries: LREntry[] = [];
  /** @internal whether somebody is called with each entry */
  readonly calls: boolean;
  onEpochBegin?: (epoch: number, training: Training) => void;
  onBatchEnd?: (report: BatchReport, training: Training) => void;

  constructor(options: LRLoggerOptions = {}) {
    checkOptions('LRLogger', options, ['every', 'log']);
    const { every = 'epoch', log } = options;
    this.calls = log !== undefined;
    const note = (entry: LREntry): void => {
      this.entries.push(entry);
      log?.(entry);
    };
    if (every === 'epoch') {
      this.onEpochBegin = (epoch, { optimizer }) => note({ epoch, lr: rateOf(optimizer) });
    } else if (every === 'batch') {
      this.onBatchEnd = ({ epoch, batch }, { optimizer }) => note({ epoch, batch, lr: rateOf(optimizer) });
    } else {
      throw new RangeError(`LRLogger: expected every to be 'epoch' or 'batch', got ${shown(every)}`);
    }
  }

  /** The entries so far. */
  stateDict(): LREntry[] {
    return structuredClone(this.entries);
  }

  /** Takes what {@link stateDict} gave. */
  loadStateDict(state: unknown): void {
    if (!Array.isArray(state) || !Array.from(state, isPlain).every(Boolean)) {
      throw new TypeError(`LRLogger: expected the list that stateDict() gave, got ${shown(state)}`);
    }
    this.entries.splice(0, Infinity, ...structuredClone(state as LREntry[]));
  }
}

function rateOf(optimizer: Optimizer): number | number[] {
  const { paramGroups, lr } = optimizer as { paramGroups?: readonly { lr: number }[]; lr?: number };
  if (paramGroups && paramGroups.length > 1) return paramGroups.map((group) => group.lr);
  const rate = paramGroups?.[0]?.lr ?? lr;
  if (rate === undefined) throw new TypeError('LRLogger: the optimizer has no lr');
  return rate;
}
