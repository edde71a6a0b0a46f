import { checkOptions } from '../../core/options.js';
import { misfit, Metric, refuseNaN, type MetricBatch, type MetricOptions } from './metric.js';

/** A mean over all elements of a function of output and target. */
abstract class MeanMetric extends Metric<number> {
  readonly name: string;
  override readonly goal = 'min';
  private sum = 0;
  private count = 0;

  constructor(name: string, options: MetricOptions) {
    super();
    checkOptions(new.target.name, options, ['name']);
    this.name = options.name ?? name;
  }

  protected abstract term(output: number, target: number): number;

  add(batch: MetricBatch): void {
    const { outputs, targets } = batch;
    if (outputs.length !== targets.length) throw misfit(this.name, batch);
    refuseNaN(this.name, targets);
    for (let i = 0; i < outputs.length; i++) this.sum += this.term(outputs[i], targets[i]);
    this.count += outputs.length;
  }

  compute(): number {
    return this.sum / this.count;
  }

  reset(): void {
    this.sum = this.count = 0;
  }
}

/**
 * The mean absolute error, mean(|output − target|).
 *
 * @throws RangeError if there are not as many targets as outputs, or a target is NaN
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.MAE().update([1, 2], [1, 4]).compute(); // 1
 * ```
 */
export class MAE extends MeanMetric {
  constructor(options: MetricOptions = {}) {
    super('mae', options);
  }

  protected term(output: number, target: number): number {
    return Math.abs(output - target);
  }
}

/**
 * The mean squared error, mean((output − target)²).
 *
 * @throws RangeError if there are not as many targets as outputs, or a target is NaN
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.MSE().update([1, 2], [1, 4]).compute(); // 2
 * ```
 */
export class MSE extends MeanMetric {
  constructor(options: MetricOptions = {}) {
    super('mse', options);
  }

  protected term(output: number, target: number): number {
    return (output - target) ** 2;
  }
}

/**
 * The root of the mean squared error over all elements.
 *
 * @throws RangeError if there are not as many targets as outputs, or a target is NaN
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.RMSE().update([1, 2], [1, 6]).compute(); // 2.828427
 * ```
 */
export class RMSE extends MeanMetric {
  constructor(options: MetricOptions = {}) {
    super('rmse', options);
  }

  protected term(output: number, target: number): number {
    return (output - target) ** 2;
  }

  override compute(): number {
    return Math.sqrt(super.compute());
  }
}

/**
 * The mean absolute percentage error, as a share: mean(|output − target| / |target|), with 2⁻⁵² for a target of 0, as
 * in scikit-learn.
 *
 * @throws RangeError if there are not as many targets as outputs, or a target is NaN
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.MAPE().update([1, 2], [1, 4]).compute(); // 0.25
 * ```
 */
export class MAPE extends MeanMetric {
  constructor(options: MetricOptions = {}) {
    super('mape', options);
  }

  protected term(output: number, target: number): number {
    return Math.abs(output - target) / Math.max(Math.abs(target), 2 ** -52);
  }
}

/** Count, mean and squared deviations of a column of targets (Welford, 1962), and its squared errors. */
interface Column {
  mean: number;
  deviations: number;
  errors: number;
}

/**
 * The coefficient of determination, 1 − Σ(output − target)² / Σ(target − mean)², for each output, and the mean of these.
 * Of an output whose targets are all equal: 1 where every error is 0, else 0. Of less than two rows, and where an output is NaN: NaN.
 *
 * @throws RangeError if there are not as many targets as outputs, or a target is NaN
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.R2().update([1, 2, 3], [1, 2, 4]).compute(); // 0.785714
 * ```
 */
export class R2 extends Metric<number> {
  readonly name: string;
  private columns: Column[] = [];
  private rows = 0;

  constructor(options: MetricOptions = {}) {
    super();
    checkOptions('R2', options, ['name']);
    this.name = options.name ?? 'r2';
  }

  add(batch: MetricBatch): void {
    const { outputs, targets, outputShape } = batch;
    const rows = outputShape[0] ?? 1;
    if (outputs.length !== targets.length) throw misfit(this.name, batch);
    refuseNaN(this.name, targets);
    if (rows === 0) return;
    const width = outputs.length / rows;
    if (this.rows === 0) {
      this.columns = Array.from({ length: width }, () => ({ mean: 0, deviations: 0, errors: 0 }));
    } else if (width !== this.columns.length) throw misfit(this.name, batch);
    for (let row = 0; row < rows; row++) {
      this.rows++;
      this.columns.forEach((column, c) => {
        const target = targets[row * width + c];
        const before = target - column.mean;
        column.mean += before / this.rows;
        column.deviations += before * (target - column.mean);
        column.errors += (outputs[row * width + c] - target) ** 2;
      });
    }
  }

  compute(): number {
    if (this.rows < 2) return NaN;
    const values = this.columns.map(({ deviations, errors }) => {
      if (deviations === 0) return errors === 0 ? 1 : errors > 0 ? 0 : NaN;
      return 1 - errors / deviations;
    });
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  reset(): void {
    this.columns = [];
    this.rows = 0;
  }
}
