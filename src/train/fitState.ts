import { getRandomState } from '../core/random.js';
import { DataLoader } from '../data/dataLoader.js';
import type { TrainingData } from './batchesOf.js';
import { statesOf, type Callback } from './callbacks/callback.js';
import type { EpochState, FitState } from './history.js';
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
  stepping: Stepping | undefined,
  callbacks: readonly Callback[],
): FitState {
  const schedule = stepping?.stateDict();
  return {
    ...stateOf(data, validation),
    ...(epoch && { epoch }),
    ...(schedule && { schedule }),
    callbacks: statesOf(callbacks),
  };
}
