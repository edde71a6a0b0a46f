import { inspectable } from '#inspect';
import { shown } from '../core/shown.js';
import { engine } from '../core/engine.js';
import { ANY, checkNumber } from '../core/checks.js';
import { checkOptions } from '../core/options.js';
import { Block, type Owner } from '../core/owner.js';
import { backward, clearGradient } from './backward.js';
import { formatShape, type Shape } from './layout.js';
import * as arrange from './operations/arrange.js';
import * as binary from './operations/binary.js';
import { matmul } from './operations/matmul.js';
import * as reduce from './operations/reduce.js';
import * as softmax from './operations/softmax.js';
import * as unary from './operations/unary.js';
import {
  nest,
  readNumbers,
  type NestedArray,
  type Numbers,
  type TensorData,
  type TensorLike,
  written,
} from './numbers.js';
import { record } from './record.js';
import { currentTape, isCapturing } from './scope.js';
import { HostSource } from './source.js';
import type { Call, Operation } from './tape.js';
import { APPLIED, Value, type Source } from './value.js';

export interface TensorOptions {
  /** Compute a gradient for this tensor in backward(). */
  requiresGrad?: boolean;
  /** The shape; typed arrays are one-dimensional without it. */
  shape?: Shape;
}

/** A float32 array of any shape that remembers how it was computed. Make one with {@link tensor}. */
export class Tensor extends Value {
  private gradientView: { generation: number; tensor: Tensor } | undefined = undefined;

  /** @internal */
  constructor(
    shape: Shape,
    owner: Owner | undefined,
    place: number | Source,
    requiresGrad: boolean,
    call?: Call,
    base?: Value,
  ) {
    super(shape, owner, place, requiresGrad, call, base);
  }

  /**
   * The gradient that backward() left on this leaf, or null. Setting it to null clears it.
   *
   * @throws Error where a replayed step applied it in place (see `keepGradients` of fit and capture); a gradient that
   * you kept throws when it is read after zeroGrad() cleared it
   */
  get grad(): Tensor | null {
    const { gradient } = this;
    if (this.gradientApplied) throw new Error(`grad: ${APPLIED}`);
    currentTape().ask(this);
    if (!gradient?.filled) return null;
    gradient.seen = true;
    const { generation } = gradient.block;
    if (this.gradientView?.generation !== generation) {
      const tensor = new Tensor(this.shape, gradient.block, gradient.block.pointer, false, undefined, this);
      this.gradientView = { generation, tensor };
    }
    return this.gradientView.tensor;
  }

  set grad(value: null) {
    if (value !== null) throw new TypeError('grad: only null can be assigned, to clear the gradient');
    clearGradient(this);
  }

  /** The numbers in row-major order, as a copy. */
  override get data(): Float32Array {
    if (!this.source || this.source.isSlot) refuseReading('data');
    return super.data;
  }

  /** The only element, as a number. Throws RangeError where there is not exactly one. */
  item(): number {
    if (this.size !== 1)
      throw new RangeError(`item: expected one element, got a tensor ${formatShape(this.shape)}`);
    refuseReading('item');
    return this.data[0];
  }

  /**
   * Lets a tensor of one element stand where a number does: `${loss}`, `loss < best`, `total += loss`.
   *
   * @throws RangeError where there is not exactly one
   */
  [Symbol.toPrimitive](hint: string): number | string {
    if (this.size !== 1) {
      throw new RangeError(
        `a tensor ${formatShape(this.shape)} is neither a number nor a text; take toArray(), or a method such as add()`,
      );
    }
    const value = this.item();
    return hint === 'string' ? String(value) : value;
  }

  /** The numbers as nested arrays (a number for a scalar), as a copy. */
  toArray(): NestedArray {
    refuseReading('toArray');
    return nest(this.data, this.shape);
  }

  /** For JSON.stringify(): shape and numbers, NaN and infinities as texts. Modules read it back: see loadStateDict(). */
  toJSON(): TensorData {
    return { shape: this.shape, data: Array.from(this.data, written) };
  }

  /** The same numbers as a constant of its own: no gradient flows back through it, and it never goes stale. */
  detach(): Tensor {
    if (isCapturing() && !this.source) return onTape(this);
    return new Tensor(this.shape, undefined, this.source ?? new HostSource(this.data), false);
  }

  /**
   * Computes the gradient of this tensor with respect to every leaf that requires one, and adds it to the leaf's
   * `grad`.
   *
   * @param gradient the gradient of this tensor; needed unless it is a single number
   * @throws Error where nothing requires a gradient or it was done before, RangeError where the shapes do not fit
   */
  backward(gradient?: Tensor | TensorLike): void {
    backward(this, gradient === undefined ? undefined : asTensor(gradient, 'backward'));
  }

  /** this + other, with broadcasting. */
  add(other: Tensor | TensorLike): Tensor {
    return apply(binary.add, this, other);
  }

  /** this − other, with broadcasting. */
  sub(other: Tensor | TensorLike): Tensor {
    return apply(binary.subtract, this, other);
  }

  /** this · other, elementwise, with broadcasting. */
  mul(other: Tensor | TensorLike): Tensor {
    return apply(binary.multiply, this, other);
  }

  /** this / other, with broadcasting. */
  div(other: Tensor | TensorLike): Tensor {
    return apply(binary.divide, this, other);
  }

  /** −this. */
  neg(): Tensor {
    return call(unary.negate, [this], {});
  }

  /** this to a power: a number, or a tensor with broadcasting. */
  pow(exponent: number | Tensor): Tensor {
    if (typeof exponent === 'number') {
      checkNumber('pow', 'exponent', exponent, ANY);
      return exponent === 2 ? this.square() : call(unary.power, [this], { first: exponent });
    }
    return apply(binary.tensorPower, this, exponent);
  }

  /** eˣ. */
  exp(): Tensor {
    return call(unary.exp, [this], {});
  }

  /** The natural logarithm; −∞ at 0, NaN below. */
  log(): Tensor {
    return call(unary.log, [this], {});
  }

  /** The square root; NaN below 0. */
  sqrt(): Tensor {
    return call(unary.sqrt, [this], {});
  }

  /** |x|; its gradient at 0 is 0. */
  abs(): Tensor {
    return call(unary.abs, [this], {});
  }

  /** x². */
  square(): Tensor {
    return call(unary.square, [this], {});
  }

  /** The larger of both, with broadcasting; equal ones get half of the gradient each. */
  maximum(other: Tensor | TensorLike): Tensor {
    return apply(binary.maximum, this, other);
  }

  /** The smaller of both, with broadcasting; equal ones get half of the gradient each. */
  minimum(other: Tensor | TensorLike): Tensor {
    return apply(binary.minimum, this, other);
  }

  /** Limited to [min, max]; the gradient passes where min ≤ x ≤ max. */
  clamp(min = -Infinity, max = Infinity): Tensor {
    checkNumber('clamp', 'min', min, ANY);
    checkNumber('clamp', 'max', max, ANY);
    return call(unary.clamp, [this], { first: min, second: max });
  }

  /** The matrix product, as in NumPy: vectors, matrices, stacks of matrices. */
  matmul(other: Tensor | TensorLike): Tensor {
    return apply(matmul, this, other);
  }

  /** Two dimensions exchanged, the last two by default. */
  transpose(first = -2, second = -1): Tensor {
    return call(arrange.transpose, [this], { first, second });
  }

  /** The same elements in another shape; one length may be −1, for whatever is left. */
  reshape(...shape: number[] | [Shape]): Tensor {
    const wanted = Array.isArray(shape[0]) ? (shape[0] as Shape) : (shape as number[]);
    // A view of a constant is that constant under another shape.
    if (this.source) return new Tensor(arrange.reshape.shape([this], wanted), undefined, this.source, false);
    return call(arrange.reshape, [this], wanted);
  }

  /** A range along one dimension: from `start` up to, not including, `end`; negative ones count from the end. */
  slice(dim: number, start: number, end?: number): Tensor {
    return call(arrange.slice, [this], { dim, start, end });
  }

  /** The sum over all elements or over the given dimensions. */
  sum(dims?: number | readonly number[], keepDim = false): Tensor {
    return call(reduce.sum, [this], { dims, keepDim });
  }

  /** The mean over all elements or over the given dimensions; of nothing: NaN. */
  mean(dims?: number | readonly number[], keepDim = false): Tensor {
    return call(reduce.mean, [this], { dims, keepDim });
  }

  /** The maximum over all elements or over the given dimensions; equal ones share the gradient equally. */
  max(dims?: number | readonly number[], keepDim = false): Tensor {
    return call(reduce.max, [this], { dims, keepDim });
  }

  /** max(x, 0). */
  relu(): Tensor {
    return call(unary.relu, [this], {});
  }

  /** x above 0, slope · x below. */
  leakyRelu(slope = 0.01): Tensor {
    checkNumber('leakyRelu', 'slope', slope, ANY);
    return call(unary.leakyRelu, [this], { first: slope });
  }

  /** x above 0, alpha · (eˣ − 1) below. */
  elu(alpha = 1): Tensor {
    checkNumber('elu', 'alpha', alpha, ANY);
    return call(unary.elu, [this], { first: alpha });
  }

  /** 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return call(unary.sigmoid, [this], {});
  }

  /** The hyperbolic tangent. */
  tanh(): Tensor {
    return call(unary.tanh, [this], {});
  }

  /** x · Φ(x), with the exact normal distribution. */
  gelu(): Tensor {
    return call(unary.gelu, [this], {});
  }

  /** x · sigmoid(x). */
  silu(): Tensor {
    return call(unary.silu, [this], {});
  }

  /** log(1 + exp(beta · x)) / beta, computed stably; x itself where beta · x is above the threshold. */
  softplus(beta = 1, threshold = 20): Tensor {
    checkSoftplus('softplus', beta, threshold);
    return call(unary.softplus, [this], { first: beta, second: threshold });
  }

  /** x · tanh(softplus(x)). */
  mish(): Tensor {
    return call(unary.mish, [this], {});
  }

  /** Limited to [min, max]; the gradient passes where min < x < max. */
  hardtanh(min = -1, max = 1): Tensor {
    checkBounds('hardtanh', min, max);
    return call(unary.hardtanh, [this], { first: min, second: max });
  }

  /** exp(xᵢ) / Σ exp(xⱼ) along a dimension, computed with the maximum subtracted. */
  softmax(dim = -1): Tensor {
    return call(softmax.softmax, [this], dim);
  }

  /** log(softmax) along a dimension, computed stably. */
  logSoftmax(dim = -1): Tensor {
    return call(softmax.logSoftmax, [this], dim);
  }
}

inspectable(Tensor);

/** Refuses what softplus cannot be computed with. */
export function checkSoftplus(name: string, beta: number, threshold: number): void {
  checkNumber(name, 'beta', beta, { above: 0 });
  checkNumber(name, 'threshold', threshold, ANY);
}

/** Refuses bounds that leave nothing between them. */
export function checkBounds(name: string, min: number, max: number): void {
  checkNumber(name, 'min', min, ANY);
  checkNumber(name, 'max', max, { above: min, most: Infinity });
}

/** The same memory, through which no gradient flows. */
export function withoutGradient(value: Tensor): Tensor {
  if (value.source) return value;
  return new Tensor(value.shape, value.home, value.pointer(), false, undefined, value);
}

/**
 * The numbers of a tensor as they are now, in a captured function: on its tape, where a replay computes them again. Those of a
 * leaf or a gradient are copied there, since they may be overwritten.
 */
function onTape(value: Tensor): Tensor {
  const tape = currentTape();
  if (tape.contains(value.pointer())) return withoutGradient(value);
  const { size } = value;
  const pointer = tape.perform('detach', () => {
    const to = tape.floats(size);
    tape.copy(tape.address(value, 'detach'), to, size, 0);
    return to;
  });
  return new Tensor(value.shape, tape, pointer, false);
}

/** Records an operation and wraps its result. */
export function call<Options>(
  operation: Operation<Options>,
  inputs: readonly Tensor[],
  options: Options,
): Tensor {
  const { shape, tape, pointer, requiresGrad, call: made } = record(operation, inputs, options);
  const base = operation.isView ? inputs[0] : undefined;
  return new Tensor(shape, tape, pointer, requiresGrad, made, base);
}

function apply(operation: Operation, a: Tensor, b: Tensor | TensorLike): Tensor {
  return call(operation, [a, asTensor(b, operation.name)], undefined);
}

/** The tensor itself, or numbers made into a constant; `name` is what errors call the operation by. */
export function asTensor(value: Tensor | TensorLike, name = 'tensor'): Tensor {
  return value instanceof Tensor ? value : constant(readNumbers(name, value));
}

/** A tensor of numbers that never change, and need no memory of their own. */
function constant({ values, shape }: Numbers): Tensor {
  return new Tensor(shape, undefined, new HostSource(values), false);
}

function refuseReading(name: string): void {
  if (isCapturing()) {
    throw new Error(
      `${name}: a value cannot be read while its function is captured, a replay would not see the result; ` +
        'return the tensor and read it afterwards',
    );
  }
}

/**
 * Makes a tensor of numbers, nested arrays or a typed array; the numbers are copied and rounded to float32.
 *
 * @throws TypeError on anything but numbers, RangeError on ragged arrays, a wrong length or an unknown option
 * @example
 * ```ts
 * import { tensor } from 'wasmgrad';
 * const x = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * x.square().sum().backward();
 * x.grad!.toArray(); // [[2, 4], [6, 8]]
 * ```
 */
export function tensor(data: TensorLike, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options, ['requiresGrad?', 'shape']);
  const { requiresGrad, shape } = options;
  const numbers = readNumbers('tensor', data, shape);
  return requiresGrad ? leaf(numbers.values, numbers.shape) : constant(numbers);
}

/** A tensor with memory of its own, that a gradient can be computed for and an optimizer can update. */
export function leaf(values: Float32Array, shape: Shape): Tensor {
  const block = new Block(values.length * 4);
  engine().f32.set(values, block.pointer / 4);
  const tape = currentTape();
  if (tape.keepsProgram) tape.perform('tensor', () => tape.renew(block, values.length));
  return new Tensor(shape, block, block.pointer, true);
}

/**
 * Joins tensors along a dimension in which alone they may differ.
 *
 * @throws TypeError on anything but an array of tensors or numbers, RangeError if the other dimensions differ
 * @example
 * ```ts
 * import { concat, tensor } from 'wasmgrad';
 * concat([tensor([[1], [2]]), tensor([[3], [4]])], 1).toArray(); // [[1, 3], [2, 4]]
 * ```
 */
export function concat(tensors: readonly (Tensor | TensorLike)[], dim = 0): Tensor {
  if (!Array.isArray(tensors))
    throw new TypeError(`concat: expected an array of tensors, got ${shown(tensors)}`);
  const inputs = (tensors as readonly (Tensor | TensorLike)[]).map((one) => asTensor(one, 'concat'));
  return call(arrange.concat, inputs, dim);
}
