import * as trainer from '#trainer';
import { engine, type ConfigureOptions } from '../core/engine.js';
import { getRandomState } from '../core/random.js';
import type { AnyWorker } from '../core/workerHandle.js';
import { DataLoader } from '../data/dataLoader.js';
import { Module } from '../nn/module.js';
import { EMA } from '../optim/ema.js';
import { checkOptions } from '../tensor/tensor.js';
import { loadStates } from '../train/callbacks/callback.js';
import { steppedBy } from '../train/schedule.js';
import { describeTraining, type WorkerFitOptions } from './job.js';
import { buffersOf, type Job, type States } from './protocol.js';
import { TrainingRun, type RunOptions } from './run.js';
import { serve, type WorkerSetup } from './serve.js';
import type { TrainerModule } from './trainer.js';

const { startTrainer, ownPort }: TrainerModule = trainer;

export interface TrainInWorkerOptions extends WorkerFitOptions, RunOptions {
  /** Copy typed arrays that are given as data, instead of transferring them; false by default. */
  copy?: boolean;
}

export interface SetupOptions extends RunOptions {
  /** What the function in the worker is called with: anything that structuredClone() takes. */
  input?: unknown;
  /** Buffers in `input` that are transferred instead of copied. */
  transfer?: readonly ArrayBuffer[];
}

const RUN: Record<keyof RunOptions, true> = {
  signal: true,
  onEpoch: true,
  onBatch: true,
  batchEveryMs: true,
  threads: true,
};
const SETUP: Record<keyof SetupOptions, true> = { ...RUN, input: true, transfer: true };
const FIT: Record<keyof TrainInWorkerOptions, true> = {
  ...RUN,
  copy: true,
  data: true,
  validation: true,
  loss: true,
  optimizer: true,
  epochs: true,
  metrics: true,
  callbacks: true,
  schedule: true,
  ema: true,
  resume: true,
  budgetMs: true,
  keepGradients: true,
  clipGradNorm: true,
  clipGradValue: true,
  accumulate: true,
  anomaly: true,
};

/** A worker of your own: a Web Worker, or one of node:worker_threads. */
export type OwnWorker = Pick<AnyWorker, 'terminate'> & {
  postMessage(message: never, ...rest: never[]): void;
};

/**
 * Trains a model in a worker, so that a page stays responsive and a program goes on: fit() with the same options, the same
 * numbers, bit for bit. At the end what was handed in is as if it had been trained here.
 *
 * Typed arrays among `data` and `validation` are transferred: where one covers its whole buffer, the buffer is detached
 * here at once, and the array empty. `copy: true` copies them. Everything else is copied.
 *
 * Code cannot be sent to a worker. For modules, losses, metrics or callbacks of your own, let the worker make them: give the
 * URL of a module, whose default export is a function that returns `{ model, loss, optimizer, data, … }`, or a
 * worker of your own that calls {@link serveTraining}, in the place of the model.
 *
 * @throws TypeError and RangeError at once on bad options and on what cannot go to a worker, with nothing transferred
 * @example
 * ```ts
 * import { nn, optim } from 'wasmgrad';
 * import { trainInWorker } from 'wasmgrad/worker';
 * const model = new nn.Linear(1, 1);
 * const run = trainInWorker(model, {
 *   data: { inputs: [[1], [2], [3]], targets: [[2], [4], [6]], batchSize: 3 },
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }),
 *   epochs: 300,
 *   onEpoch: ({ epoch, loss }) => (epoch % 100 === 0 ? console.log(loss) : undefined),
 * });
 * const history = await run.history;
 * history.epochs.length; // 300
 * Math.abs((model.predict([10]) as number[])[0] - 20) < 1; // true
 * ```
 */
export function trainInWorker(model: Module, options: TrainInWorkerOptions): TrainingRun;
export function trainInWorker(setup: URL | OwnWorker, options?: SetupOptions): TrainingRun;
export function trainInWorker(
  what: Module | URL | OwnWorker,
  options: TrainInWorkerOptions | SetupOptions = {},
): TrainingRun {
  if (what instanceof Module) return trainModel(what, options as TrainInWorkerOptions);
  const given = what as Partial<AnyWorker> | URL;
  if (!(given instanceof URL) && typeof given?.postMessage !== 'function') {
    throw new TypeError(
      'trainInWorker: expected a model that extends nn.Module, the URL of a module, or a Worker that calls serveTraining()',
    );
  }
  const { input, transfer = [], ...run } = options as SetupOptions;
  checkOptions('trainInWorker', options, Object.keys(SETUP));
  checkRun(run);
  // At once, as transferring does with the data of a model.
  const sent = structuredClone(input, { transfer: [...transfer] });
  const training = given instanceof URL ? { module: given.href, input: sent } : { input: sent };
  const job = { ...common(run), ...(run.threads && { configure: { threads: run.threads } }), training };
  const own = given instanceof URL ? undefined : (given as AnyWorker);
  return new TrainingRun(job, run, { startTrainer, ownPort }, own, () => undefined);
}

function trainModel(model: Module, options: TrainInWorkerOptions): TrainingRun {
  checkOptions('trainInWorker', options, Object.keys(FIT));
  checkRun(options);
  const training = describeTraining(model, options, options.copy ?? false);
  const configure: ConfigureOptions = { build: engine().build.name, threads: options.threads ?? 1 };
  const job = { ...common(options), configure, training };
  if (options.loss.output !== undefined) model.output = options.loss.output;
  // Takes the arrays away at once, and not only when the worker is there.
  const taken = structuredClone(job, { transfer: buffersOf(training) });
  return new TrainingRun(taken, options, { startTrainer, ownPort }, undefined, (states) =>
    load(model, options, states),
  );
}

function common({ batchEveryMs = 100, onEpoch }: RunOptions): Pick<Job, 'random' | 'batchEveryMs' | 'waits'> {
  return { random: getRandomState(), batchEveryMs, waits: onEpoch !== undefined };
}

function checkRun({ batchEveryMs = 0, onEpoch, onBatch }: RunOptions): void {
  if (!(typeof batchEveryMs === 'number' && batchEveryMs >= 0)) {
    throw new RangeError(
      `trainInWorker: expected batchEveryMs to be a number of milliseconds ≥ 0, got ${String(batchEveryMs)}`,
    );
  }
  for (const [name, value] of Object.entries({ onEpoch, onBatch })) {
    if (value !== undefined && typeof value !== 'function') {
      throw new TypeError(`trainInWorker: expected ${name} to be a function, got ${String(value)}`);
    }
  }
}

/** Gives the caller's objects what became of them in the worker. */
function load(model: Module, options: TrainInWorkerOptions, states: States): void {
  const { optimizer, ema, schedule, callbacks = [], data, validation } = options;
  model.loadStateDict(states.weights);
  if (schedule && states.schedule) steppedBy(schedule).scheduler.loadStateDict?.(states.schedule);
  // After the schedule, which sets learning rates.
  if (states.optimizer) optimizer.loadStateDict(states.optimizer);
  if (states.ema && ema instanceof EMA) ema.loadStateDict(states.ema);
  loadStates(callbacks, states.callbacks ?? []);
  if (data instanceof DataLoader && states.data) data.setState(states.data);
  if (validation instanceof DataLoader && states.validation) validation.setState(states.validation);
}

/**
 * In a worker of your own: trains what `setup` makes, for the {@link trainInWorker} that was given this worker.
 *
 * @param setup called with the `input` of trainInWorker(); returns the model and the options of fit()
 * @throws Error where this is no worker
 */
export function serveTraining<Input = never>(setup: WorkerSetup<Input>): void {
  if (typeof setup !== 'function') {
    throw new TypeError(
      'serveTraining: expected a function that returns { model, loss, optimizer, data, … }',
    );
  }
  serve(ownPort(), setup as WorkerSetup);
}
