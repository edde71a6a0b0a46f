import { DataLoader } from '../data/dataLoader.js';
import { TensorDataset } from '../data/dataset.js';
import { KFold, type Fold } from '../data/kFold.js';
import { toLoss, type Loss } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { refuse } from '../core/checks.js';
import { checkOptions } from '../core/options.js';
import type { Callback } from './callbacks/callback.js';
import { refuseClass } from './checks.js';
import { batchesOf } from './batchesOf.js';
import { Evaluator, type Evaluation } from './evaluate.js';
import { fit } from './fit.js';
import type { History } from './history.js';
import { metricsOf, type MetricLike } from './metrics/byName.js';
import { Pause } from './pause.js';
import type { Optimizer } from './trainingStep.js';

export interface CrossValidateOptions {
  data: TensorDataset;
  loss: Loss;
  /** Makes the optimizer of a fold's model. */
  optimizer: (model: Module) => Optimizer;
  epochs: number;
  /** How to divide the rows; new KFold() by default, five parts in the order of the rows. */
  folds?: { split(data: TensorDataset): Fold[] } | readonly Fold[];
  /** Rows in a batch; 32 by default. */
  batchSize?: number;
  /** Mix the rows to train on anew in each epoch; true by default. */
  shuffle?: boolean;
  /** Seed of the mixing in each fold; drawn from {@link manualSeed}'s generator without it. */
  seed?: number;
  /** Of the rows to test on; `'accuracy'` by default where the loss is one of classes. */
  metrics?: readonly MetricLike[];
  /** Makes the callbacks of a fold. */
  callbacks?: (fold: number) => readonly Callback[];
  signal?: AbortSignal;
}

export interface CrossValidation {
  readonly folds: readonly { readonly evaluation: Evaluation; readonly history: History }[];
  /** Of each figure over the folds; those in which no row counts are left out. */
  readonly mean: Evaluation;
  /** Of each figure over the same folds, divided by their number less one. */
  readonly std: Evaluation;
}

const OPTIONS: Record<keyof CrossValidateOptions, true> = {
  data: true,
  loss: true,
  optimizer: true,
  epochs: true,
  folds: true,
  batchSize: true,
  shuffle: true,
  seed: true,
  metrics: true,
  callbacks: true,
  signal: true,
};

/**
 * How well a kind of model does on rows that it was not trained on: for each fold a new model is trained on the other
 * parts and evaluated on this one.
 *
 * @param makeModel makes a model, with weights of its own each time; told which fold it is for, from 0
 * @throws TypeError and RangeError on bad options; what fit() throws
 * @example
 * ```ts
 * import { crossValidate, data, manualSeed, nn, optim } from 'wasmgrad';
 * manualSeed(1);
 * const rows = Array.from({ length: 60 }, (_, i) => [Math.sin(i), Math.cos(i)]);
 * const labels = rows.map(([a]) => (a > 0 ? 1 : 0));
 * const { folds, mean } = await crossValidate(() => new nn.Linear(2, 2), {
 *   data: new data.TensorDataset(rows, labels),
 *   folds: new data.StratifiedKFold({ folds: 3, shuffle: true, seed: 1 }),
 *   loss: new nn.CrossEntropyLoss(),
 *   optimizer: (model) => new optim.SGD(model.parameters(), { lr: 0.5 }),
 *   epochs: 20,
 * });
 * folds.length; // 3
 * mean.accuracy > 0.9; // true
 * ```
 */
export async function crossValidate(
  makeModel: (fold: number) => Module,
  options: CrossValidateOptions,
): Promise<CrossValidation> {
  checkOptions(
    'crossValidate',
    options,
    Object.keys(OPTIONS).map((name) => (name === 'shuffle' ? 'shuffle?' : name)),
  );
  const { data, loss, epochs, batchSize = 32, shuffle = true, seed, metrics, signal } = options;
  refuseClass('crossValidate', 'loss', loss);
  if (typeof makeModel !== 'function') {
    throw new TypeError('crossValidate: expected a function that makes a model');
  }
  if (!(data instanceof TensorDataset)) {
    throw new TypeError('crossValidate: expected data to be a data.TensorDataset');
  }
  if (typeof options.optimizer !== 'function') {
    throw new TypeError('crossValidate: expected optimizer to be a function that makes one for a model');
  }
  if (metrics) metricsOf('crossValidate', metrics);
  const parts = options.folds ?? new KFold();
  const folds = 'split' in Object(parts) ? (parts as KFold).split(data) : (parts as readonly Fold[]);
  if (!Array.isArray(folds) || ![...folds].every((fold: unknown) => typeof fold === 'object' && fold)) {
    refuse('crossValidate', 'folds', 'a data.KFold, or an array of { train, test }', parts);
  }
  if (folds.length === 0) throw new RangeError('crossValidate: expected at least one fold, got none');
  const results: { evaluation: Evaluation; history: History }[] = [];
  const counted: Evaluation[] = [];
  for (const [i, { train, test }] of (folds as readonly Fold[]).entries()) {
    const model = makeModel(i);
    const history = await fit(model, {
      data: new DataLoader(data.subset(train), { batchSize, shuffle, seed }),
      loss,
      optimizer: options.optimizer(model),
      epochs,
      callbacks: options.callbacks?.(i),
      signal,
      progress: false,
    });
    const held = new DataLoader(data.subset(test), { batchSize: Math.max(batchSize, 256) });
    const evaluator = new Evaluator('crossValidate', model, toLoss(loss), metrics);
    try {
      const batches = await batchesOf(held, 'crossValidate: expected data');
      const evaluation = await evaluator.run(batches, new Pause(), signal);
      results.push({ history, evaluation });
      if (evaluator.weight !== 0) counted.push(evaluation);
    } finally {
      evaluator.release();
    }
  }
  const figures = Object.keys(results[0].evaluation);
  const over = (reduce: (values: number[]) => number): Evaluation =>
    Object.fromEntries(
      figures.map((name) => [name, reduce(counted.map((evaluation) => evaluation[name]))]),
    ) as Evaluation;
  return { folds: results, mean: over(meanOf), std: over(deviationOf) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
