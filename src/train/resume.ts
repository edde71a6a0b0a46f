import { checkRandomState, setRandomState } from '../core/random.js';
import type { BatchSource } from '../data/batches.js';
import { DataLoader } from '../data/dataLoader.js';
import type { TrainingData } from './batchesOf.js';
import { stateOf } from './fitState.js';
import type { EpochReport, EpochState, FitState, History } from './history.js';

/**
 * Throws where a history cannot be gone on with; changes nothing.
 *
 * @param name how the error begins
 */
export function checkResume(
  name: string,
  history: History,
  batches: number | undefined,
  callbacks: number,
): void {
  if (!Array.isArray(history?.epochs) || !history.state?.random) {
    throw new TypeError(`${name}: expected resume to be the history that fit() returned`);
  }
  checkRandomState(`${name}: resume`, history.state.random);
  const { epoch, callbacks: states } = history.state;
  if (epoch && epoch.batches !== batches) {
    throw new RangeError(
      `${name}: expected data of ${epoch.batches} batches, as the training to be resumed had them, got ${batches ?? 'a stream'}`,
    );
  }
  if (states && states.length !== callbacks) {
    throw new RangeError(
      `${name}: expected ${states.length} callbacks, as the training to be resumed had them, got ${callbacks}`,
    );
  }
}

/** A history to go on with, as it was before it went through JSON, which makes null of NaN. */
export function revived({ epochs, state }: History): History {
  const { epoch } = state;
  const figure = ([name, value]: [string, unknown]): [string, unknown] => [name, value ?? NaN];
  return {
    epochs: epochs.map(
      (report) => Object.fromEntries(Object.entries(report).map(figure)) as unknown as EpochReport,
    ),
    // Without a weight, as older versions wrote it, each row counts 1.
    state: epoch
      ? { ...state, epoch: { ...epoch, sum: epoch.sum ?? NaN, weight: epoch.weight ?? epoch.rows } }
      : state,
    finished: false,
  };
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
