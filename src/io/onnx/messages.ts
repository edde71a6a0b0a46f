import { Kind, readMessage, type Schema } from './protobuf.js';

// The messages of ONNX, as far as they are read here: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

export interface OnnxModel {
  readonly graph: OnnxGraph;
  /** Version of the operators of ONNX itself. */
  readonly opset: number;
  readonly metadata: Record<string, string>;
}

export interface OnnxGraph {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  readonly inputs: OnnxValueInfo[];
  readonly outputs: OnnxValueInfo[];
}

export interface OnnxNode {
  /** With its domain, unless that is ONNX's own: `Gemm`, `ai.onnx.ml.Scaler`. */
  readonly op: string;
  readonly name: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly attributes: Map<string, OnnxAttribute>;
}

export interface OnnxAttribute {
  readonly f?: number;
  readonly i?: number;
  /** '' where there is none. */
  readonly s: string;
  readonly t?: OnnxTensor;
  readonly floats: number[];
  readonly ints: number[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type?: number;
  /** Little-endian. */
  readonly raw?: Uint8Array;
  /** Where there are no raw bytes. */
  readonly numbers: readonly number[];
  /** Says where the numbers are, where that is another file. */
  readonly external?: readonly Entry[];
  /** 1 where it is another file. */
  readonly location?: number;
}

export interface OnnxValueInfo {
  readonly name: string;
  /** undefined: not known, or different from call to call. */
  readonly dims?: readonly (number | undefined)[];
}

interface Entry {
  readonly key: string;
  readonly value: string;
}

const { INT, FLOAT, DOUBLE, BYTES, TEXT } = Kind;

const ENTRY: Schema = { 1: ['key', TEXT], 2: ['value', TEXT] };

const TENSOR: Schema = {
  1: ['dims', INT, true],
  2: ['type', INT],
  4: ['numbers', FLOAT, true],
  // int32_data, int64_data, uint64_data
  5: ['numbers', INT, true],
  7: ['numbers', INT, true],
  11: ['numbers', INT, true],
  8: ['name', TEXT],
  9: ['raw', BYTES],
  10: ['numbers', DOUBLE, true],
  13: ['external', ENTRY, true],
  14: ['location', INT],
};

const ATTRIBUTE: Schema = {
  1: ['name', TEXT],
  2: ['f', FLOAT],
  3: ['i', INT],
  4: ['s', TEXT],
  5: ['t', TENSOR],
  7: ['floats', FLOAT, true],
  8: ['ints', INT, true],
};

const NODE: Schema = {
  1: ['inputs', TEXT, true],
  2: ['outputs', TEXT, true],
  3: ['name', TEXT],
  4: ['op', TEXT],
  5: ['attributes', ATTRIBUTE, true],
  7: ['domain', TEXT],
};

// TypeProto, TypeProto.Tensor, TensorShapeProto and TensorShapeProto.Dimension, one in the other.
const VALUE_INFO: Schema = {
  1: ['name', TEXT],
  2: ['type', { 1: ['tensor', { 2: ['shape', { 1: ['dims', { 1: ['length', INT] }, true] }] }] }],
};

const MODEL: Schema = {
  7: [
    'graph',
    {
      1: ['nodes', NODE, true],
      5: ['initializers', TENSOR, true],
      11: ['inputs', VALUE_INFO, true],
      12: ['outputs', VALUE_INFO, true],
    },
  ],
  8: ['opsets', { 1: ['domain', TEXT], 2: ['version', INT] }, true],
  14: ['metadata', ENTRY, true],
};

interface NodeProto {
  readonly inputs: string[];
  readonly outputs: string[];
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly attributes: (OnnxAttribute & { readonly name: string })[];
}

interface ValueInfoProto {
  readonly name: string;
  readonly type?: {
    readonly tensor?: { readonly shape?: { readonly dims: { readonly length?: number }[] } };
  };
}

interface ModelProto {
  readonly graph?: {
    readonly nodes: NodeProto[];
    readonly initializers: OnnxTensor[];
    readonly inputs: ValueInfoProto[];
    readonly outputs: ValueInfoProto[];
  };
  readonly opsets: { readonly domain: string; readonly version?: number }[];
  readonly metadata: Entry[];
}

/** Domains of the operators of ONNX itself. */
const OWN = ['', 'ai.onnx'];

export function readModel(bytes: Uint8Array): OnnxModel {
  const { graph, opsets, metadata } = readMessage<ModelProto>(bytes, MODEL, 'the model');
  if (!graph) throw new RangeError('loadOnnx: the file holds no graph; it is damaged, or no ONNX file');
  return {
    graph: {
      nodes: graph.nodes.map(nodeOf),
      initializers: graph.initializers,
      inputs: graph.inputs.map(valueInfoOf),
      outputs: graph.outputs.map(valueInfoOf),
    },
    opset: opsets.findLast(({ domain }) => OWN.includes(domain))?.version ?? 1,
    metadata: Object.fromEntries(metadata.map(({ key, value }) => [key, value])),
  };
}

function nodeOf({ domain, op, name, inputs, outputs, attributes }: NodeProto, i: number): OnnxNode {
  return {
    op: OWN.includes(domain) ? op : `${domain}.${op}`,
    name: name || outputs[0] || `node ${i}`,
    inputs,
    outputs,
    attributes: new Map(attributes.map((attribute) => [attribute.name, attribute])),
  };
}

function valueInfoOf({ name, type }: ValueInfoProto): OnnxValueInfo {
  const dims = type?.tensor?.shape?.dims;
  return { name, dims: dims?.map(({ length }) => (length !== undefined && length > 0 ? length : undefined)) };
}
