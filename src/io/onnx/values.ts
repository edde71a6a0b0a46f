import { clip, show } from '../shown.js';
import type { StoredTensor } from '../storedModel.js';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './messages.js';
import { isFloat, numbersOf, type Numbers } from './tensors.js';

/** Dense networks have hundreds; what follows takes the square of it at worst. */
const MAX_NODES = 10_000;

/** What flows through a graph. */
export interface Value {
  readonly name: string;
  /** The node that gives it, unless the graph is given it. */
  readonly node?: OnnxNode;
  /** undefined: not known; of a length: not known, or different from call to call. */
  readonly dims?: readonly (number | undefined)[];
  /** The last value before this one that every path from the input to this one goes through. */
  readonly parent?: Value;
  /** Number of parents of parents. */
  readonly depth: number;
  readonly constant?: Constant;
}

/** A value that is the same in every call. */
export interface Constant {
  readonly dims: readonly number[];
  readonly tensor: OnnxTensor;
  /** The tensor is to be read as its transpose. */
  readonly transposed?: boolean;
  /** [dims[0]], where the tensor is 8 bits, each row to be multiplied. */
  readonly scale?: Constant;
}

/** All values of a graph by name. A node may only use what an earlier one gives, so there are no circles. */
export class Values {
  readonly opset: number;
  readonly graph: OnnxGraph;
  private readonly all = new Map<string, Value>();
  private readonly read = new Map<OnnxTensor, { numbers: Numbers; transpose?: Float32Array }>();
  /** How many numbers the layers may have. */
  private left: number;

  /** @param bytes length of the file */
  constructor({ graph, opset }: OnnxModel, bytes: number) {
    this.left = 1_000_000 + 2 * bytes;
    this.opset = opset;
    this.graph = graph;
    if (graph.nodes.length > MAX_NODES) {
      throw new RangeError(`loadOnnx: expected at most ${MAX_NODES} nodes, got ${graph.nodes.length}`);
    }
    for (const tensor of graph.initializers) this.set(constant(tensor.name, tensor));
    // Until IR version 4 initialisers were listed as inputs too.
    for (const { name, dims } of graph.inputs) if (!this.all.has(name)) this.set({ name, dims, depth: 0 });
    for (const node of graph.nodes) this.define(node);
  }

  value(name: string, user: string): Value {
    const value = this.all.get(name);
    if (value) return value;
    throw new RangeError(
      `loadOnnx: ${user} uses ${show(name)}, which is no input, no initializer and given by no earlier node`,
    );
  }

  /** A node's input, or undefined where it is left out. */
  input(node: OnnxNode, index: number): Value | undefined {
    const name = node.inputs[index];
    return name ? this.value(name, titleOf(node)) : undefined;
  }

  /** A constant as numbers, in the order that they are used in. */
  numbers({ dims, tensor, transposed, scale }: Constant): Numbers {
    let read = this.read.get(tensor);
    if (!read) this.read.set(tensor, (read = { numbers: numbersOf(tensor) }));
    if (!transposed && !scale) return read.numbers;
    if (!scale && read.transpose) return read.transpose;
    const { numbers } = read;
    this.spend(numbers.length);
    const scales = scale && this.numbers(scale);
    const columns = (transposed ? dims[1] : numbers.length / tensor.dims[0]) || 1;
    const values = new Float32Array(numbers.length);
    for (let i = 0; i < values.length; i++) {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const from = transposed ? column * dims[0] + row : i;
      values[i] = numbers[from] * (scales?.[transposed ? column : row] ?? 1);
    }
    if (!scale) read.transpose = values;
    return values;
  }

  /** A constant as a model keeps it, in the shape that its layer wants. */
  stored(constant: Constant, shape: readonly number[] = constant.dims): StoredTensor {
    const { scale, transposed, tensor } = constant;
    const perRow = scale && !transposed && tensor.type === 3;
    const values = this.numbers(perRow ? { dims: tensor.dims, tensor } : constant);
    this.spend(values.length);
    if (perRow) return { shape, values: values as Int8Array, scale: this.numbers(scale) as Float32Array };
    if (values instanceof Float32Array) return { shape, values };
    throw new RangeError(
      `loadOnnx: ${clip(tensor.name)}: expected numbers with a fraction, got type ${tensor.type}`,
    );
  }

  /** Counts numbers that layers will have: many can use the same ones of the file, and each will have its own. */
  spend(numbers: number): void {
    this.left -= numbers;
    if (this.left < 0) {
      throw new RangeError(
        'loadOnnx: the layers of the graph have many times the numbers that the file holds',
      );
    }
  }

  /** The number that a constant of one number is. */
  scalar(value: Value | undefined): number | undefined {
    const { constant } = value ?? {};
    if (!constant || constant.dims.some((length) => length !== 1)) return undefined;
    return this.numbers(constant)[0];
  }

  private set(value: Value): void {
    if (this.all.has(value.name)) throw new RangeError(`loadOnnx: ${show(value.name)} is given twice`);
    this.all.set(value.name, value);
  }

  private define(node: OnnxNode): void {
    const inputs = node.inputs.filter(Boolean).map((name) => this.value(name, titleOf(node)));
    const folded = this.fold(node, inputs);
    if (folded) {
      this.set({ name: node.outputs[0], depth: 0, constant: folded });
      return;
    }
    const live = inputs.filter((value) => !value.constant);
    const parent = live.reduce((a: Value | undefined, b) => a && lastBefore(a, b), live[0]);
    const dims = live.length > 0 ? this.dimsAfter(node, inputs, live[0]) : undefined;
    node.outputs.forEach((name, i) => {
      if (name)
        this.set({ name, node, dims: i === 0 ? dims : undefined, parent, depth: (parent?.depth ?? 0) + 1 });
    });
  }

  /** What a node gives where all that it takes is constant, and it does no more than arrange it. */
  private fold(node: OnnxNode, inputs: readonly Value[]): Constant | undefined {
    const { op, attributes } = node;
    if (op === 'Constant') {
      const {
        t,
        f,
        i,
        floats = [],
        ints = [],
      } = attributes.get('value') ??
      attributes.get('value_float') ??
      attributes.get('value_int') ??
      attributes.get('value_floats') ??
      attributes.get('value_ints') ??
      {};
      if (t) return constant(node.name, t).constant;
      const number = f ?? i;
      const numbers = number === undefined ? floats.concat(ints) : [number];
      const dims = number === undefined ? [numbers.length] : [];
      const type = i === undefined && ints.length === 0 ? 1 : 7;
      return { dims, tensor: { name: node.name, dims, type, numbers } };
    }
    const [first, second, third] = inputs.map((value) => value.constant);
    if (!first) return undefined;
    if (op === 'Identity' || (op === 'Cast' && isFloat(attributes.get('to')?.i))) return first;
    if (
      op === 'Transpose' &&
      first.dims.length === 2 &&
      String(attributes.get('perm')?.ints ?? [1, 0]) === '1,0'
    ) {
      return { ...first, dims: first.dims.toReversed(), transposed: !first.transposed };
    }
    const axis = attributes.get('axis')?.i ?? 1;
    if (op === 'DequantizeLinear' && second && axis === 0 && !first.scale && !first.transposed) {
      const centred = !third || Array.from(this.numbers(third)).every((zero) => zero === 0);
      if (centred && second.dims.length === 1 && second.dims[0] === first.dims[0]) {
        return { ...first, scale: second };
      }
    }
    return undefined;
  }

  /** The shape of what a node gives, where one can tell; that of what it takes where it changes none. */
  private dimsAfter({ op, attributes }: OnnxNode, inputs: readonly Value[], live: Value): Value['dims'] {
    const { dims } = live;
    const axis = attributes.get('axis')?.i;
    const [first, second] = inputs;
    if (op === 'Gemm') return [dims?.[0], second?.constant?.dims[attributes.get('transB')?.i ? 0 : 1]];
    if (op === 'MatMul') return dims && [...dims.slice(0, -1), second?.constant?.dims[1]];
    if (op === 'Flatten') return [dims?.[0], sizeOf(dims?.slice(1))];
    if (op === 'Gather') return first.constant && dims && [...dims, ...first.constant.dims.slice(1)];
    if (op === 'Reshape') {
      const to = second?.constant && Array.from(this.numbers(second.constant));
      if (!to) return [dims?.[0], sizeOf(dims?.slice(1))];
      return to.map((length, i) => (length > 0 ? length : i === 0 ? dims?.[0] : sizeOf(dims?.slice(1))));
    }
    if (op === 'Concat' && dims) {
      const along = axis !== undefined && axis < 0 ? dims.length + axis : (axis ?? 1);
      const lengths = inputs.map((value) => value.dims?.[along]);
      const sum = lengths.reduce((a, b) => (a === undefined || b === undefined ? undefined : a + b), 0);
      return dims.map((length, i) => (i === along ? sum : length));
    }
    // Of a length that one input leaves open, another may say it: a scale for each feature, what is added.
    return dims?.map((length, i) => {
      const others = inputs.map((value) =>
        (value.constant ? value.constant.dims : value.dims)?.at(i - dims.length),
      );
      return length ?? others.find((other) => other !== undefined && other > 1);
    });
  }
}

export function titleOf({ op, name }: OnnxNode): string {
  return `node ${show(name)} (${clip(op)})`;
}

function constant(name: string, tensor: OnnxTensor): Value & { constant: Constant } {
  return { name, depth: 0, constant: { dims: tensor.dims, tensor } };
}

/** The last value that every path to both goes through: where the ways up the tree of parents meet. */
function lastBefore(a: Value, b: Value): Value | undefined {
  let [one, other]: (Value | undefined)[] = [a, b];
  while (one && other && one !== other) {
    if (one.depth >= other.depth) one = one.parent;
    else other = other.parent;
  }
  return one && other;
}

function sizeOf(dims: Value['dims']): number | undefined {
  return dims?.reduce((product, length) => (product && length ? product * length : undefined), 1);
}
