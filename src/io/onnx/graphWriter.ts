import type { StoredTensor } from '../storedModel.js';
import { ProtoWriter } from './protobuf.js';

/** Length of a dimension; a name where it may differ from call to call. */
export type Dim = number | string;

export interface Output {
  readonly name: string;
  readonly dims: readonly Dim[];
}

export type AttributeValue = number | string | { readonly float: number };

interface Node {
  readonly op: string;
  readonly name: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Readonly<Record<string, AttributeValue | readonly number[]>>;
}

/** https://github.com/onnx/onnx/blob/main/docs/Versioning.md: IR 7 came with opset 13, in ONNX 1.8. */
const IR_VERSION = 7;
export const OPSET = 13;

// TensorProto.DataType and AttributeProto.AttributeType.
const [FLOAT, INT8] = [1, 3];
const [ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_STRING, ATTRIBUTE_INTS] = [1, 2, 3, 7];

/** Puts a graph together, node by node. */
export class GraphWriter {
  private readonly nodes: Node[] = [];
  private readonly initializers: ProtoWriter[] = [];
  /** What numbers are called that were asked for under a name. */
  private readonly named = new Map<string, string>();
  private readonly given = new Set<string>();
  private readonly outputName: string;

  /** The input keeps its name; what else would have it is called otherwise, and so is everything but these two. */
  constructor(
    private readonly input: Output,
    outputName: string,
  ) {
    this.given.add(input.name);
    this.outputName = this.unique(outputName);
  }

  /** A name that nothing else in the graph has: the wanted one, if it is free. */
  private unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.given.has(name); i++) name = `${wanted}_${i}`;
    this.given.add(name);
    return name;
  }

  /**
   * Adds a node.
   *
   * @param path of the layer, which begins the node's name
   * @param dims of what it gives
   */
  node(
    path: string,
    op: string,
    inputs: readonly (Output | string)[],
    dims: readonly Dim[],
    attributes: Node['attributes'] = {},
  ): Output {
    const name = this.unique(`/${path.replaceAll('.', '/')}/${op}`);
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name));
    this.nodes.push({ op, name, inputs: names, outputs: [name], attributes });
    return { name, dims };
  }

  /** Numbers that belong to the graph; those that are kept in 8 bits stay so. */
  tensor(name: string, { shape, values, scale }: StoredTensor, dims: readonly number[] = shape): string {
    const known = this.named.get(name);
    if (known !== undefined) return known;
    const own = this.unique(name);
    this.named.set(name, own);
    const quantized = scale && values instanceof Int8Array;
    const kept = quantized ? this.unique(`${name}_quantized`) : own;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push(tensorProto(kept, dims, values instanceof Int8Array ? INT8 : FLOAT, bytes));
    if (!quantized) return own;
    const scales = this.tensor(`${name}_scale`, { shape: [scale.length], values: scale });
    this.nodes.push({
      op: 'DequantizeLinear',
      name: this.unique(`/${name}/DequantizeLinear`),
      inputs: [kept, scales],
      outputs: [own],
      attributes: { axis: 0 },
    });
    return own;
  }

  scalar(name: string, value: number): string {
    return this.tensor(name, { shape: [], values: Float32Array.of(value) });
  }

  finish(output: Output, metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const name = this.outputName;
    const last = output.name === this.input.name ? this.node('', 'Identity', [output], output.dims) : output;
    const graph = new ProtoWriter();
    const renamed = (names: readonly string[]): string[] =>
      names.map((one) => (one === last.name ? name : one));
    for (const node of this.nodes) {
      graph.message(1, nodeProto({ ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) }));
    }
    graph.string(2, 'model');
    for (const tensor of this.initializers) graph.message(5, tensor);
    graph.message(11, valueInfoProto(this.input));
    graph.message(12, valueInfoProto({ name, dims: last.dims }));
    const model = new ProtoWriter()
      .int(1, IR_VERSION)
      .string(2, 'wasmgrad')
      .message(7, graph)
      .message(8, new ProtoWriter().string(1, '').int(2, OPSET));
    for (const [key, value] of Object.entries(metadata)) {
      model.message(14, new ProtoWriter().string(1, key).string(2, value));
    }
    return model.finish();
  }
}

function nodeProto({ op, name, inputs, outputs, attributes }: Node): ProtoWriter {
  const node = new ProtoWriter();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(3, name).string(4, op);
  for (const [key, value] of Object.entries(attributes)) {
    const attribute = new ProtoWriter().string(1, key);
    if (typeof value === 'number') attribute.int(3, value).int(20, ATTRIBUTE_INT);
    else if (typeof value === 'string') attribute.string(4, value).int(20, ATTRIBUTE_STRING);
    else if ('float' in value) attribute.float(2, value.float).int(20, ATTRIBUTE_FLOAT);
    else {
      for (const one of value) attribute.int(8, one);
      attribute.int(20, ATTRIBUTE_INTS);
    }
    node.message(5, attribute);
  }
  return node;
}

function tensorProto(name: string, dims: readonly number[], type: number, bytes: Uint8Array): ProtoWriter {
  const tensor = new ProtoWriter();
  for (const length of dims) tensor.int(1, length);
  return tensor.int(2, type).string(8, name).raw(9, bytes);
}

function valueInfoProto({ name, dims }: Output): ProtoWriter {
  const shape = new ProtoWriter();
  for (const length of dims) {
    const dim = new ProtoWriter();
    shape.message(1, typeof length === 'number' ? dim.int(1, length) : dim.string(2, length));
  }
  const tensor = new ProtoWriter().int(1, FLOAT).message(2, shape);
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensor));
}
