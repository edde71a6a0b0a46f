import type { StoredLayer } from '../storedModel.js';
import type { OnnxNode } from './messages.js';
import { titleOf, type Constant, type Value, type Values } from './values.js';

/** What a node, or one with some before it, is: a layer on another value; no layer where it changes nothing. */
export interface Match extends Partial<StoredLayer> {
  readonly input: Value;
}

/** The shortest decimal that is this float32: 1e-5, which a file can only hold as 0.00000999999974737875. */
export function decimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

/** One node as the patterns see it. */
export class NodeView {
  readonly node: OnnxNode;

  constructor(
    readonly values: Values,
    /** What the node gives. */
    readonly value: Value & { node: OnnxNode },
  ) {
    this.node = value.node;
  }

  get op(): string {
    return this.node.op;
  }

  /** The values that it takes. */
  get inputs(): (Value | undefined)[] {
    return this.node.inputs.map((_, i) => this.values.input(this.node, i));
  }

  live(index: number): Value {
    const value = this.values.input(this.node, index);
    if (!value || value.constant) this.fail(`expected input ${index} to depend on the input of the graph`);
    return value;
  }

  constant(index: number): Constant {
    const value = this.values.input(this.node, index);
    if (!value?.constant) this.fail(`expected input ${index} to be an initializer`);
    return value.constant;
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  float(name: string, absent: number): number {
    return decimal(this.node.attributes.get(name)?.f ?? absent);
  }

  int(name: string, absent: number): number {
    return this.node.attributes.get(name)?.i ?? absent;
  }

  floats(name: string): number[] {
    return this.node.attributes.get(name)?.floats ?? [];
  }

  /** A constant of one number among the inputs. */
  scalar(index: number): number | undefined {
    const number = this.values.scalar(this.values.input(this.node, index));
    return number === undefined ? undefined : decimal(number);
  }

  fail(what: string): never {
    throw new RangeError(`loadOnnx: ${titleOf(this.node)}: ${what}`);
  }
}

/** The node that gives a value, where it is one of these operators. */
export function nodeOf(
  values: Values,
  value: Value | undefined,
  ops: readonly string[],
): NodeView | undefined {
  if (!value?.node || !ops.includes(value.node.op) || value.name !== value.node.outputs[0]) return undefined;
  return new NodeView(values, value as Value & { node: OnnxNode });
}

/** The other input of a node of two that may be swapped, where one of them passes. */
function other(node: NodeView | undefined, passes: (value: Value) => boolean): Value | undefined {
  const [a, b] = node?.inputs ?? [];
  if (!a || !b) return undefined;
  return passes(a) ? b : passes(b) ? a : undefined;
}

/** x · 0.5 · (1 + erf(x / √2)), in any order. */
export function gelu(node: NodeView): Value | undefined {
  const { values } = node;
  const near = (number: number) => (value: Value) => {
    const scalar = values.scalar(value);
    return scalar !== undefined && Math.abs(scalar - number) < 1e-6;
  };
  const mul = (value: Value | undefined): NodeView | undefined => nodeOf(values, value, ['Mul']);
  /** x, where this is 1 + erf(x / √2). */
  const inner = (value: Value | undefined): Value | undefined => {
    const erf = nodeOf(values, other(nodeOf(values, value, ['Add']), near(1)), ['Erf']);
    const scaled = erf?.inputs[0];
    const divided = nodeOf(values, scaled, ['Div']);
    if (divided && near(Math.SQRT2)(divided.inputs[1]!)) return divided.inputs[0];
    return other(mul(scaled), near(Math.SQRT1_2));
  };
  const [a, b] = node.inputs;
  const factors = [a, b, ...(mul(a)?.inputs ?? []), ...(mul(b)?.inputs ?? [])];
  const tail = factors.find((value) => inner(value));
  const x = inner(tail);
  if (!x || !tail) return undefined;
  const half = near(0.5);
  const left = new Set([x, tail]);
  // One product of two of the three inside the other.
  for (const [outer, product] of [
    [a, mul(b)],
    [b, mul(a)],
  ] as const) {
    if (!outer || !product) continue;
    const [c, d] = product.inputs;
    const three = [outer, c!, d!];
    if (
      three.filter(half).length === 1 &&
      three.every((v) => half(v) || left.has(v)) &&
      new Set(three).size === 3
    ) {
      return x;
    }
  }
  return undefined;
}

/** x · sigmoid(x), x · tanh(softplus(x)). */
export function gated(node: NodeView): Match | undefined {
  const { values, inputs } = node;
  const [a, b] = inputs;
  for (const [x, gate] of [
    [a, b],
    [b, a],
  ] as const) {
    if (!x) return undefined;
    if (nodeOf(values, gate, ['Sigmoid'])?.inputs[0] === x) return { input: x, layer: { type: 'SiLU' } };
    const softplus = nodeOf(values, nodeOf(values, gate, ['Tanh'])?.inputs[0], ['Softplus']);
    if (softplus?.inputs[0] === x) return { input: x, layer: { type: 'Mish' } };
  }
  return undefined;
}

export interface Normal {
  readonly type: 'LayerNorm' | 'RMSNorm';
  readonly input: Value;
  readonly eps: number;
  /** How many of the last dimensions are normalised together. */
  readonly along: number;
}

/** (x − mean(x)) / √(mean((x − mean(x))²) + eps), or x / √(mean(x²) + eps). */
export function normal(node: NodeView | undefined): Normal | undefined {
  if (!node) return undefined;
  const { values, op, inputs } = node;
  const root = (value: Value | undefined): NodeView | undefined => nodeOf(values, value, ['Sqrt']);
  /** √…, where this is 1 / √…. */
  const inverse = (value: Value | undefined): NodeView | undefined => {
    const one = nodeOf(values, value, ['Div']);
    if (one) return values.scalar(one.inputs[0]) === 1 ? root(one.inputs[1]) : undefined;
    return root(nodeOf(values, value, ['Reciprocal'])?.inputs[0]);
  };
  const [a, b] = inputs;
  const found =
    op === 'Div'
      ? ([[a, root(b)]] as const)
      : ([
          [a, inverse(b)],
          [b, inverse(a)],
        ] as const);
  const [x, deviation] = found.find(([, square]) => square) ?? [];
  if (op !== 'Div' && op !== 'Mul') return undefined;
  const sum = nodeOf(values, deviation?.inputs[0], ['Add']);
  const eps = sum && (sum.scalar(0) ?? sum.scalar(1));
  const mean = nodeOf(
    values,
    other(sum, (value) => values.scalar(value) !== undefined),
    ['ReduceMean'],
  );
  const square = nodeOf(values, mean?.inputs[0], ['Mul', 'Pow']);
  if (!x || !mean || !square || eps === undefined || square.inputs[0] !== x) return undefined;
  if (square.op === 'Pow' ? square.scalar(1) !== 2 : square.inputs[1] !== x) return undefined;
  const along = lastAxes(mean);
  if (along === 0) return undefined;
  const centred = nodeOf(values, x, ['Sub']);
  const middle = nodeOf(values, centred?.inputs[1], ['ReduceMean']);
  if (centred && middle && middle.inputs[0] === centred.inputs[0] && lastAxes(middle) === along) {
    return { type: 'LayerNorm', input: centred.live(0), eps, along };
  }
  return { type: 'RMSNorm', input: x, eps, along };
}

/** How many of the last dimensions a ReduceMean reduces; 0 where it does something else. */
function lastAxes(mean: NodeView): number {
  const rank = mean.live(0).dims?.length ?? 2;
  // An attribute, and from opset 18 on an input.
  const axes = mean.has(1)
    ? Array.from(mean.values.numbers(mean.constant(1)))
    : (mean.node.attributes.get('axes')?.ints ?? []);
  const last = axes.map((axis) => (axis < 0 ? axis : axis - rank)).toSorted((a, b) => a - b);
  if (mean.int('keepdims', 1) !== 1) return 0;
  return last.every((axis, i) => axis === i - last.length) ? last.length : 0;
}
