import { outputOf } from '../lastLayer.js';
import { clip, show } from '../shown.js';
import type { LayerDescription, StoredLayer, StoredModel, StoredTensor } from '../storedModel.js';
import { readModel, type OnnxNode } from './messages.js';
import { OPERATORS } from './operators.js';
import { nodeOf, NodeView } from './patterns.js';
import { isFloat } from './tensors.js';
import { titleOf, Values, type Value } from './values.js';

/** How deep blocks x + f(x) and concatenations may lie in each other. */
const MAX_DEPTH = 64;

export interface ReadOnnxOptions {
  /** Name of the output to read; needed where the graph has several that could be meant. */
  output?: string;
}

type Part =
  | StoredLayer
  | { readonly type: 'Residual'; readonly inner: readonly Part[] }
  | { readonly type: 'Concat'; readonly branches: readonly (readonly Part[])[] };

/**
 * The dense network that an ONNX file holds, from one input to one output, ready to go on training: layers one after the
 * other, x + f(x), and branches that are concatenated. A last softmax or sigmoid becomes the model's `output`.
 *
 * @throws RangeError where the bytes are no ONNX file, or the graph has an operator that no layer does; the error names it
 * and its node
 */
export function readOnnx(bytes: Uint8Array, options: ReadOnnxOptions = {}): StoredModel {
  const model = readModel(bytes);
  const values = new Values(model, bytes.length);
  const end = endOf(values, options.output);
  const start = inputOf(end);
  const parts = new Chains(values).between(start, end, 0);
  const last = parts.at(-1);
  const output = last && 'layer' in last ? outputOf(last.layer) : 'raw';
  if (output !== 'raw') parts.pop();
  const state = new Map<string, StoredTensor>();
  const layers = parts.map((part, i) => assemble(part, `${i}.`, state));
  return { architecture: { type: 'Sequential', layers }, state, output, metadata: model.metadata };
}

/** The value that is the network's output, before what only gives it another form. */
function endOf(values: Values, name?: string): Value {
  const { outputs } = values.graph;
  const names = outputs.map((info) => info.name);
  if (name !== undefined && !names.includes(name)) {
    throw new RangeError(
      `loadOnnx: the graph has no output ${show(name)}, but ${names.slice(0, 8).map(clip).join(', ')}`,
    );
  }
  const found = (name === undefined ? names : [name])
    .map((output) => probabilities(values, values.value(output, 'the graph')))
    .filter((value) => name !== undefined || !givesLabels(values, value));
  if (found.length === 1) return found[0];
  throw new RangeError(
    `loadOnnx: expected one output, got ${names.slice(0, 8).map(clip).join(', ') || 'none'}; say which with { output: name }`,
  );
}

/** Before what scikit-learn's exporter puts behind a classifier: a map for each row, and 1 − p beside p of two classes. */
function probabilities(values: Values, value: Value): Value {
  let now = value;
  for (;;) {
    const node = nodeOf(values, now, ['Identity', 'ai.onnx.ml.ZipMap']);
    if (!node) break;
    now = node.live(0);
  }
  const [complement, p] = nodeOf(values, now, ['Concat'])?.inputs ?? [];
  const difference = nodeOf(values, complement, ['Sub']);
  return p && difference?.scalar(0) === 1 && difference.inputs[1] === p ? p : now;
}

/** Whether a value is a class instead of a number for each. */
function givesLabels(values: Values, value: Value): boolean {
  let now: Value | undefined = value;
  while (now?.node) {
    const { op, attributes, inputs }: OnnxNode = now.node;
    if (op === 'ArgMax' || op.endsWith('.ArrayFeatureExtractor') || op.endsWith('.Binarizer')) return true;
    if (op === 'Cast' && !isFloat(attributes.get('to')?.i)) return true;
    if (op !== 'Cast' && op !== 'Reshape' && op !== 'Identity') return false;
    now = inputs[0] ? values.value(inputs[0], titleOf(now.node)) : undefined;
  }
  return false;
}

/** What the graph is given, on which the output depends. */
function inputOf(end: Value): Value {
  let value = end;
  while (value.parent) value = value.parent;
  if (value.node || value.constant) {
    const by = value.node ? titleOf(value.node) : 'the output';
    throw new RangeError(`loadOnnx: ${by} depends on no input, or on several`);
  }
  return value;
}

/** Walks back from values to those that they come from. */
class Chains {
  private readonly done = new Set<Value>();

  constructor(private readonly values: Values) {}

  /** The layers that make one value of another. */
  between(from: Value, to: Value, depth: number): Part[] {
    const parts: Part[] = [];
    let value = to;
    while (value !== from) {
      const node = nodeOf(this.values, value, value.node ? [value.node.op] : []);
      if (!node) throw new RangeError(`loadOnnx: ${show(value.name)} is not the first output of a node`);
      // Else a layer would become several, with weights of their own.
      if (this.done.has(value)) node.fail('is used by more than one branch');
      this.done.add(value);
      if (depth > MAX_DEPTH) node.fail(`branches lie more than ${MAX_DEPTH} deep in each other`);
      const [part, input] = this.layer(node, depth);
      if (part) parts.push(part);
      value = input;
    }
    return parts.toReversed();
  }

  private layer(node: NodeView, depth: number): [part: Part | undefined, input: Value] {
    const { op, inputs } = node;
    const before = node.value.parent;
    if (op === 'Concat' && before) {
      const rank = before.dims?.length ?? 2;
      const axis = node.int('axis', 1);
      if (axis !== -1 && axis !== rank - 1) node.fail(`expected the last axis, got ${axis}`);
      const branches = inputs.map((_, i) => this.between(before, node.live(i), depth + 1));
      return [{ type: 'Concat', branches }, before];
    }
    if (op === 'Add' && before && inputs.every((input) => input && !input.constant)) {
      const [a, b] = [node.live(0), node.live(1)];
      if (a !== before && b !== before) node.fail('a sum of two branches cannot be read, only x + f(x)');
      return [{ type: 'Residual', inner: this.between(before, a === before ? b : a, depth + 1) }, before];
    }
    const read = Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
    if (!read) node.fail(`there is no layer for the operator ${clip(op)}`);
    const { input, layer, tensors } = read(node);
    return [layer && { layer, tensors }, input];
  }
}

/** The description of a part; its numbers go into the state. */
function assemble(part: Part, prefix: string, state: Map<string, StoredTensor>): LayerDescription {
  if ('layer' in part) {
    for (const [name, tensor] of Object.entries(part.tensors ?? {})) state.set(prefix + name, tensor);
    return part.layer;
  }
  const block = (parts: readonly Part[], at: string): LayerDescription => {
    if (parts.length === 0) return { type: 'Identity' };
    if (parts.length === 1) return assemble(parts[0], at, state);
    return { type: 'Sequential', layers: parts.map((inner, i) => assemble(inner, `${at}${i}.`, state)) };
  };
  if (part.type === 'Residual') return { type: 'Residual', inner: block(part.inner, `${prefix}inner.`) };
  return {
    type: 'Concat',
    branches: part.branches.map((branch, i) => block(branch, `${prefix}${i}.`)),
  };
}
