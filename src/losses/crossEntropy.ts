import { powerOfTwo } from '../core/elementary.js';
import { checkNumber } from '../core/checks.js';
import { formatShape } from '../tensor/layout.js';
import { weigh } from '../tensor/operations/binary.js';
import { pick } from '../tensor/operations/pick.js';
import { crossEntropy, crossEntropyRows } from '../tensor/operations/softmax.js';
import { asTensor, call, tensor, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { ReducedLoss, weighs, type Loss, type LossCall, type LossOptions } from './loss.js';

export interface NLLLossOptions extends LossOptions {
  /** A weight for each class, [classes]; the mean is then the weighted one. */
  weight?: Tensor | TensorLike;
  /** A label whose rows count for nothing, in the mean neither; none by default (PyTorch: −100). */
  ignoreIndex?: number;
}

export interface CrossEntropyLossOptions extends NLLLossOptions {
  /** Share of the target that is spread over all classes, in [0, 1]; 0 by default. */
  labelSmoothing?: number;
}

/** What losses of class indices share: class weights and the index that is ignored. */
abstract class LabelLoss extends ReducedLoss {
  protected readonly weight: Tensor | undefined;
  /** The same in a unit of its own, a power of two, where a mean divides by them: so no product overflows that need not. */
  protected readonly shares: Tensor | undefined;
  readonly ignoreIndex: number | undefined;
  private readonly pick;

  protected constructor(name: string, options: NLLLossOptions, known: readonly string[] = []) {
    super(name, options, ['weight', 'ignoreIndex', ...known]);
    const { weight, ignoreIndex } = options;
    this.shares = this.weight = weight === undefined ? undefined : asTensor(weight, name).detach();
    const numbers = this.reduction === 'mean' && this.weight?.source?.read();
    if (numbers) {
      const most = numbers.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
      const unit = powerOfTwo(most);
      this.shares = tensor(
        numbers.map((value) => value / unit),
        { shape: this.weight!.shape },
      );
    }
    if (ignoreIndex !== undefined) checkNumber(name, 'ignoreIndex', ignoreIndex, { whole: true });
    this.ignoreIndex = ignoreIndex;
    this.pick = pick(name);
  }

  /** values[row, label], or values[label]; 0 where the label is ignored. */
  protected at(labels: Tensor, values: Tensor): Tensor {
    return call(this.pick, [values, labels], { ignoreIndex: this.ignoreIndex });
  }

  protected checkClasses(classes: number): void {
    const { weight } = this;
    if (weight && (weight.shape.length !== 1 || weight.size !== classes)) {
      throw new RangeError(
        `${this.name}: expected weight [${classes}], one for each class, got ${formatShape(weight.shape)}`,
      );
    }
  }

  /** What each row counts, [batch], times scaleOf(): the weight of its class, 0 if it is ignored; undefined where all count 1. */
  protected massOf(labels: Tensor, classes: number): Tensor | undefined {
    if (!this.shares && this.ignoreIndex === undefined) return undefined;
    return this.at(labels, (this.shares ?? onesOf(classes)).mul(this.scaleOf(labels.size)));
  }
}

const onesOf = (classes: number): Tensor => tensor(new Float32Array(classes).fill(1));

/**
 * The cross-entropy of logits, −Σ target · log(softmax(logits)) for each row, computed stably. logits [batch, classes];
 * targets are class indices [batch] or probabilities [batch, classes].
 *
 * With `weight` the loss of a row is multiplied by the weight of its class, and the mean divides by the sum of those
 * weights (for probabilities, as in PyTorch, the terms are weighted and the mean divides by the number of rows). With
 * `labelSmoothing` ε the target is (1 − ε) · target + ε / classes. A row that is ignored, or (without smoothing) whose
 * class has weight 0, adds exactly nothing, whatever its logits are (PyTorch: NaN where they are not finite).
 *
 * @throws RangeError where the shapes do not fit or a class index is not an integer in [0, classes)
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const logits = tensor([[0, 0], [2, 0]]);
 * new nn.CrossEntropyLoss().forward(logits.slice(0, 0, 1), tensor([1])).item(); // 0.693147
 * const rows = new nn.CrossEntropyLoss({ reduction: 'none', ignoreIndex: -1 });
 * rows.forward(logits, tensor([1, -1])).toArray(); // [0.693147, 0]
 * ```
 */
export class CrossEntropyLoss extends LabelLoss implements Loss {
  readonly output = 'softmax';
  readonly labelSmoothing: number;

  constructor(options: CrossEntropyLossOptions = {}) {
    super('CrossEntropyLoss', options, ['labelSmoothing']);
    const { labelSmoothing = 0 } = options;
    checkNumber('CrossEntropyLoss', 'labelSmoothing', labelSmoothing, { least: 0, most: 1 });
    this.labelSmoothing = labelSmoothing;
  }

  forward(outputs: Tensor | TensorLike, targets: Tensor | TensorLike, options: LossCall = {}): Tensor {
    const { weight, shares, labelSmoothing, ignoreIndex } = this;
    const logits = asTensor(outputs, this.name);
    const expected = asTensor(targets, this.name);
    const isPlain = !weight && labelSmoothing === 0 && ignoreIndex === undefined;
    if (this.isPlainMean(options) && isPlain) {
      return weighs(call(crossEntropy, [logits, expected], undefined), logits.shape[0]);
    }
    crossEntropyRows.shape([logits, expected]);
    const classes = logits.shape[1];
    this.checkClasses(classes);
    const share = labelSmoothing / classes;
    if (expected.shape.length === 2) {
      if (ignoreIndex !== undefined) {
        throw new TypeError('CrossEntropyLoss: ignoreIndex is for class indices, got probabilities');
      }
      const smooth = labelSmoothing > 0 ? expected.mul(1 - labelSmoothing).add(share) : expected;
      const rows = this.kept(options, [logits, weight ? smooth.mul(weight) : smooth]);
      return this.reduce(call(crossEntropyRows, rows, undefined), options);
    }
    const mass = this.massOf(expected, classes);
    // With smoothing a row has its share of the other classes, also where its own has weight 0.
    const counts = mass && labelSmoothing > 0 ? this.at(expected, onesOf(classes)) : mass;
    const [x, labels] = this.kept(options, [logits, expected], counts);
    const rows = call(crossEntropyRows, [x, labels], undefined);
    const losses = mass ? call(weigh, [rows, mass], undefined) : rows;
    if (labelSmoothing === 0) return this.reduce(losses, options, mass);
    const logs = x.logSoftmax(1);
    let spread = (shares ? call(weigh, [logs, shares], undefined) : logs).sum(1).mul(-share);
    if (counts) spread = spread.mul(counts.mul(this.scaleOf(counts.size)));
    return this.reduce(losses.mul(1 - labelSmoothing).add(spread), options, mass, weight !== undefined);
  }
}

/**
 * The negative log-likelihood −logProbabilities[row, label], as {@link LogSoftmax} gives them; with it the same as
 * {@link CrossEntropyLoss}. logProbabilities [batch, classes]; labels [batch].
 *
 * @throws RangeError where the shapes do not fit or a label is not an integer in [0, classes)
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.NLLLoss().forward(tensor([[-1, -2], [-3, -4]]), [0, 1]).item(); // 2.5
 * ```
 */
export class NLLLoss extends LabelLoss implements Loss {
  readonly output = 'raw';

  constructor(options: NLLLossOptions = {}) {
    super('NLLLoss', options);
  }

  forward(outputs: Tensor | TensorLike, labels: Tensor | TensorLike, options: LossCall = {}): Tensor {
    const logProbabilities = asTensor(outputs, this.name);
    const { shape } = logProbabilities;
    if (shape.length !== 2) {
      throw new RangeError(`NLLLoss: expected logProbabilities [batch, classes], got ${formatShape(shape)}`);
    }
    this.checkClasses(shape[1]);
    const expected = asTensor(labels, this.name);
    const mass = this.massOf(expected, shape[1]);
    const [logs] = this.kept(options, [logProbabilities], mass);
    const losses = this.at(expected, logs).neg();
    return this.reduce(mass ? losses.mul(mass) : losses, options, mass);
  }
}
