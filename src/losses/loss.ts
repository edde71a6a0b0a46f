import { shown } from '../core/shown.js';
import { formatShape, sameShape } from '../tensor/layout.js';
import { checkOptions } from '../core/options.js';
import { keep } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';

/** A function of predictions and targets to be made small. */
export interface Loss {
  /** What the model's outputs mean to this loss; predict() turns them into it. */
  readonly output?: 'raw' | 'softmax' | 'sigmoid';
  /** A label whose rows do not count: metrics leave them out, too. */
  readonly ignoreIndex?: number | undefined;
  /** The loss as a tensor of one element. */
  forward(prediction: Tensor, target: Tensor): Tensor;
  /**
   * What forward() divides the sum of its losses by, a number or a tensor of one element: several batches count as much as
   * one batch of all their rows, Σ weight · loss / Σ weight. A batch of weight 0 counts nothing. Infinity stands for a loss
   * that is a sum: those of several batches are added. Without this method the losses of this library know it, also
   * where a function returns what one of them gave, and others count the rows of the inputs.
   */
  weightOf?(prediction: Tensor, target: Tensor): LossWeight;
}

/** See {@link Loss.weightOf}. */
export type LossWeight = Tensor | number;

const weights = new WeakMap<Tensor, LossWeight>();

/** Notes the weight of a loss. */
export function weighs(loss: Tensor, weight: LossWeight): Tensor {
  weights.set(loss, weight);
  return loss;
}

/**
 * The weight of a batch: see {@link Loss.weightOf}.
 *
 * @param value what loss.forward(prediction, target) gave
 * @param rows of the inputs
 */
export function weightOf(
  loss: Loss,
  value: Tensor,
  prediction: Tensor,
  target: Tensor,
  rows: number,
): LossWeight {
  return loss.weightOf?.(prediction, target) ?? weights.get(value) ?? rows;
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
   * weight · loss divided by the sum of the weights. A row of weight 0 adds exactly nothing, also where its loss is
   * infinite or NaN (PyTorch: NaN).
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
    checkOptions(name, options, [...known, 'reduction']);
    const { reduction = 'mean' } = options;
    if (reduction !== 'mean' && reduction !== 'sum' && reduction !== 'none') {
      throw new RangeError(`${name}: expected reduction 'mean', 'sum' or 'none', got ${shown(reduction)}`);
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

  /** Whether nothing is wanted but the mean of all elements. */
  protected isPlainMean(options: LossCall): boolean {
    checkOptions(this.name, options, ['weights']);
    return this.reduction === 'mean' && options.weights === undefined;
  }

  /**
   * These tensors with zeros in the rows that count 0, so that such a row adds nothing whatever it holds, to gradients
   * neither. To be computed with in their place.
   *
   * @param mass [batch], what each row counts besides the weights of the call
   */
  protected kept(options: LossCall, tensors: readonly Tensor[], mass?: Tensor): Tensor[] {
    const rows = tensors[0].shape[0] ?? 1;
    return tensors.map((x) =>
      [mass, this.weightsOf(options, rows)].reduce<Tensor>(
        (y, by) => (by ? call(keep, [y, perRow(by, y)], undefined) : y),
        x,
      ),
    );
  }

  /**
   * @param losses [batch, …]
   * @param mass [batch], what each row counts in the mean, if not 1; the losses are multiplied by it already
   */
  protected reduce(losses: Tensor, options: LossCall, mass?: Tensor): Tensor {
    const rows = losses.shape[0] ?? 1;
    const own = this.weightsOf(options, rows);
    const weighted = own ? losses.mul(perRow(own, losses)) : losses;
    if (this.reduction === 'none') return weighted;
    if (this.reduction === 'sum') return weighs(weighted.sum(), Infinity);
    const counted = own && mass ? own.mul(mass) : (own ?? mass);
    if (!counted) return weighs(weighted.mean(), losses.size);
    const divisor = counted.sum().mul(losses.size / rows);
    // Where nothing counts the mean is 0 / 0, but its gradient is 0.
    return weighs(call(keep, [weighted.sum(), divisor], undefined).div(divisor), divisor);
  }

  /** The weights of a call. */
  private weightsOf(options: LossCall, rows: number): Tensor | undefined {
    checkOptions(this.name, options, ['weights']);
    if (options.weights === undefined) return undefined;
    const own = asTensor(options.weights, this.name);
    if (own.shape.length !== 1 || own.size !== rows) {
      throw new RangeError(
        `${this.name}: expected weights [${rows}], one for each row, got ${formatShape(own.shape)}`,
      );
    }
    return own;
  }
}

/** [batch], to be broadcast over the rows of x [batch, …]. */
function perRow(values: Tensor, x: Tensor): Tensor {
  return values.reshape(values.size, ...x.shape.slice(1).map(() => 1));
}

/** A loss of each element of prediction and target, which have one shape. */
export abstract class ElementLoss extends ReducedLoss implements Loss {
  readonly output: 'raw' | 'sigmoid' = 'raw';

  /**
   * @param prediction [batch, …]
   * @param target the same shape
   * @throws RangeError where the shapes differ, or the weights are not [batch]
   */
  forward(prediction: Tensor | TensorLike, target: Tensor | TensorLike, options: LossCall = {}): Tensor {
    const given = asTensor(prediction, this.name);
    const expected = asTensor(target, this.name);
    this.checkShape('target', given, expected);
    const [x, y] = this.kept(options, [given, expected]);
    return this.reduce(this.elements(x, y), options);
  }

  /** The loss of each element. */
  protected abstract elements(prediction: Tensor, target: Tensor): Tensor;
}
