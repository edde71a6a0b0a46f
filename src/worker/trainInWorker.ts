import { shown } from '../core/shown.js';
import * as trainer from '#trainer';
import { checkThreads, engine, type ConfigureOptions } from '../core/engine.js';
import { getRandomState } from '../core/random.js';
import type { AnyWorker } from '../core/workerHandle.js';
import { Module, setOutput } from '../nn/module.js';
import { checkOptions } from '../core/options.js';
import { clone } from './clone.js';
import { describeError } from './errors.js';
import { describeTraining, type WorkerFitOptions } from './job.js';
import { buffersOf, type Job } from './protocol.js';
import { TrainingRun, type RunOptions } from './run.js';
import { serve, type WorkerSetup } from './serve.js';
import { writeStates } from './states.js';
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
  startTimeoutMs: true,
  graceMs: true,
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

/** A worker of your own: a Web Worker, or one of node:worker_threads. It is ended with its training. */
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
  const given = readOptions(options, Object.keys(what instanceof Module ? FIT : SETUP));
  checkRun(given);
  if (what instanceof Module) return trainModel(what, given as TrainInWorkerOptions);
  if (!(what instanceof URL) && !isWorker(what)) {
    throw new TypeError(
      'trainInWorker: expected a model that extends nn.Module, the URL of a module, or a Worker that calls serveTraining()',
    );
  }
  const { input, transfer = [], ...run } = given as SetupOptions;
  // At once, as transferring does with the data of a model.
  const sent = clone('input', input, checkTransfer(transfer));
  const training = what instanceof URL ? { module: what.href, input: sent } : { input: sent };
  const job = { ...common(run), ...(run.threads && { configure: { threads: run.threads } }), training };
  const own = what instanceof URL ? undefined : (what as unknown as AnyWorker);
  return new TrainingRun(job, run, { startTrainer, ownPort }, own, () => undefined);
}

function trainModel(model: Module, options: TrainInWorkerOptions): TrainingRun {
  const training = describeTraining(model, options, options.copy ?? false);
  const configure: ConfigureOptions = { build: engine().build.name, threads: options.threads ?? 1 };
  const job = { ...common(options), configure, training };
  // Takes the arrays away at once, and not only when the worker is there.
  const taken = clone('data', job, buffersOf(training));
  return new TrainingRun(taken, options, { startTrainer, ownPort }, undefined, (states, finished) => {
    writeStates(model, options, states);
    if (finished && options.loss.output !== undefined) setOutput(model, options.loss.output);
  });
}

/** A copy: what the caller changes later, and getters, have no say. */
function readOptions(options: object, known: readonly string[]): TrainInWorkerOptions | SetupOptions {
  try {
    const own = { ...options } as TrainInWorkerOptions | SetupOptions;
    checkOptions('trainInWorker', options, known);
    return own;
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.startsWith('trainInWorker:')) throw cause;
    throw new TypeError(`trainInWorker: an option could not be read: ${describeError(cause).message}`, {
      cause,
    });
  }
}

/** Whether messages can be sent to this, and heard of it, and whether it can be ended. */
function isWorker(value: unknown): value is AnyWorker {
  try {
    const { postMessage, terminate, on, addEventListener } = value as AnyWorker;
    return [postMessage, terminate, on ?? addEventListener].every((one) => typeof one === 'function');
  } catch {
    return false;
  }
}

function checkTransfer(transfer: readonly ArrayBuffer[]): readonly ArrayBuffer[] {
  if (!Array.isArray(transfer)) {
    throw new TypeError('trainInWorker: expected transfer to be an array of buffers');
  }
  transfer.forEach((one: unknown, i) => {
    if (typeof one !== 'object' || one === null || ArrayBuffer.isView(one)) {
      throw new TypeError(
        `trainInWorker: expected transfer[${i}] to be a buffer: that of a typed array is array.buffer`,
      );
    }
    if (transfer.indexOf(one) < i)
      throw new RangeError(`trainInWorker: transfer has a buffer twice, at ${i}`);
    if (one instanceof ArrayBuffer && isDetached(one)) {
      throw new RangeError(`trainInWorker: the buffer transfer[${i}] was transferred before`);
    }
  });
  return transfer;
}

/** Node 20 has no ArrayBuffer.detached. */
function isDetached(buffer: ArrayBuffer): boolean {
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function common({ batchEveryMs = 100, onEpoch }: RunOptions): Pick<Job, 'random' | 'batchEveryMs' | 'waits'> {
  return { random: getRandomState(), batchEveryMs, waits: onEpoch !== undefined };
}

function checkRun({
  batchEveryMs,
  startTimeoutMs,
  graceMs,
  onEpoch,
  onBatch,
  signal,
  threads,
}: RunOptions): void {
  for (const [name, value] of Object.entries({ batchEveryMs, startTimeoutMs, graceMs })) {
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) {
      throw new RangeError(
        `trainInWorker: expected ${name} to be a number of milliseconds ≥ 0, got ${shown(value)}`,
      );
    }
  }
  for (const [name, value] of Object.entries({ onEpoch, onBatch })) {
    if (value !== undefined && typeof value !== 'function') {
      throw new TypeError(`trainInWorker: expected ${name} to be a function, got ${shown(value)}`);
    }
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new TypeError('trainInWorker: expected signal to be an AbortSignal, as AbortController has one');
  }
  if (threads !== undefined && typeof threads !== 'number' && threads !== 'auto') {
    throw new TypeError(`trainInWorker: expected threads to be a number or 'auto', got a ${typeof threads}`);
  }
  if (threads !== undefined) checkThreads('trainInWorker', threads);
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
