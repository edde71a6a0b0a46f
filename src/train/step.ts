import type { Loss } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { AnomalyWatcher } from '../tensor/anomaly.js';
import { Captured } from '../tensor/capture.js';
import type { Tensor } from '../tensor/tensor.js';
import { LayerTrace } from './layers.js';

/** What fit() needs of an optimizer. */
export interface Optimizer {
  zeroGrad(): void;
  step(): void;
}

export interface StepOptions {
  loss: Loss;
  optimizer: Optimizer;
  /** Store every gradient, for callbacks that read `grad`; false by default, which is faster. */
  keepGradients?: boolean;
  /** Look for the operation that first makes a NaN or an infinity, and for its layer; slow. See detectAnomaly(). */
  anomaly?: boolean;
}

/** One training step, from the batch to the update, recorded and replayed; it gives the loss. */
export function captureStep(model: Module, options: StepOptions): Captured {
  const { loss, optimizer, keepGradients } = options;
  const step = (inputs: Tensor, targets: Tensor): [Tensor] => {
    optimizer.zeroGrad();
    const value = loss.forward(model.forward(inputs), targets);
    value.backward();
    optimizer.step();
    return [value];
  };
  if (!options.anomaly) return new Captured('fit', step, { keepGradients });
  const trace = new LayerTrace();
  const traced = (inputs: Tensor, targets: Tensor): [Tensor] =>
    trace.during(model, () => step(inputs, targets));
  const watcher = new AnomalyWatcher(() => trace.current());
  return new Captured('fit', traced, { keepGradients }, watcher);
}
