import { DataLoader } from '../data/dataLoader.js';
import { toLoss } from '../losses/loss.js';
import { setOutput, type Module } from '../nn/module.js';
import { batchesOf, overEpoch, wholeOnly, type TrainingData } from './batchesOf.js';
import { Hooks, loadStates, type Callback } from './callbacks/callback.js';
import { trainEpoch } from './epoch.js';
import { interruptedState, stateOf } from './fitState.js';
import type { BatchReport, EpochReport, EpochState, FitState, History } from './history.js';
import type { MetricLike } from './metrics/byName.js';
import { Pause } from './pause.js';
import type { ScheduleOption } from './schedule.js';
import type { ProgressModule } from './progress.js';
import { RunningTraining, validationName } from './training.js';
import { TrainingStep, type StepOptions } from './trainingStep.js';

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
  /**
   * How long this call may take, in milliseconds, for places with a time limit. Training is interrupted before a step (or
   * a validation) that is expected to last longer than what is left, as those before it were; `finished` of the history
   * is false then, and with it as `resume` the next call goes on. A call makes one step at least. The clock of the host
   * is asked: where it stands still while code computes (Cloudflare Workers), count batches and call
   * `training.interrupt()` instead.
   */
  budgetMs?: number;
  /** Stops after the batch at hand: fit() rejects with the signal's reason, the model keeps its last weights. */
  signal?: AbortSignal;
  /**
   * A schedule of learning rates. By itself it is stepped after each epoch, with the validation loss or else the loss;
   * `{ scheduler, every: 'batch' }` after each step of the optimizer.
   */
  schedule?: ScheduleOption;
  /** A progress bar where a terminal is attached; true by default. For one of your own: callbacks.ProgressBar. */
  progress?: boolean;
}

/**
 * Trains a model: for each batch zeroGrad, forward, loss, backward and step, captured once and replayed in Wasm. The
 * same numbers, bit for bit, as the loop spelled out. With `accumulate: n` step comes after n batches, along the gradient of
 * the loss of all their rows.
 *
 * @returns loss, validation figures and time of each epoch, as plain data
 * @throws {@link DivergenceError} when the loss becomes NaN or infinite; {@link AnomalyError} with `anomaly`; the
 * signal's reason when it is aborted; what a stream or a callback throws, with the weights of the last step; TypeError
 * and RangeError on bad options, before anything is changed
 */
export async function fit(model: Module, options: FitOptions): Promise<History> {
  const began = performance.now();
  (await import('./checks.js')).checkFit(model, options);
  const { data, optimizer, epochs, validation, signal, resume, accumulate = 1, budgetMs } = options;
  const loss = toLoss(options.loss);
  signal?.throwIfAborted();
  // What few programs use is loaded where it is used, so that the others need not carry it.
  const { schedule } = options;
  const stepping = schedule && new (await import('./schedule.js')).Stepping(schedule);
  const resuming = resume && (await import('./resume.js'));
  const budget =
    budgetMs === undefined
      ? undefined
      : new (await import('./budget.js')).Budget(began, budgetMs, resume?.state?.pace);
  const step = await TrainingStep.of('fit', model, options);
  const batches = await batchesOf(data, 'fit: expected data');
  if (accumulate > 1 && batches.length === undefined) {
    throw new RangeError('fit: accumulate needs data that know how many batches they are');
  }
  const held = validation && (await batchesOf(validation, 'fit: expected validation'));
  const whole = wholeOnly(data, 'data') ?? (validation && wholeOnly(validation, 'validation'));
  if (budget && whole !== undefined) throw new TypeError(`fit: budgetMs cannot be kept, ${whole}`);
  const evaluator =
    validation && new (await import('./evaluate.js')).Evaluator('fit', model, loss, options.metrics);
  const { callbacks = [] } = options;
  const all = await callbacksOf(options);
  if (resume) resuming!.checkResume('fit', resume, batches.length, callbacks.length);
  const history: History = resume
    ? resuming!.revived(resume)
    : { epochs: [], state: stateOf(data, validation), finished: false };
  const training = new RunningTraining(
    model,
    optimizer,
    loss,
    epochs,
    batches.length,
    history,
    evaluator?.metrics ?? [],
    whole,
  );
  const hooks = new Hooks(all, training);
  if (resume) resuming!.restore(resume.state, data, validation);
  if (resume?.state.schedule) stepping?.loadStateDict(resume.state.schedule, optimizer);
  if (resume?.state.callbacks) loadStates(callbacks, resume.state.callbacks);
  const pause = new Pause();
  const rows = data instanceof DataLoader ? data.rows : Infinity;
  const heldRows = validation instanceof DataLoader ? validation.rows : 0;
  const common = { step, stepping, batches, accumulate, rows, training, hooks, pause, budget, signal };
  let begun = history.state.epoch;
  let ended = false;
  let lastGoodState = model.stateDict();
  const modes = new (await import('./modes.js')).Modes(model);
  if (loss.output !== undefined) setOutput(model, loss.output);
  try {
    await hooks.trainBegin();
    while (history.epochs.length < epochs && !training.stopped && !training.interrupted) {
      const epoch = history.epochs.length + 1;
      const resumed = begun;
      if (!resumed) await hooks.epochBegin(epoch);
      modes.train();
      const state = resumed ? { ...resumed } : newEpoch(batches.length, stateOf(data));
      await overEpoch(
        batches,
        signal,
        () => trainEpoch({ ...common, epoch, lastGoodState }, state),
        resumed && (() => resuming!.beginAgain(resumed, batches, data, signal)),
      );
      if (training.stopped) break;
      if (budget && !training.interrupted && !budget.allows('end', heldRows)) training.interrupt();
      begun = state;
      if (training.interrupted) break;
      const report: EpochReport = { epoch, loss: state.sum / state.weight, seconds: state.seconds };
      if (held && evaluator) {
        const figures = await evaluator.run(held, pause, signal);
        for (const [name, value] of Object.entries(figures)) report[validationName(name)] = value;
      }
      begun = undefined;
      lastGoodState = model.stateDict();
      history.epochs.push(report);
      history.state = stateOf(data, validation);
      stepping?.afterEpoch(report.validationLoss ?? report.loss);
      await hooks.epochEnd(report);
      budget?.spent('end');
    }
    history.finished = training.stopped || history.epochs.length >= epochs;
    training.interrupted = !history.finished;
    if (training.interrupted) {
      history.state = interruptedState(data, validation, begun, stepping, callbacks);
      if (budget) history.state.pace = budget.pace;
    }
    ended = true;
    await hooks.trainEnd();
    return history;
  } catch (error) {
    training.error = error;
    // What training failed of is what the caller has to know.
    if (!ended) await hooks.trainEnd().catch(() => undefined);
    modes.restore();
    throw error;
  } finally {
    step.release();
    evaluator?.release();
  }
}

/** An epoch before its first batch. */
function newEpoch(batches: number | undefined, { random, data }: FitState): EpochState {
  const begin = { random, ...(data && { data }) };
  return { batch: 0, batches: batches ?? Infinity, rows: 0, sum: 0, weight: 0, seconds: 0, begin };
}

/** Every callback that the options ask for. */
async function callbacksOf({ callbacks = [], onBatch, onEpoch, progress }: FitOptions): Promise<Callback[]> {
  const all = [...callbacks];
  if (onBatch) all.unshift({ onBatchEnd: (report) => onBatch(report) });
  if (progress !== false) {
    const { createProgress } = (await import('#progress')) as ProgressModule;
    // Where nobody would see a bar, no batch need be reported.
    if (createProgress()) all.push(...(await import('./callbacks/progressBar.js')).missingBar(callbacks));
  }
  if (onEpoch) all.push({ onEpochEnd: (report) => onEpoch(report) });
  return all;
}
