import type { Module } from '../nn/module.js';
import { AnomalyWatcher } from '../tensor/anomaly.js';
import type { Watcher } from '../tensor/watch.js';
import { LayerTrace } from './layers.js';

/** A function of a model, and who looks for the first number in it that is not finite, and for the layer that made it. */
export function traceAnomalies<Args extends unknown[], Result>(
  model: Module,
  fn: (...args: Args) => Result,
): { traced: (...args: Args) => Result; watcher: Watcher } {
  const trace = new LayerTrace();
  return {
    traced: (...args) => trace.during(model, () => fn(...args)),
    watcher: new AnomalyWatcher(() => trace.current()),
  };
}
