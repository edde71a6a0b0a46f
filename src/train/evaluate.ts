import { engine } from '../core/engine.js';
import type { Batch, BatchSource } from '../data/batches.js';
import { toLoss, weightOf, type Loss, type LossFunction } from '../losses/loss.js';
import { outputFor, type Module } from '../nn/module.js';
import { Captured } from '../tensor/captured.js';
import { formatShape, sizeOf, type Shape } from '../tensor/layout.js';
import { withScratch } from '../tensor/scope.js';
import { checkOptions } from '../core/options.js';
import { asTensor } from '../tensor/tensor.js';
import { batchesOf, type TrainingData } from './batchesOf.js';
import { checkModel, checkSignal, lossOf, refuseClass } from './checks.js';
import { take, type Figure } from './figure.js';
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
      const value = lossOf(operation, loss, outputs, targets);
      if (value.size !== 1) {
        throw new RangeError(
          `${operation}: expected a loss of one number, got ${formatShape(value.shape)}; take reduction: 'mean' or 'sum'`,
        );
      }
      const weight = weightOf(loss, value, outputs, targets, inputs.shape[0]);
      return [value, asTensor(weight), outputs, targets];
    });
  }

  async run(source: BatchSource, pause: Pause, signal?: AbortSignal): Promise<Evaluation> {
    for (const metric of this.metrics) metric.reset();
    const figure = { sum: 0, weight: 0 };
    await inEvaluation(this.model, source, pause, signal, (batch) => this.add(batch, figure));
    const figures = this.metrics.flatMap((metric) => figuresOf(metric.name, metric.compute()));
    return { loss: figure.sum / figure.weight, ...Object.fromEntries(figures) };
  }

  /** Gives the memory of what was captured back at once, instead of when it is collected. */
  release(): void {
    this.captured.release();
  }

  /** Takes a batch into the figure of the loss and into the metrics. */
  private add(batch: Batch, figure: Figure): void {
    const [loss, weight, outputs, targets] = withScratch(() => this.captured.run(batch)).results;
    const core = engine();
    take(figure, core.f32[loss.pointer / 4], core.f32[weight.pointer / 4]);
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

/** The batch without the rows that the loss ignores. */
function counted(ignoreIndex: number | undefined, batch: MetricBatch): MetricBatch {
  const { outputs, targets, outputShape, targetShape } = batch;
  if (ignoreIndex === undefined || targetShape.length !== 1 || !targets.includes(ignoreIndex)) return batch;
  const width = sizeOf(outputShape.slice(1));
  const rows = [...targets.keys()].filter((row) => targets[row] !== ignoreIndex);
  const kept = new Float32Array(rows.length * width);
  rows.forEach((row, i) => kept.set(outputs.subarray(row * width, (row + 1) * width), i * width));
  return {
    ...batch,
    outputs: kept,
    outputShape: [rows.length, ...outputShape.slice(1)],
    targets: Float32Array.from(rows, (row) => targets[row]),
    targetShape: [rows.length],
  };
}
