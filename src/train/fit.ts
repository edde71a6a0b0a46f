import { engine } from '../core/engine.js';
import { DataLoader } from '../data/dataLoader.js';
import { ResidentBatches } from '../data/residentBatches.js';
import { toLoss } from '../losses/loss.js';
import type { Module, StateDict } from '../nn/module.js';
import { checkOptions } from '../tensor/tensor.js';
import { Evaluator } from './evaluate.js';
import type { BatchReport, EpochReport, History } from './history.js';
import { Pause } from './pause.js';
import type { Progress, ProgressModule } from './progress.js';
import { Stepping, type ScheduleOption } from './schedule.js';
import { checkStep, STEP_OPTIONS, TrainingStep, type StepOptions } from './trainingStep.js';

export interface FitOptions extends StepOptions {
  data: DataLoader;
  /** How often to go through the data. */
  epochs: number;
  /** Evaluated after each epoch: loss, and accuracy where the loss is one of classes. */
  validation?: DataLoader;
  /** Called after each batch. */
  onBatch?: (report: BatchReport) => void;
  /** Called after each epoch; training waits for the promise it may return. */
  onEpoch?: (report: EpochReport) => void | Promise<void>;
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
  'onBatch',
  'onEpoch',
  'signal',
  'schedule',
  'progress',
];

/** The loss became NaN or infinite. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';

  constructor(
    readonly loss: number,
    /** Counted from 1. */
    readonly epoch: number,
    /** Counted from 1. */
    readonly batch: number,
    /** The weights as the last whole epoch left them (before the first one: as they were), for loadStateDict(). */
    readonly lastGoodState: StateDict,
  ) {
    super(
      `fit: the loss became ${loss} in epoch ${epoch}, batch ${batch}; lower the learning rate or scale the inputs. ` +
        'The weights of the last good epoch are in error.lastGoodState',
    );
  }
}

function checkFit(model: Module, options: FitOptions): void {
  checkOptions('fit', options, OPTIONS);
  const { data, epochs, validation } = options;
  checkStep('fit', model, options);
  if (!(data instanceof DataLoader)) throw new TypeError('fit: expected data to be a data.DataLoader');
  if (validation !== undefined && !(validation instanceof DataLoader)) {
    throw new TypeError('fit: expected validation to be a data.DataLoader');
  }
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new RangeError(`fit: expected epochs to be a non-negative integer, got ${String(epochs)}`);
  }
}

/**
 * Trains a model: for each batch zeroGrad, forward, loss, backward and step, captured once and replayed in Wasm. The
 * same numbers, bit for bit, as the loop spelled out. With `accumulate: n` each loss counts 1/n, and step comes after n
 * batches.
 *
 * @returns loss, validation figures and time of each epoch, as plain data
 * @throws {@link DivergenceError} when the loss becomes NaN or infinite; the signal's reason when it is aborted;
 * TypeError and RangeError on bad options, before anything is changed
 */
export async function fit(model: Module, options: FitOptions): Promise<History> {
  checkFit(model, options);
  const { data, epochs, validation, onEpoch, signal } = options;
  const loss = toLoss(options.loss);
  const stepping = new Stepping(options.schedule);
  signal?.throwIfAborted();
  const step = new TrainingStep('fit', model, options);
  const evaluator = validation && new Evaluator(model, loss);
  const progress = options.progress === false ? undefined : await createProgress();
  const pause = new Pause();
  const batches = new ResidentBatches(data);
  const history: History = { epochs: [] };
  let lastGoodState = model.stateDict();
  if (loss.output !== undefined) model.output = loss.output;
  progress?.start(epochs, data.length);
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      model.train();
      const run = await trainEpoch(step, stepping, batches, epoch, options, lastGoodState, progress, pause);
      const report: EpochReport = { epoch, ...run };
      if (evaluator) {
        const figures = await evaluator.run(validation, pause, signal);
        report.validationLoss = figures.loss;
        if ('accuracy' in figures) report.validationAccuracy = figures.accuracy;
      }
      lastGoodState = model.stateDict();
      history.epochs.push(report);
      stepping.afterEpoch(report.validationLoss ?? report.loss);
      await onEpoch?.(report);
    }
  } finally {
    progress?.stop();
  }
  return history;
}

/** One pass over the data. */
async function trainEpoch(
  step: TrainingStep,
  stepping: Stepping,
  batches: ResidentBatches,
  epoch: number,
  { data, onBatch, signal }: FitOptions,
  lastGoodState: StateDict,
  progress: Progress | undefined,
  pause: Pause,
): Promise<{ loss: number; seconds: number }> {
  const began = performance.now();
  let sum = 0;
  let rows = 0;
  let batch = 0;
  batches.begin();
  while (rows < data.rows) {
    signal?.throwIfAborted();
    const args = batches.at(rows);
    const [loss] = step.run(args, batch, data.length).results;
    const value = engine().f32[loss.pointer / 4];
    batch++;
    if (!Number.isFinite(value)) throw new DivergenceError(value, epoch, batch, lastGoodState);
    if (step.stepped) stepping.afterStep(value);
    const count = args[0].shape[0];
    sum += value * count;
    rows += count;
    onBatch?.({ epoch, batch, loss: value });
    progress?.update(epoch, batch, sum / rows, (rows / (performance.now() - began)) * 1000);
    if (pause.isDue()) await pause.turn();
  }
  return { loss: sum / rows, seconds: (performance.now() - began) / 1000 };
}

async function createProgress(): Promise<Progress | undefined> {
  const { createProgress: create } = (await import('#progress')) as ProgressModule;
  return create();
}
