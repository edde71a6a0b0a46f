import { formatShape, sameShape, type Shape } from '../tensor/layout.js';
import { noGrad } from '../tensor/noGrad.js';
import { leaf, Tensor, tensor } from '../tensor/tensor.js';
import { overwrite } from '../tensor/writes.js';
import { readNumbers, type NestedArray, type TensorLike } from '../tensor/numbers.js';

/** A tensor that belongs to a module: found by name, moved by an optimizer, saved in the state. */
export class Parameter extends Tensor {
  /**
   * @param data initial numbers
   * @param shape their shape, needed for typed arrays of more than one dimension
   */
  constructor(data: TensorLike, shape?: Shape) {
    const numbers = readNumbers('Parameter', data, shape);
    const made = leaf(numbers.values, numbers.shape);
    super(numbers.shape, made.home, made.pointer(), true);
  }
}

/**
 * State of a module that no optimizer moves, such as running statistics: found by name and saved in the state beside the
 * parameters. Keep one in a field of a module.
 */
export class Buffer extends Tensor {
  /**
   * @param data initial numbers
   * @param shape their shape, needed for typed arrays of more than one dimension
   */
  constructor(data: TensorLike, shape?: Shape) {
    const numbers = readNumbers('Buffer', data, shape);
    const made = leaf(numbers.values, numbers.shape);
    super(numbers.shape, made.home, made.pointer(), false);
  }
}

/** What {@link Module.predict} makes of the last layer's output. */
export type OutputKind = 'raw' | 'softmax' | 'sigmoid';

/** Parameters and buffers by name, as {@link Module.stateDict} gives and {@link Module.loadStateDict} takes them. */
export type StateDict = Record<string, Tensor>;

/**
 * Base of all layers and models. Extend it, keep parameters and other modules in fields (or arrays of them), and write
 * `forward`.
 *
 * @example
 * ```ts
 * import { nn, tensor, type Tensor } from 'wasmgrad';
 * class Doubled extends nn.Module {
 *   inner = new nn.Linear(2, 3);
 *   override forward(x: Tensor): Tensor {
 *     return this.inner.forward(x).mul(2);
 *   }
 * }
 * const model = new Doubled();
 * model.namedParameters().map(([name]) => name); // ["inner.weight", "inner.bias"]
 * model.forward(tensor([[1, 2]])).shape; // [1, 3]
 * ```
 */
export abstract class Module {
  /** Set by train() and eval(); Dropout reads it. */
  training = true;
  /**
   * What predict() gives: the output as it is, or the probabilities that the loss takes it to mean. fit() sets it from
   * the loss (CrossEntropyLoss: softmax); set it yourself after a training loop of your own.
   */
  output: OutputKind = 'raw';

  abstract forward(input: Tensor): Tensor;

  /** Modules directly inside this one, by name. */
  namedChildren(): [string, Module][] {
    return this.members((value): value is Module => value instanceof Module);
  }

  /** This module and all inside it. */
  modules(): Module[] {
    const all: Module[] = [this];
    for (const [, child] of this.namedChildren()) all.push(...child.modules());
    return all;
  }

  /** Every parameter with its path, such as `0.weight`; one that is used twice is listed once. */
  namedParameters(): [string, Parameter][] {
    return this.collect((value) => value instanceof Parameter);
  }

  /** Every buffer with its path, such as `1.runningMean`; one that is used twice is listed once. */
  namedBuffers(): [string, Buffer][] {
    return this.collect((value) => value instanceof Buffer);
  }

  /** Every parameter, in the order of {@link namedParameters}. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Switches this module and all inside it to training, or to evaluation with `train(false)`. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Switches to evaluation: the same as `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of every parameter and buffer, by name. */
  stateDict(): StateDict {
    return Object.fromEntries(this.state().map(([name, tensor]) => [name, tensor.detach()]));
  }

  /**
   * Overwrites every parameter and buffer.
   *
   * @param state tensors, nested arrays or typed arrays by name, one for each parameter and buffer
   * @throws RangeError where a name is missing, unknown, or has another shape; then nothing is changed
   */
  loadStateDict(state: Record<string, Tensor | TensorLike>): void {
    const own = new Map(this.state());
    const unknown = Object.keys(state).filter((name) => !own.has(name));
    const missing = [...own.keys()].filter((name) => !(name in state));
    if (unknown.length > 0 || missing.length > 0) {
      const parts = [
        missing.length > 0 ? `missing ${missing.join(', ')}` : '',
        unknown.length > 0 ? `unknown ${unknown.join(', ')}` : '',
      ];
      throw new RangeError(`loadStateDict: ${parts.filter(Boolean).join('; ')}`);
    }
    const writes = [...own].map(([name, tensor]) => {
      const given = state[name];
      const { values, shape } =
        given instanceof Tensor
          ? { values: given.data, shape: given.shape }
          : readNumbers('loadStateDict', given, ArrayBuffer.isView(given) ? tensor.shape : undefined);
      if (!sameShape(shape, tensor.shape)) {
        throw new RangeError(
          `loadStateDict: expected ${name} ${formatShape(tensor.shape)}, got ${formatShape(shape)}`,
        );
      }
      return { tensor, values };
    });
    for (const { tensor, values } of writes) overwrite('loadStateDict', tensor, values);
  }

  /**
   * The output for `rows` in evaluation mode, as plain numbers: nested arrays give nested arrays, typed arrays a
   * Float32Array of [rows, outputs] in row-major order. One row alone gives one row.
   *
   * @throws RangeError where the rows do not fit the model
   */
  predict(rows: Float32Array): Float32Array;
  predict(rows: NestedArray | Tensor): NestedArray;
  predict(rows: Float32Array | NestedArray | Tensor): Float32Array | NestedArray {
    const modules = this.modules();
    const { input, single } = inputOf(rows, modules);
    const trained = modules.filter((module) => module.training);
    for (const module of trained) module.training = false;
    try {
      const result = noGrad(() => {
        const raw = this.forward(input);
        if (this.output === 'softmax') return raw.softmax(-1);
        return this.output === 'sigmoid' ? raw.sigmoid() : raw;
      });
      if (ArrayBuffer.isView(rows)) return result.data;
      return single ? result.reshape(result.shape.slice(1)).toArray() : result.toArray();
    } finally {
      for (const module of trained) module.training = true;
    }
  }

  /** Gives the memory of every parameter and buffer back at once. */
  [Symbol.dispose](): void {
    for (const [, tensor] of this.state()) tensor[Symbol.dispose]();
  }

  /** Width of a row that this module takes, where it has one. */
  readonly inFeatures?: number;

  private state(): [string, Parameter | Buffer][] {
    return this.collect((value) => value instanceof Parameter || value instanceof Buffer);
  }

  /** What is wanted in this module and all inside it, each once, under the first of its paths. */
  private collect<T>(wanted: (value: unknown) => value is T): [string, T][] {
    const seen = new Set<T>();
    const found = (module: Module, prefix: string): [string, T][] => [
      ...module.members(wanted).map(([name, value]): [string, T] => [prefix + name, value]),
      ...module.namedChildren().flatMap(([name, child]) => found(child, `${prefix}${name}.`)),
    ];
    return found(this, '').filter(([, value]) => !seen.has(value) && seen.add(value));
  }

  private members<T>(wanted: (value: unknown) => value is T): [string, T][] {
    const found: [string, T][] = [];
    for (const key of Object.keys(this)) {
      const value: unknown = this[key as keyof this];
      if (wanted(value)) found.push([key, value]);
      else if (Array.isArray(value)) {
        value.forEach((item: unknown, i) => {
          if (wanted(item)) found.push([`${key}.${i}`, item]);
        });
      }
    }
    return found;
  }
}

/** Rows as the forward pass wants them: one row alone becomes a batch of one. */
function inputOf(
  rows: Float32Array | NestedArray | Tensor,
  modules: readonly Module[],
): { input: Tensor; single: boolean } {
  if (rows instanceof Tensor) return { input: rows, single: false };
  if (ArrayBuffer.isView(rows)) {
    const width = modules.find((module) => module.inFeatures !== undefined)?.inFeatures;
    if (width === undefined) return { input: tensor(rows), single: false };
    if (rows.length % width !== 0) {
      throw new RangeError(`predict: expected rows of ${width} numbers, got ${rows.length} numbers in all`);
    }
    return { input: tensor(rows, { shape: [rows.length / width, width] }), single: false };
  }
  const input = tensor(rows);
  const single = input.shape.length === 1;
  return { input: single ? input.reshape(1, input.size) : input, single };
}
