import type { Callback } from '../train/callbacks/callback.js';
import { EarlyStopping } from '../train/callbacks/earlyStopping.js';
import { LRLogger } from '../train/callbacks/lrLogger.js';
import { className, Table, type Described } from './table.js';

/** Callbacks that need no function of the caller. */
const CALLBACKS = new Table<Callback>({
  EarlyStopping: {
    of: EarlyStopping,
    options: ({ monitor, patience, restoreBest }) => {
      const { mode, minDelta, monitor: figure } = (monitor as { options: Record<string, unknown> }).options;
      return { mode, minDelta, monitor: figure, patience, restoreBest };
    },
  },
  LRLogger: { of: LRLogger, options: ({ onBatchEnd }) => ({ every: onBatchEnd ? 'batch' : 'epoch' }) },
});

export interface DescribedCallback {
  readonly made: Described;
  readonly state: unknown;
}

/** @throws TypeError where it cannot go to a worker */
export function describeCallback(callback: Callback): DescribedCallback {
  const made = CALLBACKS.describe(callback);
  const calls = callback instanceof LRLogger && callback.calls;
  if (!made || calls) throw new TypeError(className(callback));
  return { made, state: callback.stateDict!() };
}

export function buildCallback({ made, state }: DescribedCallback): Callback {
  const callback = CALLBACKS.build(made);
  callback.loadStateDict!(state);
  return callback;
}
