import { checkOptions } from '../core/options.js';
import { noteChange } from '../core/owner.js';
import { shown } from '../core/shown.js';
import { formatShape, sameShape, sizeOf, type Shape } from '../tensor/layout.js';
import { noGrad } from '../tensor/noGrad.js';
import { currentTape, isCapturing } from '../tensor/scope.js';
import { asTensor, Tensor } from '../tensor/tensor.js';
import { overwrite } from '../tensor/writes.js';
import { savedNumbers, type NestedArray, type TensorData, type TensorLike } from '../tensor/numbers.js';
import { findInFields, type Found } from './fields.js';
import { Buffer, Parameter } from './parameter.js';
import { firstThatFits } from './row.js';

export { Buffer, Parameter };

const TRAINING = Symbol('training');

/** What {@link Module.predict} makes of the last layer's output. */
export type OutputKind = 'raw' | 'softmax' | 'sigmoid';

/** Parameters and buffers by name, as {@link Module.stateDict} gives and {@link Module.loadStateDict} takes them. */
export type StateDict = Record<string, Tensor>;

/** A tensor as {@link Module.loadStateDict} takes it: itself, its numbers, or what JSON.parse() makes of one. */
export type SavedTensor = Tensor | TensorLike | TensorData;

export interface LoadOptions {
  /** Whether every name must be there, with its shape, and no other; true by default. */
  strict?: boolean;
}

/** What {@link Module.loadStateDict} did not use; a tensor of another shape is in both. */
export interface LoadResult {
  /** Parameters and buffers that stayed as they were. */
  readonly missingKeys: string[];
  /** Names in the state that were not used. */
  readonly unexpectedKeys: string[];
}

/**
 * Base of all layers and models. Extend it, keep parameters and other modules in fields, and write `forward`. A field may
 * hold arrays, plain objects, Maps and Sets of them, nested as you like; `#private` fields, closures and objects of other
 * classes are not looked into. It may have any name but those of the methods here and `training`.
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
  private [TRAINING] = true;

  /**
   * Takes no arguments: layers hand on what they do not know themselves.
   *
   * @throws TypeError if there are any
   */
  constructor(...surplus: never[]) {
    const one: unknown = surplus.find((value) => value !== undefined);
    if (one !== undefined) throw new TypeError(`${new.target.name}: one argument too many, ${shown(one)}`);
  }

  /**
   * What predict() gives: the output as it is, or the probabilities that the loss takes it to mean. fit() sets it from
   * the loss (CrossEntropyLoss: softmax); set it yourself after a training loop of your own. Where a layer has this name,
   * fit() keeps its setting elsewhere; after a loop of your own, put the model into a Sequential and set that one's.
   */
  output: OutputKind | object = 'raw';

  /** Set by train() and eval(); Dropout reads it. A function that was captured is recorded again where it has changed. */
  get training(): boolean {
    const mode = this[TRAINING];
    if (mode) asking?.add(this);
    if (isCapturing()) currentTape().assume(() => this[TRAINING] === mode);
    return mode;
  }

  set training(mode: boolean) {
    if (typeof mode !== 'boolean') throw hidden(this, 'training');
    if (mode !== this[TRAINING]) noteChange();
    this[TRAINING] = mode;
  }

  abstract forward(input: Tensor): Tensor;

  /** Modules directly inside this one, by name. */
  namedChildren(): [string, Module][] {
    const children: [string, Module][] = [];
    for (const [name, value, holder] of partsOf(this)) {
      if (value instanceof Module && !holder) children.push([name, value]);
    }
    return children;
  }

  /** This module and all inside it, each once. */
  modules(): Module[] {
    return modulesOf(this);
  }

  /**
   * Every parameter with its path, such as `0.weight`; one that is used twice is listed once.
   *
   * @throws TypeError where a field has the name of a method of this class, or where an object that is no module holds a
   * parameter that learns; RangeError where two have the same path
   */
  namedParameters(): [string, Parameter][] {
    return tensorsOf(this).filter((one): one is [string, Parameter] => one[1] instanceof Parameter);
  }

  /** Every buffer with its path, such as `1.runningMean`; one that is used twice is listed once. */
  namedBuffers(): [string, Buffer][] {
    return tensorsOf(this).filter((one): one is [string, Buffer] => one[1] instanceof Buffer);
  }

  /** Every parameter, in the order of {@link namedParameters}. */
  parameters(): Parameter[] {
    checkNames(this);
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Switches this module and all inside it to training, or to evaluation with `train(false)`. */
  train(mode = true): this {
    for (const module of modulesOf(this)) module.training = mode;
    return this;
  }

  /** Switches to evaluation: the same as `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** A copy of every parameter and buffer, by name. */
  stateDict(): StateDict {
    return Object.fromEntries(tensorsOf(this).map(([name, tensor]) => [name, tensor.detach()]));
  }

  /**
   * Overwrites every parameter and buffer; with `strict: false` those for which `state` has one that fits.
   *
   * @param state tensors, nested arrays or typed arrays by name, also as JSON.stringify() and structuredClone() leave what
   * {@link stateDict} gave
   * @returns what was not overwritten, and what was not used
   * @throws RangeError where a name is missing, unknown, or has another shape, TypeError on anything but numbers; then
   * nothing is changed
   */
  loadStateDict(state: Readonly<Record<string, SavedTensor>>, options: LoadOptions = {}): LoadResult {
    checkOptions('loadStateDict', options, ['strict?']);
    if (typeof state !== 'object' || !state) {
      throw new TypeError(`loadStateDict: expected tensors by name, got ${shown(state)}`);
    }
    const own = new Map(tensorsOf(this));
    const missingKeys = [...own.keys()].filter((name) => !Object.hasOwn(state, name));
    const unexpectedKeys = Object.keys(state).filter((name) => !own.has(name));
    const { strict = true } = options;
    if (strict && missingKeys.length + unexpectedKeys.length > 0) {
      const part = (what: string, names: string[]): string[] =>
        names.length > 0 ? [`${what} ${names.join(', ')}`] : [];
      const parts = [...part('missing', missingKeys), ...part('unknown', unexpectedKeys)];
      throw new RangeError(`loadStateDict: ${parts.join('; ')}`);
    }
    const writes: [Tensor, Float32Array][] = [];
    for (const [name, tensor] of own) {
      if (missingKeys.includes(name)) continue;
      const { values, shape } = savedNumbers(`loadStateDict: ${name}`, state[name], tensor.shape);
      // Throws where the tensor was disposed of.
      tensor.pointer();
      if (sameShape(shape, tensor.shape)) writes.push([tensor, values]);
      else if (strict) {
        throw new RangeError(
          `loadStateDict: expected ${name} ${formatShape(tensor.shape)}, got ${formatShape(shape)}`,
        );
      } else {
        missingKeys.push(name);
        unexpectedKeys.push(name);
      }
    }
    for (const [tensor, values] of writes) overwrite('loadStateDict', tensor, values);
    return { missingKeys, unexpectedKeys };
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
    const input = asTensor(rows, 'predict');
    const resume = toEvaluation(this);
    const run = (input: Tensor): Tensor =>
      noGrad(() => {
        const raw = outputFor(this, input);
        const kind = outputOf(this);
        if (kind === 'softmax') return raw.softmax(-1);
        if (kind === 'sigmoid') return raw.sigmoid();
        if (kind === 'raw') return raw;
        throw new RangeError(
          `predict: expected output 'raw', 'softmax' or 'sigmoid', got '${kind as string}'`,
        );
      });
    try {
      if (ArrayBuffer.isView(rows)) {
        return firstThatFits(batchShapes(input.size, this), (shape) => run(input.reshape(shape))).data;
      }
      if (rows instanceof Tensor) return run(input).toArray();
      const { shape } = input;
      // No rows give no rows.
      if (shape[0] === 0 && shape.length === 1) return [];
      const row = this.$row();
      const isRow = shape.length === (row?.length ?? 1);
      const result = run(isRow ? input.reshape(1, ...shape) : input);
      // Layers may take more than rows. What forward() of one's own takes is known there alone.
      const isKnown = row && row[0] > 0 && this.$row !== Module.prototype.$row;
      if (isKnown && !sameShape(shape.slice(isRow ? 0 : 1), row)) {
        throw new RangeError(
          `predict: expected rows of ${row.join(' × ')} numbers, got ${formatShape(shape)}; other shapes take forward()`,
        );
      }
      if (!isRow) return result.toArray();
      return result.reshape(result.shape.slice(1)).toArray();
    } finally {
      resume();
    }
  }

  /** Gives the memory of every parameter and buffer back at once. */
  [Symbol.dispose](): void {
    for (const [, tensor] of tensorsOf(this)) tensor[Symbol.dispose]();
  }

  /**
   * Width of a row that this module takes, where it has one; predict() of a typed array goes by it. A model of your own may
   * have it, else the layers inside are asked, the first ones first.
   */
  readonly inFeatures?: number | object;

  /**
   * @internal Shape of the row that this module takes, where it says one.
   * @param after that of the row that what follows takes; [−n] where any shape of n numbers will do
   */
  $row(after?: Shape): Shape | undefined {
    const { inFeatures } = this;
    if (typeof inFeatures === 'number') return [inFeatures];
    // A layer without others inside keeps what it is given; what others do among themselves only a run can tell.
    return this.namedChildren().length > 0 ? undefined : after;
  }
}

/** Where the setting is kept for a module that has a layer called `output`. */
const OUTPUT = Symbol('output');

/** What {@link Module.output} is set to. */
export function outputOf(module: Module & { [OUTPUT]?: OutputKind }): OutputKind {
  return typeof module.output === 'string' ? module.output : (module[OUTPUT] ?? 'raw');
}

export function setOutput(module: Module & { [OUTPUT]?: OutputKind }, kind: OutputKind): void {
  if (typeof module.output === 'string') module.output = kind;
  else module[OUTPUT] = kind;
}

/**
 * What a module gives for an input.
 *
 * @param by has the forward() to be called, if another one stands in the place of the module's own
 * @throws TypeError if that is no tensor
 */
export function outputFor(module: Module, input: Tensor, by: Pick<Module, 'forward'> = module): Tensor {
  const output: unknown = by.forward.call(module, input);
  if (output instanceof Tensor) return output;
  throw new TypeError(`${module.constructor.name}.forward: expected a tensor, got ${shown(output)}`);
}

/** Switches a model to evaluation. Returns what puts those of its modules back to training that were in it. */
export function toEvaluation(model: Module): () => void {
  const trained = modulesOf(model).filter((module) => module.training);
  for (const module of trained) module.training = false;
  return () => {
    for (const module of trained.splice(0)) module.training = true;
  };
}

/** Modules and tensors in the fields of a module. */
export function partsOf(module: Module): Found[] {
  return findInFields(module, (value) => value instanceof Module || value instanceof Tensor);
}

/** The error for a field that hides what is called here. */
function hidden(module: Module, key: string): TypeError {
  return new TypeError(
    `${module.constructor.name}: the field '${key}' hides ${key} of nn.Module; give it another name`,
  );
}

/** Refuses fields that hide what is called here. */
function checkNames(module: Module): void {
  for (const key of Object.keys(module)) {
    if (key !== 'forward' && (key === 'modules' || !(key in Module.prototype))) continue;
    const wanted = key === 'training' ? 'boolean' : 'function';
    if (typeof module[key as keyof Module] !== wanted) throw hidden(module, key);
  }
}

let asking: Set<Module> | undefined;

/** Modules in training that `work` uses and that behave otherwise in evaluation, and its result. */
export function modulesAsking<T>(work: () => T): { result: T; asking: Iterable<Module> } {
  const before = asking;
  asking = new Set();
  try {
    return { result: work(), asking };
  } finally {
    asking = before;
  }
}

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** A model and every module inside it, each once, under the first of its paths; the model itself has the empty one. */
export function namedModules(model: Module): Map<Module, string> {
  const found = new Map<Module, string>();
  const visit = (module: Module, path: string): void => {
    if (found.has(module)) return;
    checkNames(module);
    found.set(module, path);
    for (const [name, child] of module.namedChildren()) visit(child, joined(path, name));
  };
  visit(model, '');
  return found;
}

/** A model and every module inside it, each once. */
export function modulesOf(model: Module): Module[] {
  return [...namedModules(model).keys()];
}

/** Every parameter and buffer of a model, each once, under the first of its paths. */
function tensorsOf(model: Module): [string, Parameter | Buffer][] {
  const names = new Map<Tensor, string>();
  const found = new Map<string, Parameter | Buffer>();
  const strange: Found[] = [];
  for (const [module, path] of namedModules(model)) {
    for (const [name, value, holder] of partsOf(module)) {
      const full = joined(path, name);
      if (holder) strange.push([full, value, holder]);
      else if ((value instanceof Parameter || value instanceof Buffer) && !names.has(value)) {
        if (found.has(full)) throw new RangeError(`parameters: two are called ${full}; rename a field`);
        names.set(value, full);
        found.set(full, value);
      }
    }
  }
  for (const [name, value, holder] of strange) {
    const held = value instanceof Module ? modulesOf(value).flatMap(partsOf) : [[name, value]];
    if (held.some(([, one]) => one instanceof Parameter && one.requiresGrad && !names.has(one))) {
      throw new TypeError(
        `parameters: ${name} would not learn, as ${holder!.constructor.name} does not extend nn.Module`,
      );
    }
  }
  return [...found];
}

/**
 * Shapes of the rows that a model may take: what the layer says that is given the input; where a class of the user's own
 * decides which one that is, what each layer inside says, the first ones first.
 */
export function rowShapes(model: Module): Shape[] {
  const own = model.$row();
  const all = own ? [own] : modulesOf(model).map((module) => module.$row());
  return all.flatMap((shape) => (shape ? [shape.map(Math.abs)] : []));
}

/** Shapes of a batch of so many numbers. */
function batchShapes(count: number, model: Module): Shape[] {
  const rows = rowShapes(model);
  if (rows.length === 0) return [[count]];
  const fitting = rows.filter((row) => count % sizeOf(row) === 0);
  if (fitting.length === 0) {
    const sizes = [...new Set(rows.map(sizeOf))].join(' or ');
    throw new RangeError(`predict: expected rows of ${sizes} numbers, got ${count} numbers in all`);
  }
  return fitting.map((row) => [count / sizeOf(row), ...row]);
}
