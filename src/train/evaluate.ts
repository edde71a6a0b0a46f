import { engine } from '../core/engine.js';
import { DataLoader } from '../data/dataLoader.js';
import { toLoss, type Loss, type LossFunction } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { Captured } from '../tensor/capture.js';
import { withScratch } from '../tensor/scope.js';
import { checkOptions, type Tensor } from '../tensor/tensor.js';
import { metrics as known, type Metric } from './metrics.js';
import { Pause } from './pause.js';

export interface EvaluateOptions {
  /** A loss, or a function of output and targets that gives a tensor of one element. */
  loss: Loss | LossFunction;
  /** Names of metrics; `'accuracy'` by default where the loss is one of classes. */
  metrics?: readonly string[];
  /** Stops with the signal's reason. */
  signal?: AbortSignal;
}

/** The loss and each metric, averaged over the rows. */
export type Evaluation = { loss: number } & Record<string, number>;

/**
 * The loss and metrics of a model over a data set, in evaluation mode.
 *
 * @throws RangeError on an unknown metric, TypeError on an unknown option
 */
export async function evaluate(
  model: Module,
  data: DataLoader,
  options: EvaluateOptions,
): Promise<Evaluation> {
  checkOptions('evaluate', options, ['loss', 'metrics', 'signal']);
  return new Evaluator(model, toLoss(options.loss), options.metrics).run(data, new Pause(), options.signal);
}

/** A model's forward pass and loss, captured for each batch size. */
export class Evaluator {
  private readonly captured: Captured;
  private readonly metrics: readonly (readonly [string, Metric])[];

  constructor(
    private readonly model: Module,
    loss: Loss,
    names: readonly string[] = loss?.output === 'softmax' ? ['accuracy'] : [],
  ) {
    if (typeof loss?.forward !== 'function')
      throw new TypeError('evaluate: expected a loss, such as new nn.MSELoss()');
    this.metrics = names.map((name) => {
      if (!Object.hasOwn(known, name)) {
        throw new RangeError(`evaluate: unknown metric '${name}' (known: ${Object.keys(known).join(', ')})`);
      }
      return [name, known[name]] as const;
    });
    this.captured = new Captured('evaluate', (inputs, targets) => {
      const outputs = model.forward(inputs);
      return [loss.forward(outputs, targets), outputs];
    });
  }

  async run(data: DataLoader, pause: Pause, signal?: AbortSignal): Promise<Evaluation> {
    if (!(data instanceof DataLoader)) throw new TypeError('evaluate: expected a data.DataLoader');
    const modes = new Map(this.model.modules().map((module) => [module, module.training]));
    const sums: Evaluation = { loss: 0, ...Object.fromEntries(this.metrics.map(([name]) => [name, 0])) };
    this.model.eval();
    try {
      let rows = 0;
      for (const [inputs, targets] of data) {
        signal?.throwIfAborted();
        const count = inputs.shape[0];
        this.add(sums, inputs, targets, count);
        rows += count;
        if (pause.isDue()) await pause.turn();
      }
      for (const name of Object.keys(sums)) sums[name] /= rows;
      return sums;
    } finally {
      for (const [module, mode] of modes) module.training = mode;
    }
  }

  private add(sums: Evaluation, inputs: Tensor, targets: Tensor, rows: number): void {
    const [loss, outputs] = withScratch(() => this.captured.run([inputs, targets])).results;
    const { f32 } = engine();
    sums.loss += f32[loss.pointer / 4] * rows;
    if (this.metrics.length === 0) return;
    const size = outputs.shape.reduce((product, length) => product * length, 1);
    const batch = {
      outputs: f32.subarray(outputs.pointer / 4, outputs.pointer / 4 + size),
      outputShape: outputs.shape,
      targets: targets.data,
      targetShape: targets.shape,
    };
    for (const [name, metric] of this.metrics) sums[name] += metric(batch) * rows;
  }
}
