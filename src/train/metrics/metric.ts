import type { OutputKind } from '../../nn/module.js';
import { formatShape, type Shape } from '../../tensor/layout.js';
import { Tensor } from '../../tensor/tensor.js';
import { numbersOf, type TensorLike } from '../../tensor/numbers.js';

/** Outputs and targets of one batch, flat and row-major. They are valid until the next operation: copy what you keep. */
export interface MetricBatch {
  readonly outputs: Float32Array;
  readonly outputShape: Shape;
  readonly targets: Float32Array;
  readonly targetShape: Shape;
  /** What the outputs are: `softmax` and `sigmoid` mean that they are logits of these; `raw` that they are used as they are. */
  readonly meaning: OutputKind;
}

/** A figure, one for each class, or one for each pair of classes. */
export type MetricValue = number | number[] | number[][];

export interface MetricOptions {
  /** What the figure is called in reports; each metric has a name of its own. */
  name?: string;
}

/**
 * A figure over a data set that is seen batch by batch: counts and sums are kept, so batches of any size give what one
 * batch of everything gives. Extend it for one of your own, and hand it to evaluate() or fit() as it is.
 *
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * class LargestError extends metrics.Metric<number> {
 *   readonly name = 'largestError';
 *   override readonly goal = 'min';
 *   private largest = 0;
 *   add({ outputs, targets }: metrics.MetricBatch): void {
 *     outputs.forEach((y, i) => (this.largest = Math.max(this.largest, Math.abs(y - targets[i]))));
 *   }
 *   compute(): number {
 *     return this.largest;
 *   }
 *   reset(): void {
 *     this.largest = 0;
 *   }
 * }
 * new LargestError().update([1, 2], [1, 4]).compute(); // 2
 * ```
 */
export abstract class Metric<Value extends MetricValue = MetricValue> {
  /** What reports call it. */
  abstract readonly name: string;
  /** Whether more is better or less: EarlyStopping and ModelCheckpoint ask. */
  readonly goal: 'max' | 'min' = 'max';

  /** Takes a batch in. */
  abstract add(batch: MetricBatch): void;

  /** The figure over all that was taken in since the last reset; of nothing: NaN. */
  abstract compute(): Value;

  /** Forgets everything. */
  abstract reset(): void;

  /**
   * Takes a batch in, given as tensors or numbers.
   *
   * @param outputs [rows, …]
   * @param targets [rows] or [rows, …]
   * @param meaning what the outputs are; values to be used as they are, by default
   * @throws RangeError where outputs and targets do not fit each other
   */
  update(outputs: Tensor | TensorLike, targets: Tensor | TensorLike, meaning: OutputKind = 'raw'): this {
    const given = numbersOf(this.name, outputs);
    const wanted = numbersOf(this.name, targets);
    this.add({
      outputs: given.values,
      outputShape: given.shape,
      targets: wanted.values,
      targetShape: wanted.shape,
      meaning,
    });
    return this;
  }
}

/** The error for outputs and targets that do not belong together. */
export function misfit(name: string, { outputShape, targetShape }: MetricBatch): RangeError {
  return new RangeError(
    `${name}: outputs ${formatShape(outputShape)} and targets ${formatShape(targetShape)} do not fit each other`,
  );
}

/** Throws if a target is NaN. */
export function refuseNaN(name: string, targets: Float32Array): void {
  const at = targets.findIndex(Number.isNaN);
  if (at >= 0) throw new RangeError(`${name}: expected targets that are numbers, got NaN`);
}

/** The names and numbers by which reports know a metric: a list gives `name.0`, `name.1`, …. */
export function figuresOf(name: string, value: MetricValue): [string, number][] {
  if (typeof value === 'number') return [[name, value]];
  return value.flatMap((item, i) => figuresOf(`${name}.${i}`, item));
}
