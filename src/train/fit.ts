import { engine } from '../core/engine.js';
import type { BatchSource } from '../data/batches.js';
import { toLoss } from '../losses/loss.js';
import type { Module, StateDict } from '../nn/module.js';
import { checkOptions } from '../tensor/tensor.js';
import { batchesOf, overEpoch, type TrainingData } from './batchesOf.js';
import { Hooks, type Callback } from './callbacks/callback.js';
import { progressBar } from './callbacks/progressBar.js';
import { DivergenceError } from './divergenceError.js';
import { Evaluator } from './evaluate.js';
import type { BatchReport, EpochReport, History } from './history.js';
import type { MetricLike } from './metrics/byName.js';
import { Pause } from './pause.js';
import { goOn, stateOf } from './resume.js';
import { Stepping, type ScheduleOption } from './schedule.js';
import { RunningTraining, validationName } from './training.js';
import { checkStep, STEP_OPTIONS, TrainingStep, type StepOptions } from './trainingStep.js';

export interface FitOptions extends StepOptions {
  /** A DataLoader, or a stream of batches: see data.Stream. */
  data: TrainingData;
  /** How often to go through the data. */
  epochs: number;
  /** Evaluated after each epoch: loss and metrics. */
  validation?: TrainingData;
  /** Of the validation, by name or as objects; `'accuracy'` by default where the loss is one of classes. */
  metrics?: readonly MetricLike[];
  /** What to do in the course of training: see {@link Callback}. */
  callbacks?: readonly Callback[];
  /** Called after each batch. */
  onBatch?: (report: BatchReport) => void;
  /** Called after each epoch; training waits for the promise it may return. */
  onEpoch?: (report: EpochReport) => void | Promise<void>;
  /**
   * What an earlier fit() returned, with the same options: its epochs are not trained again, and the random numbers go
   * on where they were. With the weights and the optimizer's state of then, the bits are those of one long run.
   */
  resume?: History;
  /** Stops after the batch at hand: fit() rejects with the signal's reason, the model keeps its last weights. */
  signal?: AbortSignal;
  /**
   * A schedule of learning rates. By itself it is stepped after each epoch, with the validation loss or else the loss;
   * `{ scheduler, every: 'batch' }` after each step of the optimizer.
   */
  schedule?: ScheduleOption;
  /** A progress bar where a terminal is attached; true by default. */
  progress?: boolean;
}

const OPTIONS = [
  ...STEP_OPTIONS,
  'data',
  'epochs',
  'validation',
  'metrics',
  'callbacks',
  'onBatch',
  'onEpoch',
  'resume',
  'signal',
  'schedule',
  'progress',
];

function checkFit(model: Module, options: FitOptions): void {
  checkOptions('fit', options, OPTIONS);
  const { epochs, callbacks = [] } = options;
  checkStep('fit', model, options);
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new RangeError(`fit: expected epochs to be a non-negative integer, got ${String(epochs)}`);
  }
  if (options.metrics && !options.validation) {
    throw new RangeError('fit: metrics are figures of the validation; give that, too');
  }
  if (!Array.isArray(callbacks)) throw new TypeError('fit: expected callbacks to be an array');
}

/**
 * Trains a model: for each batch zeroGrad, forward, loss, backward and step, captured once and replayed in Wasm. The
 * same numbers, bit for bit, as the loop spelled out. With `accumulate: n` each loss counts 1/n, and step comes after n
 * batches.
 *
 * @returns loss, validation figures and time of each epoch, as plain data
 * @throws {@link DivergenceError} when the loss becomes NaN or infinite; {@link AnomalyError} with `anomaly`; the
 * signal's reason when it is aborted; what a stream or a callback throws, with the weights of the last step; TypeError
 * and RangeError on bad options, before anything is changed
 */
export async function fit(model: Module, options: FitOptions): Promise<History> {
  checkFit(model, options);
  const { data, optimizer, epochs, validation, signal, resume, accumulate = 1 } = options;
  const loss = toLoss(options.loss);
  const stepping = new Stepping(options.schedule);
  signal?.throwIfAborted();
  const batches = batchesOf(data, 'fit: expected data');
  if (accumulate > 1 && batches.length === undefined) {
    throw new RangeError('fit: accumulate needs data that know how many batches they are');
  }
  const held = validation && batchesOf(validation, 'fit: expected validation');
  const evaluator = new Evaluator('fit', model, loss, options.metrics);
  const callbacks = await callbacksOf(options);
  const history = resume ? goOn(resume, data, validation) : { epochs: [], state: stateOf(data, validation) };
  const training = new RunningTraining(
    model,
    optimizer,
    loss,
    epochs,
    batches.length,
    history,
    evaluator.metrics,
  );
  const hooks = new Hooks(callbacks, training);
  const step = new TrainingStep('fit', model, options);
  const pause = new Pause();
  let lastGoodState = model.stateDict();
  if (loss.output !== undefined) model.output = loss.output;
  try {
    await hooks.trainBegin();
    while (history.epochs.length < epochs && !training.stopped) {
      const epoch = history.epochs.length + 1;
      await hooks.epochBegin(epoch);
      model.train();
      const pass = { step, stepping, batches, epoch, lastGoodState, training, hooks, pause, signal };
      const run = await overEpoch(batches, signal, () => trainEpoch(pass));
      if (!run) break;
      const report: EpochReport = { epoch, loss: run.loss, seconds: run.seconds };
      if (held) {
        const figures = await evaluator.run(held, pause, signal);
        for (const [name, value] of Object.entries(figures)) report[validationName(name)] = value;
      }
      lastGoodState = model.stateDict();
      history.epochs.push(report);
      history.state = stateOf(data, validation);
      stepping.afterEpoch(report.validationLoss ?? report.loss);
      await hooks.epochEnd(report);
    }
  } catch (error) {
    training.error = error;
    // What training failed of is what the caller has to know.
    await hooks.trainEnd().catch(() => undefined);
    throw error;
  } finally {
    step.release();
  }
  await hooks.trainEnd();
  return history;
}

/** Every callback that the options ask for. */
async function callbacksOf({ callbacks = [], onBatch, onEpoch, progress }: FitOptions): Promise<Callback[]> {
  const all = [...callbacks];
  if (onBatch) all.unshift({ onBatchEnd: (report) => onBatch(report) });
  const bar = progress === false ? undefined : await progressBar();
  if (bar) all.push(bar);
  if (onEpoch) all.push({ onEpochEnd: (report) => onEpoch(report) });
  return all;
}

/** What one pass over the data needs. */
interface Pass {
  readonly step: TrainingStep;
  readonly stepping: Stepping;
  readonly batches: BatchSource;
  readonly epoch: number;
  readonly lastGoodState: StateDict;
  readonly training: RunningTraining;
  readonly hooks: Hooks;
  readonly pause: Pause;
  readonly signal: AbortSignal | undefined;
}

/** One pass over the data; undefined where it was stopped before its end. */
async function trainEpoch(pass: Pass): Promise<{ loss: number; seconds: number } | undefined> {
  const { step, stepping, batches, epoch, training, hooks, pause, signal } = pass;
  const began = performance.now();
  let sum = 0;
  let rows = 0;
  let batch = 0;
  for (;;) {
    const next = batches.next();
    const args = next instanceof Promise ? await next : next;
    if (!args) break;
    signal?.throwIfAborted();
    const [loss] = step.run(args, batch, batches.length ?? Infinity).results;
    const value = engine().f32[loss.pointer / 4];
    batch++;
    if (!Number.isFinite(value)) throw new DivergenceError(value, epoch, batch, pass.lastGoodState);
    if (step.stepped) stepping.afterStep(value);
    const count = args[0].shape[0];
    sum += value * count;
    rows += count;
    if (hooks.hearBatches) {
      const waits = hooks.batchEnd({ epoch, batch, loss: value, meanLoss: sum / rows, rows });
      if (waits) await waits;
    }
    if (training.stopped) return undefined;
    if (pause.isDue()) await pause.turn();
  }
  return { loss: sum / rows, seconds: (performance.now() - began) / 1000 };
}
