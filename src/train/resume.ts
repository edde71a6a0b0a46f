import { getRandomState, setRandomState } from '../core/random.js';
import { DataLoader } from '../data/dataLoader.js';
import type { TrainingData } from './batchesOf.js';
import type { FitState, History } from './history.js';

/** Where all random numbers are that training draws. */
export function stateOf(data: TrainingData, validation: TrainingData | undefined): FitState {
  return {
    random: getRandomState(),
    ...(data instanceof DataLoader && { data: data.getState() }),
    ...(validation instanceof DataLoader && { validation: validation.getState() }),
  };
}

/** A history to go on with: a copy, with all random numbers set to where it left them. */
export function goOn(history: History, data: TrainingData, validation: TrainingData | undefined): History {
  if (!Array.isArray(history?.epochs) || typeof history.state?.random !== 'object') {
    throw new TypeError('fit: expected resume to be the history that fit() returned');
  }
  const { epochs, state } = history;
  if (data instanceof DataLoader && state.data) data.setState(state.data);
  if (validation instanceof DataLoader && state.validation) validation.setState(state.validation);
  setRandomState(state.random);
  return { epochs: [...epochs], state };
}
