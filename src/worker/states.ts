import { DataLoader } from '../data/dataLoader.js';
import type { Module } from '../nn/module.js';
import { EMA } from '../optim/ema.js';
import { Optimizer } from '../optim/optimizer.js';
import { loadStates, statesOf, type Callback } from '../train/callbacks/callback.js';
import { steppedBy, type ScheduleOption } from '../train/schedule.js';
import type { States, Weights } from './protocol.js';

/** What a training changes besides the model, as fit() and trainInWorker() take it. */
export interface Changed {
  readonly optimizer: object;
  readonly ema?: object;
  readonly schedule?: ScheduleOption;
  readonly callbacks?: readonly Callback[];
  readonly data: unknown;
  readonly validation?: unknown;
}

/** Copies of all parameters and buffers. */
export function weightsOf(model: Module): Weights {
  return Object.fromEntries(
    [...model.namedParameters(), ...model.namedBuffers()].map(([name, { data }]) => [name, data]),
  );
}

/** Where everything stands. */
export function readStates(model: Module, changed: Changed): States {
  const { optimizer, ema, schedule, callbacks = [], data, validation } = changed;
  const scheduler = schedule && steppedBy(schedule).scheduler;
  return {
    weights: weightsOf(model),
    ...(optimizer instanceof Optimizer && { optimizer: optimizer.stateDict() }),
    ...(ema instanceof EMA && { ema: ema.stateDict() }),
    ...(scheduler?.stateDict && { schedule: scheduler.stateDict() }),
    callbacks: statesOf(callbacks),
    ...(data instanceof DataLoader && { data: data.getState() }),
    ...(validation instanceof DataLoader && { validation: validation.getState() }),
  };
}

/** Brings everything there. @throws what does not fit, with nothing changed */
export function writeStates(model: Module, changed: Changed, states: States): void {
  const before = readStates(model, changed);
  try {
    write(model, changed, states);
  } catch (error) {
    write(model, changed, before, (one) => {
      // A part that refuses its old state, too, must not keep the others from theirs.
      try {
        one();
      } catch {}
    });
    throw error;
  }
}

function write(
  model: Module,
  changed: Changed,
  states: States,
  each = (one: () => void): void => one(),
): void {
  const { optimizer, ema, schedule, callbacks = [], data, validation } = changed;
  each(() => model.loadStateDict(states.weights));
  each(() => {
    if (schedule && states.schedule) steppedBy(schedule).scheduler.loadStateDict?.(states.schedule);
  });
  // After the schedule, which sets learning rates.
  each(() => {
    if (optimizer instanceof Optimizer && states.optimizer) optimizer.loadStateDict(states.optimizer);
  });
  each(() => {
    if (ema instanceof EMA && states.ema) ema.loadStateDict(states.ema);
  });
  callbacks.forEach((callback, i) => each(() => loadStates([callback], [states.callbacks?.[i]])));
  each(() => {
    if (data instanceof DataLoader && states.data) data.setState(states.data);
  });
  each(() => {
    if (validation instanceof DataLoader && states.validation) validation.setState(states.validation);
  });
}
