import { getRandomState, setRandomState } from '../core/random.js';
import type { BatchSource } from '../data/batches.js';
import { DataLoader } from '../data/dataLoader.js';
import type { TrainingData } from './batchesOf.js';
import { statesOf, type Callback } from './callbacks/callback.js';
import type { EpochState, FitState, History } from './history.js';
import type { Stepping } from './schedule.js';

/** Where all random numbers are that training draws. */
export function stateOf(data: TrainingData, validation?: TrainingData): FitState {
  return {
    random: getRandomState(),
    ...(data instanceof DataLoader && { data: data.getState() }),
    ...(validation instanceof DataLoader && { validation: validation.getState() }),
  };
}

/** Where an interrupted training stands: with everything that knows of more than one step. */
export function interruptedState(
  data: TrainingData,
  validation: TrainingData | undefined,
  epoch: EpochState | undefined,
  stepping: Stepping,
  callbacks: readonly Callback[],
): FitState {
  const schedule = stepping.stateDict();
  return {
    ...stateOf(data, validation),
    ...(epoch && { epoch }),
    ...(schedule && { schedule }),
    callbacks: statesOf(callbacks),
  };
}

/** Throws where a history cannot be gone on with; changes nothing. */
export function checkResume(history: History, batches: number | undefined, callbacks: number): void {
  if (!Array.isArray(history?.epochs) || typeof history.state?.random !== 'object') {
    throw new TypeError('fit: expected resume to be the history that fit() returned');
  }
  const { epoch, callbacks: states } = history.state;
  if (epoch && epoch.batches !== batches) {
    throw new RangeError(
      `fit: expected data of ${epoch.batches} batches, as the training to be resumed had them, got ${batches ?? 'a stream'}`,
    );
  }
  if (states && states.length !== callbacks) {
    throw new RangeError(
      `fit: expected ${states.length} callbacks, as the training to be resumed had them, got ${callbacks}`,
    );
  }
}

/** Sets all random numbers to where a training left them. */
export function restore(state: FitState, data: TrainingData, validation?: TrainingData): void {
  if (data instanceof DataLoader && state.data) data.setState(state.data);
  if (validation instanceof DataLoader && state.validation) validation.setState(state.validation);
  setRandomState(state.random);
}

/** Begins an epoch once more, with its rows in the order that they had, before a batch that was not trained yet. */
export function beginAgain(
  { begin, batch }: EpochState,
  batches: BatchSource,
  data: TrainingData,
  signal: AbortSignal | undefined,
): void {
  const now = stateOf(data);
  restore(begin, data);
  batches.begin(signal, batch);
  restore(now, data);
}
