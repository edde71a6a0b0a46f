import { engine } from '../core/engine.js';
import { divide, keep } from '../tensor/operations/binary.js';
import type { Module } from '../nn/module.js';
import { AnomalyWatcher } from '../tensor/anomaly.js';
import type { Call, Tape } from '../tensor/tape.js';
import type { Watcher } from '../tensor/watch.js';
import { LayerTrace } from './layers.js';

/** Passes over the loss of a batch in which no row counts, and over what is made of that: it is NaN, and its gradient 0. */
class TrainingWatcher extends AnomalyWatcher {
  private readonly ofNothing = new WeakSet<Call>();

  override recorded(tape: Tape, call: Call): void {
    const isMade = call.inputs.some((input) => input.call && this.ofNothing.has(input.call));
    const { f32 } = engine();
    // As the losses end with it: the sum of what counts by what it counts.
    const isMean = call.operation === divide && call.inputs[0].call?.operation === keep;
    const isNothing = isMean && f32[call.addresses[1] / 4] === 0;
    if (isNothing || (isMade && call.size === 1 && Number.isNaN(f32[call.output / 4]))) {
      this.ofNothing.add(call);
    } else super.recorded(tape, call);
  }

  override wentBack(tape: Tape, call: Call): void {
    if (!this.ofNothing.has(call)) super.wentBack(tape, call);
  }
}

/** A function of a model, and who looks for the first number in it that is not finite, and for the layer that made it. */
export function traceAnomalies<Args extends unknown[], Result>(
  model: Module,
  fn: (...args: Args) => Result,
): { traced: (...args: Args) => Result; watcher: Watcher } {
  const trace = new LayerTrace();
  return {
    traced: (...args) => trace.during(model, () => fn(...args)),
    watcher: new TrainingWatcher(() => trace.current()),
  };
}
