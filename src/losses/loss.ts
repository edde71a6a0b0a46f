import { formatShape, sameShape } from '../tensor/layout.js';
import { asTensor, checkOptions, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';

/** A function of predictions and targets to be made small. */
export interface Loss {
  /** What the model's outputs mean to this loss; predict() turns them into it. */
  readonly output?: 'raw' | 'softmax' | 'sigmoid';
  /** The loss as a tensor of one element. */
  forward(prediction: Tensor, target: Tensor): Tensor;
}

/** A loss of your own, made of operations on tensors: fit() takes one as it is. */
export type LossFunction = (prediction: Tensor, target: Tensor) => Tensor;

/** The loss, or a function of tensors made into one. */
export function toLoss(loss: Loss | LossFunction): Loss {
  return typeof loss === 'function' ? { forward: loss } : loss;
}

/** What becomes of the losses of a batch: their mean, their sum, or nothing. */
export type LossReduction = 'mean' | 'sum' | 'none';

export interface LossOptions {
  /** `'mean'` by default. */
  reduction?: LossReduction;
}

/** The last argument of every loss. */
export interface LossCall {
  /**
   * A weight for each row, [batch]: its losses are multiplied by it. The mean is then the weighted one, the sum of
   * weight · loss divided by the sum of the weights.
   */
  weights?: Tensor | TensorLike;
}

/** Base of the losses: what reductions and weights mean is the same for all of them. */
export abstract class ReducedLoss {
  readonly reduction: LossReduction;

  /**
   * @param name as users call the loss; errors begin with it
   * @param known names of its options besides `reduction`
   */
  protected constructor(
    protected readonly name: string,
    options: LossOptions,
    known: readonly string[] = [],
  ) {
    checkOptions(name, options, ['reduction', ...known]);
    const { reduction = 'mean' } = options;
    if (reduction !== 'mean' && reduction !== 'sum' && reduction !== 'none') {
      throw new RangeError(`${name}: expected reduction 'mean', 'sum' or 'none', got ${String(reduction)}`);
    }
    this.reduction = reduction;
  }

  /** Refuses tensors of different shapes. */
  protected checkShape(what: string, expected: Tensor, got: Tensor): void {
    if (!sameShape(expected.shape, got.shape)) {
      throw new RangeError(
        `${this.name}: expected ${what} ${formatShape(expected.shape)}, got ${formatShape(got.shape)}`,
      );
    }
  }

  /** Refuses an option that is no finite number of at least `least`. */
  protected checkOption(name: string, value: number, least: number): void {
    if (typeof value !== 'number' || !(value >= least) || value === Infinity) {
      throw new RangeError(
        `${this.name}: expected ${name} to be a finite number of at least ${least}, got ${String(value)}`,
      );
    }
  }

  /**
   * @param losses [batch, …]
   * @param mass [batch], what each row counts in the mean, if not 1; the losses are multiplied by it already
   */
  protected reduce(losses: Tensor, options: LossCall, mass?: Tensor): Tensor {
    checkOptions(this.name, options, ['weights']);
    const weights = options.weights === undefined ? undefined : asTensor(options.weights);
    const rows = losses.shape[0] ?? 1;
    if (weights && (weights.shape.length !== 1 || weights.size !== rows)) {
      throw new RangeError(
        `${this.name}: expected weights [${rows}], one for each row, got ${formatShape(weights.shape)}`,
      );
    }
    const weighted = weights
      ? losses.mul(weights.reshape(rows, ...losses.shape.slice(1).map(() => 1)))
      : losses;
    if (this.reduction === 'none') return weighted;
    if (this.reduction === 'sum') return weighted.sum();
    const counted = weights && mass ? weights.mul(mass) : (weights ?? mass);
    if (!counted) return weighted.mean();
    return weighted.sum().div(counted.sum().mul(losses.size / rows));
  }
}

/** A loss of each element of prediction and target, which have one shape. */
export abstract class ElementLoss extends ReducedLoss implements Loss {
  readonly output: 'raw' | 'sigmoid' = 'raw';

  /**
   * @param prediction [batch, …]
   * @param target the same shape
   * @throws RangeError where the shapes differ, or the weights are not [batch]
   */
  forward(prediction: Tensor, target: Tensor | TensorLike, options: LossCall = {}): Tensor {
    const expected = asTensor(target);
    this.checkShape('target', prediction, expected);
    return this.reduce(this.elements(prediction, expected), options);
  }

  /** The loss of each element. */
  protected abstract elements(prediction: Tensor, target: Tensor): Tensor;
}
