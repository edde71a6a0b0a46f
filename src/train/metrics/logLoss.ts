import { checkOptions } from '../../core/options.js';
import { layoutOf, logProbabilities, targetOf, type ClassLayout } from './decisions.js';
import { Metric, type MetricBatch, type MetricOptions } from './metric.js';

/** Probabilities are kept this far from 0 and 1, as in scikit-learn. */
const LEAST = 2 ** -52;

const clipped = (p: number): number => Math.min(1 - LEAST, Math.max(LEAST, p));
/** share · log, and 0 where the share is 0, even if the logarithm is infinite. */
const counting = (share: number, log: number): number => (share === 0 ? 0 : share * log);
/** log(sigmoid(logit)). */
const logSigmoid = (logit: number): number => Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));

/**
 * The mean of −log(the probability of the target class), of −Σ target · log(probability) where targets are
 * probabilities. Of logits it is computed in float64 without a limit; probabilities are clipped to [2⁻⁵², 1 − 2⁻⁵²]
 * and divided by their sum.
 *
 * @throws RangeError on shapes that do not fit and on a target that is no class
 * @example
 * ```ts
 * import { metrics } from 'wasmgrad';
 * new metrics.LogLoss().update([[0.5, 0.5], [0.25, 0.75]], [0, 1]).compute(); // 0.490415
 * ```
 */
export class LogLoss extends Metric<number> {
  readonly name: string;
  override readonly goal = 'min';
  private sum = 0;
  private count = 0;

  constructor(options: MetricOptions = {}) {
    super();
    checkOptions('LogLoss', options, ['name']);
    this.name = options.name ?? 'logLoss';
  }

  add(batch: MetricBatch): void {
    const layout = layoutOf(this.name, batch);
    for (let i = 0; i < layout.count; i++) {
      if (targetOf(this.name, batch, layout, i) < 0) continue;
      this.sum += layout.width === 1 ? ofOne(batch, i) : this.ofSeveral(batch, layout, i);
      this.count++;
    }
  }

  compute(): number {
    return this.sum / this.count;
  }

  reset(): void {
    this.sum = this.count = 0;
  }

  private ofSeveral(batch: MetricBatch, layout: ClassLayout, i: number): number {
    const { outputs, targets, meaning } = batch;
    const { width, indices } = layout;
    const start = i * width;
    let logs: Float64Array;
    if (meaning === 'softmax') logs = logProbabilities(outputs, start, width);
    else {
      const shares = Float64Array.from(outputs.subarray(start, start + width), clipped);
      const total = shares.reduce((sum, share) => sum + share, 0);
      logs = shares.map((share) => Math.log(share / total));
    }
    if (indices) return -logs[targets[i]];
    return logs.reduce((sum, log, c) => sum - counting(targets[start + c], log), 0);
  }
}

function ofOne({ outputs, targets, meaning }: MetricBatch, i: number): number {
  const [y, target] = [outputs[i], targets[i]];
  if (meaning === 'sigmoid') return -counting(target, logSigmoid(y)) - counting(1 - target, logSigmoid(-y));
  const p = clipped(y);
  return -target * Math.log(p) - (1 - target) * Math.log(1 - p);
}
