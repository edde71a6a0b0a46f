import { engine } from '../core/engine.js';
import type { Batch, BatchSource } from '../data/batches.js';
import { toLoss, type Loss, type LossFunction } from '../losses/loss.js';
import { outputFor, type Module } from '../nn/module.js';
import { Captured } from '../tensor/captured.js';
import { formatShape, sizeOf, type Shape } from '../tensor/layout.js';
import { withScratch } from '../tensor/scope.js';
import { checkOptions } from '../core/options.js';
import { batchesOf, type TrainingData } from './batchesOf.js';
import { checkModel, checkSignal, refuseClass } from './checks.js';
import { countedLoss, resultsOf } from './counted.js';
import { figureOf, take, type Figure } from './figure.js';
import { inEvaluation } from './inEvaluation.js';
import { metricsOf, type MetricLike } from './metrics/byName.js';
import { figuresOf, type Metric, type MetricBatch } from './metrics/metric.js';
import { Pause } from './pause.js';

export interface EvaluateOptions {
  /** A loss, or a function of output and targets that gives a tensor of one element. */
  loss: Loss | LossFunction;
  /** Metrics, by name or as objects; `'accuracy'` by default where the loss is one of classes. */
  metrics?: readonly MetricLike[];
  /** Stops with the signal's reason. */
  signal?: AbortSignal;
}

/** The loss of all rows together, NaN where none of them counts, and each metric by its name; a list gives `name.0`, `name.1`, …. */
export type Evaluation = { loss: number } & Record<string, number>;

/**
 * The loss and metrics of a model over a data set, in evaluation mode. Metrics see what the outputs mean to the loss:
 * logits of CrossEntropyLoss are taken for the probabilities that they stand for.
 *
 * @throws RangeError on an unknown metric, TypeError on an unknown option
 * @example
 * ```ts
 * import { data, evaluate, metrics, nn } from 'wasmgrad';
 * const rows = [[0, 1], [1, 0], [1, 1], [0, 0]];
 * const loader = new data.DataLoader(new data.TensorDataset(rows, [1, 0, 0, 1]), { batchSize: 3 });
 * const confusion = new metrics.ConfusionMatrix();
 * const figures = await evaluate(new nn.Linear(2, 2), loader, {
 *   loss: new nn.CrossEntropyLoss(),
 *   metrics: ['accuracy', 'rocAuc', confusion],
 * });
 * figures.accuracy >= 0; // true
 * confusion.compute().flat().reduce((sum, count) => sum + count); // 4
 * ```
 */
export async function evaluate(
  model: Module,
  data: TrainingData,
  options: EvaluateOptions,
): Promise<Evaluation> {
  checkOptions('evaluate', options, ['loss', 'metrics', 'signal']);
  refuseClass('evaluate', 'loss', options.loss);
  checkSignal('evaluate', options.signal);
  const evaluator = new Evaluator('evaluate', model, toLoss(options.loss), options.metrics);
  try {
    return await evaluator.run(await batchesOf(data, 'evaluate: expected data'), new Pause(), options.signal);
  } finally {
    evaluator.release();
  }
}

/** A model's forward pass and loss, captured for each batch size. */
export class Evaluator {
  readonly metrics: readonly Metric[];
  /** What was counted in the last run; 0 where no row counts. */
  weight = 0;
  private readonly captured: Captured;

  constructor(
    operation: string,
    private readonly model: Module,
    private readonly loss: Loss,
    metrics?: readonly MetricLike[],
  ) {
    checkModel(operation, model);
    if (typeof loss?.forward !== 'function') {
      throw new TypeError(`${operation}: expected a loss, such as new nn.MSELoss()`);
    }
    const ofClasses = loss.output === 'softmax' || loss.output === 'sigmoid';
    this.metrics = metricsOf(operation, metrics ?? (ofClasses ? ['accuracy'] : []));
    this.captured = new Captured('evaluate', (inputs, targets) => {
      const outputs = outputFor(model, inputs);
      const [value, counts] = countedLoss(operation, loss, outputs, targets, inputs.shape[0]);
      if (value.size !== 1) {
        throw new RangeError(
          `${operation}: expected a loss of one number, got ${formatShape(value.shape)}; take reduction: 'mean' or 'sum'`,
        );
      }
      return [outputs, targets, ...resultsOf(value, counts)];
    });
  }

  async run(source: BatchSource, pause: Pause, signal?: AbortSignal): Promise<Evaluation> {
    for (const metric of this.metrics) metric.reset();
    const figure = { sum: 0, weight: 0 };
    await inEvaluation(this.model, source, pause, signal, (batch) => this.add(batch, figure));
    this.weight = figure.weight;
    const figures = this.metrics.flatMap((metric) => figuresOf(metric.name, metric.compute()));
    return { loss: figure.sum / figure.weight, ...Object.fromEntries(figures) };
  }

  /** Gives the memory of what was captured back at once, instead of when it is collected. */
  release(): void {
    this.captured.release();
  }

  /** Takes a batch into the figure of the loss and into the metrics. */
  private add(batch: Batch, figure: Figure): void {
    const [outputs, targets, ...results] = withScratch(() => this.captured.run(batch)).results;
    take(figure, ...figureOf(results));
    const core = engine();
    if (this.metrics.length === 0) return;
    // Copies, since a metric of the user's own may compute with tensors, which takes memory.
    const numbers = ({ pointer, shape }: { pointer: number; shape: Shape }): Float32Array =>
      core.read(pointer, sizeOf(shape));
    const seen = counted(this.loss.ignoreIndex, {
      outputs: numbers(outputs),
      outputShape: outputs.shape,
      targets: numbers(targets),
      targetShape: targets.shape,
      meaning: this.loss.output ?? 'raw',
    });
    for (const metric of this.metrics) metric.add(seen);
  }
}

/** The batch without what the loss ignores: rows, or elements where each is a decision of its own. */
function counted(ignoreIndex: number | undefined, batch: MetricBatch): MetricBatch {
  const { outputs, targets, outputShape, targetShape, meaning } = batch;
  if (ignoreIndex === undefined) return batch;
  const byRow = targets.length === outputShape[0];
  if (!byRow && (meaning !== 'sigmoid' || targets.length !== outputs.length)) return batch;
  // The loss compares float32 numbers.
  const ignored = Math.fround(ignoreIndex);
  const kept = [...targets.keys()].filter((i) => targets[i] !== ignored);
  if (kept.length === targets.length) return batch;
  const width = outputs.length / targets.length;
  const shapeOf = (shape: Shape): Shape => [kept.length, ...(byRow ? shape.slice(1) : [1])];
  return {
    ...batch,
    outputs: Float32Array.from(
      { length: kept.length * width },
      (_, i) => outputs[kept[Math.floor(i / width)] * width + (i % width)],
    ),
    outputShape: shapeOf(outputShape),
    targets: Float32Array.from(kept, (i) => targets[i]),
    targetShape: shapeOf(targetShape),
  };
}
