import { shown } from '../core/shown.js';
import { defaultGenerator } from '../core/random.js';
import { engine } from '../core/engine.js';
import { DataLoader } from '../data/dataLoader.js';
import type { Module } from '../nn/module.js';
import type { Optimizer, OptimizerState } from '../optim/index.js';
import { overwrite } from '../tensor/writes.js';
import { setGradientsAside } from '../tensor/gradientsAside.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkOptions } from '../core/options.js';
import { checkSignal, checkStep, STEP_OPTIONS } from './checks.js';
import { figureOf, take, type Figure } from './figure.js';
import { Modes } from './modes.js';
import { Pause } from './pause.js';
import { TrainingStep, type StepOptions } from './trainingStep.js';

export interface LrRangeOptions extends StepOptions {
  data: DataLoader;
  optimizer: Optimizer;
  /** First learning rate; 1e-6 by default. */
  from?: number;
  /** Last one; 10 by default. */
  to?: number;
  /** How many there are, each some batches of training: one, or `accumulate`; 100 by default. */
  steps?: number;
  /** Stops with the signal's reason. */
  signal?: AbortSignal;
}

/** What {@link lrRangeTest} found, as plain data. */
export interface LrRange {
  /** Learning rates, each a fixed factor larger than the one before. */
  lrs: number[];
  /** Loss of the batch that was trained with each, before its step. */
  losses: number[];
  /** The same, smoothed. */
  smoothed: number[];
  /** Where the smoothed loss falls fastest: a learning rate to begin with. NaN where it never falls. */
  suggestion: number;
}

/** Weight of what was before in the smoothed loss. */
const SMOOTHING = 0.9;
/** The test ends when the smoothed loss is above its lowest value by so many times the size of that. */
const DIVERGED = 3;

/**
 * Looks for a learning rate (Smith, "Cyclical Learning Rates", 2017): trains with rates that grow from step to step until
 * the loss explodes: until, smoothed, it is above its lowest value by more than three times the size of that, or not finite.
 * Model, gradients, optimizer, loader and random numbers are as they were afterwards, whatever happens.
 *
 * @returns the curve, and the rate at which the loss fell fastest
 * @throws what fit() throws on bad options, before anything is changed; the signal's reason
 * @example
 * ```ts
 * import { data, lrRangeTest, nn, optim } from 'wasmgrad';
 * const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(i)]);
 * const points = new data.TensorDataset(rows, rows.map(([a, b]) => [a * b]));
 * const model = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 1));
 * const { lrs, losses, suggestion } = await lrRangeTest(model, {
 *   data: new data.DataLoader(points, { batchSize: 16 }),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
 * });
 * lrs.length === losses.length; // true
 * suggestion > 0; // true
 * ```
 */
export async function lrRangeTest(model: Module, options: LrRangeOptions): Promise<LrRange> {
  checkOptions('lrRangeTest', options, ['data', ...STEP_OPTIONS, 'from', 'to', 'steps', 'signal']);
  const { data, optimizer, from = 1e-6, to = 10, steps = 100, accumulate = 1, signal } = options;
  check(model, options, from, to, steps);
  signal?.throwIfAborted();
  const range: LrRange = { lrs: [], losses: [], smoothed: [], suggestion: NaN };
  const step = await TrainingStep.of('lrRangeTest', model, { ...options, ema: undefined });
  const modes = new Modes(model);
  const undo = remember(model, optimizer, data);
  const pause = new Pause();
  try {
    modes.train();
    const batches = endless(data);
    for (let i = 0; i < steps; i++) {
      const lr = from * (to / from) ** (i / (steps - 1));
      optimizer.lr = lr;
      const figure: Figure = { sum: 0, weight: 0 };
      for (let part = 0; part < accumulate; part++) {
        signal?.throwIfAborted();
        const { results } = step.run(batches.next().value!, part, accumulate);
        take(figure, ...figureOf(results));
      }
      if (!note(range, lr, figure)) break;
      if (pause.isDue()) await pause.turn();
    }
  } finally {
    modes.restore();
    step.release();
    undo();
  }
  range.suggestion = steepest(range);
  return range;
}

function check(model: Module, options: LrRangeOptions, from: number, to: number, steps: number): void {
  checkStep('lrRangeTest', model, options);
  checkSignal('lrRangeTest', options.signal);
  if (!(options.data instanceof DataLoader)) {
    throw new TypeError('lrRangeTest: expected data to be a data.DataLoader');
  }
  if (typeof options.optimizer.stateDict !== 'function') {
    throw new TypeError('lrRangeTest: expected an optimizer of optim, whose state can be saved');
  }
  if (!(from > 0 && to > from && to < Infinity)) {
    throw new RangeError(`lrRangeTest: expected 0 < from < to, got from ${shown(from)} and to ${shown(to)}`);
  }
  if (!Number.isInteger(steps) || steps < 2) {
    throw new RangeError(`lrRangeTest: expected steps to be an integer ≥ 2, got ${shown(steps)}`);
  }
}

/** Gives a function that puts back what training changes. */
function remember(model: Module, optimizer: Optimizer, data: DataLoader): () => void {
  const order = data.getState();
  const weights = model.stateDict();
  const state: OptimizerState = optimizer.stateDict();
  const numbers = defaultGenerator().save();
  const moved = [...((optimizer.parameters ?? []) as Iterable<Tensor>)];
  const numbersBefore = moved.map((parameter) => parameter.data);
  const putBack = setGradientsAside([...model.parameters(), ...moved]);
  const { i32, generator } = engine();
  const masks = i32.slice(generator / 4, generator / 4 + 4);
  return () => {
    model.loadStateDict(weights);
    // The loss may have parameters, too.
    moved.forEach((parameter, i) => overwrite('lrRangeTest', parameter, numbersBefore[i]));
    optimizer.loadStateDict(state);
    putBack();
    data.setState(order);
    defaultGenerator().restore(numbers);
    engine().i32.set(masks, generator / 4);
  };
}

function* endless(data: DataLoader): Generator<Parameters<TrainingStep['run']>[0], undefined> {
  for (;;) for (const batch of data) yield batch;
}

/** Adds a point to the curve, unless nothing counted; false where the loss has exploded. */
function note(range: LrRange, lr: number, { sum, weight }: Figure): boolean {
  const { lrs, losses, smoothed } = range;
  if (weight === 0) return true;
  const loss = sum / weight;
  if (!Number.isFinite(loss)) return false;
  lrs.push(lr);
  losses.push(loss);
  const before = smoothed.at(-1) ?? loss;
  smoothed.push(SMOOTHING * before + (1 - SMOOTHING) * loss);
  const best = Math.min(...smoothed);
  return smoothed.at(-1)! <= best + DIVERGED * Math.abs(best);
}

function steepest({ lrs, smoothed }: LrRange): number {
  let best = 0;
  let rate = NaN;
  // Rates grow by a fixed factor, so the difference is the slope over their logarithm.
  for (let i = 1; i < lrs.length - 1; i++) {
    const slope = smoothed[i + 1] - smoothed[i - 1];
    if (slope < best) {
      best = slope;
      rate = lrs[i];
    }
  }
  return rate;
}
