import { shown } from '../core/shown.js';
import { checkOptions } from '../core/options.js';
import { weigh } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { ReducedLoss, type Loss, type LossCall, type LossReduction } from './loss.js';

export interface KLDivLossOptions {
  /**
   * `'mean'` over all elements by default; `'batchmean'`, the sum over the rows' elements averaged over the rows, is what
   * the divergence is in mathematics.
   */
  reduction?: LossReduction | 'batchmean';
  /** Targets are logarithms of probabilities; false by default. */
  logTarget?: boolean;
}

const REDUCTIONS = ['mean', 'batchmean', 'sum', 'none'];

/** The smallest float32 above 0. */
const SMALLEST = 2 ** -149;

/**
 * The Kullback–Leibler divergence target · (log target − prediction), 0 where the target is 0, also for a prediction of
 * −∞ (PyTorch: NaN). prediction holds the logarithms of probabilities, as {@link LogSoftmax} gives them; both of one
 * shape.
 *
 * @throws RangeError where the shapes differ
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const loss = new nn.KLDivLoss({ reduction: 'batchmean' });
 * loss.forward(tensor([[0.5, 0.5]]).log(), [[1, 0]]).item(); // 0.693147
 * ```
 */
export class KLDivLoss extends ReducedLoss implements Loss {
  readonly output = 'raw';
  readonly logTarget: boolean;
  private readonly perRow: boolean;

  constructor(options: KLDivLossOptions = {}) {
    checkOptions('KLDivLoss', options, ['reduction', 'logTarget?']);
    const { reduction, ...rest } = options;
    if (reduction !== undefined && !REDUCTIONS.includes(reduction)) {
      throw new RangeError(
        `KLDivLoss: expected reduction '${REDUCTIONS.join("', '")}', got ${shown(reduction)}`,
      );
    }
    super('KLDivLoss', { ...rest, reduction: reduction === 'batchmean' ? 'mean' : reduction }, ['logTarget']);
    this.perRow = reduction === 'batchmean';
    this.logTarget = options.logTarget ?? false;
  }

  forward(prediction: Tensor | TensorLike, target: Tensor | TensorLike, options: LossCall = {}): Tensor {
    const given = asTensor(prediction, this.name);
    const expected = asTensor(target, this.name);
    this.checkShape('target', given, expected);
    const [x, y] = this.kept(options, [given, expected]);
    const [weight, logs] = this.logTarget ? [y.exp(), y] : [y, y.clamp(SMALLEST).log()];
    const losses = call(weigh, [logs.sub(x), weight], undefined);
    const [rows = 1] = losses.shape;
    return this.reduce(this.perRow ? losses.reshape(rows, -1).sum(1) : losses, options);
  }
}
