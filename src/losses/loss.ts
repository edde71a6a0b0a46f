import { powerOfTwo } from '../core/elementary.js';
import { shown } from '../core/shown.js';
import { formatShape, sameShape } from '../tensor/layout.js';
import { checkOptions } from '../core/options.js';
import { keep, weigh } from '../tensor/operations/binary.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { sharesOf } from './shares.js';

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
   * where a function or a subclass returns what one of them gave, and others count the rows of the inputs.
   */
  weightOf?(prediction: Tensor, target: Tensor): LossWeight;
}

/** See {@link Loss.weightOf}. */
export type LossWeight = Tensor | number;

/** What a loss counts among those of several batches. */
export interface Counted {
  /** See {@link Loss.weightOf}. */
  readonly weight: LossWeight;
  /** What the weight and the sum are multiplied by. */
  readonly unit?: Tensor;
  /** weight · loss, where that cannot be told from the two: something may be left where the weight is 0. */
  readonly sum?: Tensor;
}

/** What the mean or sum `value` counts. */
export interface Note extends Counted {
  readonly value: Tensor;
}

/** Where losses note what they count, while somebody listens. */
export const listening: { notes: Note[] | undefined } = { notes: undefined };

/** Notes what a loss counts. */
export function weighs(value: Tensor, weight: LossWeight, unit?: Tensor, sum?: Tensor): Tensor {
  listening.notes?.push({ value, weight, unit, sum });
  return value;
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
   * infinite or NaN (PyTorch: NaN), unless the weights need a gradient.
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
   * neither. To be computed with in their place. Weights that need a gradient leave no row out: theirs is its loss.
   *
   * @param mass [batch], what each row counts besides the weights of the call
   */
  protected kept(options: LossCall, tensors: readonly Tensor[], mass?: Tensor): Tensor[] {
    const own = this.weightsOf(options, tensors[0].shape[0] ?? 1);
    return tensors.map((x) =>
      [mass, own?.requiresGrad ? undefined : own].reduce<Tensor>(
        (y, by) => (by ? call(keep, [y, perRow(by, y)], undefined) : y),
        x,
      ),
    );
  }

  /**
   * @param losses [batch, …]
   * @param mass [batch], what each row counts in the mean, if not 1, times scaleOf(); the losses are multiplied by it already
   * @param remains whether something may be left of losses where the mass is 0
   */
  protected reduce(losses: Tensor, options: LossCall, mass?: Tensor, remains?: boolean): Tensor {
    const { size } = losses;
    const rows = losses.shape[0] ?? 1;
    const given = this.weightsOf(options, rows);
    const isMean = this.reduction === 'mean';
    const scale = this.scaleOf(size);
    const [own, unit] = given && isMean ? sharesOf(given, mass ? 1 : scale) : [given];
    const weighted = own ? call(weigh, [losses, perRow(own, losses)], undefined) : losses;
    if (this.reduction === 'none') return weighted;
    if (!isMean) return weighs(weighted.sum(), Infinity);
    const counted = own && mass ? own.mul(mass) : (own ?? mass);
    if (!counted) return weighs(weighted.mean(), size);
    const total = counted.sum();
    const sum = weighted.sum();
    // Where nothing counts the mean is 0 / 0, but its gradients are 0.
    const divisor = call(keep, [total, total], undefined).mul(size / rows);
    const mean = call(keep, [sum, divisor], undefined).div(divisor);
    return weighs(mean, total.mul(1 / scale), unit, remains ? sum.mul(1 / scale) : undefined);
  }

  /** What so many losses are multiplied by, so that their sum is finite where the mean is: a power of two, which keeps the bits. */
  protected scaleOf(size: number): number {
    return this.reduction === 'mean' ? 0.5 / powerOfTwo(size) : 1;
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
