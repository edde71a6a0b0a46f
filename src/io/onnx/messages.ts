import { ProtoReader } from './protobuf.js';

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
  f?: number;
  i?: number;
  s?: string;
  t?: OnnxTensor;
  readonly floats: number[];
  readonly ints: number[];
}

export interface OnnxTensor {
  name: string;
  readonly dims: number[];
  type: number;
  /** Little-endian. */
  raw?: Uint8Array;
  /** Where there are no raw bytes. */
  readonly numbers: number[];
  /** The file in which the numbers are, where it is another one. */
  external?: string;
}

export interface OnnxValueInfo {
  name: string;
  /** undefined: not known, or different from call to call. */
  dims?: (number | undefined)[];
}

export function readModel(bytes: Uint8Array): OnnxModel {
  const reader = new ProtoReader(bytes, 'the model');
  let graph: OnnxGraph | undefined;
  let opset = 1;
  const metadata: Record<string, string> = {};
  while (reader.next()) {
    if (reader.field === 7) graph = readGraph(reader.message('the graph'));
    else if (reader.field === 8) {
      const [domain, version] = readOpset(reader.message('the operator sets'));
      if (domain === '' || domain === 'ai.onnx') opset = version;
    } else if (reader.field === 14) {
      const [key, value] = readEntry(reader.message('the metadata'));
      Object.defineProperty(metadata, key, { value, enumerable: true, writable: true, configurable: true });
    }
  }
  if (!graph) throw new RangeError('loadOnnx: the file holds no graph; it is damaged, or no ONNX file');
  return { graph, opset, metadata };
}

function readOpset(reader: ProtoReader): [domain: string, version: number] {
  let domain = '';
  let version = 1;
  while (reader.next()) {
    if (reader.field === 1) domain = reader.string();
    else if (reader.field === 2) version = reader.int();
  }
  return [domain, version];
}

function readEntry(reader: ProtoReader): [key: string, value: string] {
  const entry: [string, string] = ['', ''];
  while (reader.next()) if (reader.field <= 2) entry[reader.field - 1] = reader.string();
  return entry;
}

function readGraph(reader: ProtoReader): OnnxGraph {
  const graph: OnnxGraph = { nodes: [], initializers: [], inputs: [], outputs: [] };
  const { nodes, initializers, inputs, outputs } = graph;
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader.message(`node ${nodes.length}`)));
    else if (reader.field === 5) {
      initializers.push(readTensor(reader.message(`initializer ${initializers.length}`)));
    } else if (reader.field === 11) inputs.push(readValueInfo(reader.message(`input ${inputs.length}`)));
    else if (reader.field === 12) outputs.push(readValueInfo(reader.message(`output ${outputs.length}`)));
  }
  return graph;
}

function readNode(reader: ProtoReader): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let [op, name, domain] = ['', '', ''];
  while (reader.next()) {
    if (reader.field === 1) inputs.push(reader.string());
    else if (reader.field === 2) outputs.push(reader.string());
    else if (reader.field === 3) name = reader.string();
    else if (reader.field === 4) op = reader.string();
    else if (reader.field === 5) readAttribute(reader.message(`an attribute of ${reader.where}`), attributes);
    else if (reader.field === 7) domain = reader.string();
  }
  if (domain !== '' && domain !== 'ai.onnx') op = `${domain}.${op}`;
  return { op, name: name || outputs[0] || reader.where, inputs, outputs, attributes };
}

function readAttribute(reader: ProtoReader, attributes: Map<string, OnnxAttribute>): void {
  const attribute: OnnxAttribute = { floats: [], ints: [] };
  let name = '';
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) attribute.f = reader.float();
    else if (reader.field === 3) attribute.i = reader.int();
    else if (reader.field === 4) attribute.s = reader.string();
    else if (reader.field === 5) attribute.t = readTensor(reader.message(`a tensor in ${reader.where}`));
    else if (reader.field === 7) reader.floats(attribute.floats);
    else if (reader.field === 8) reader.ints(attribute.ints);
  }
  attributes.set(name, attribute);
}

function readTensor(reader: ProtoReader): OnnxTensor {
  const tensor: OnnxTensor = { name: '', dims: [], type: 0, numbers: [] };
  while (reader.next()) {
    const { field } = reader;
    if (field === 1) reader.ints(tensor.dims);
    else if (field === 2) tensor.type = reader.int();
    else if (field === 4) reader.floats(tensor.numbers);
    // int32_data, int64_data, uint64_data
    else if (field === 5 || field === 7 || field === 11) reader.ints(tensor.numbers);
    else if (field === 8) tensor.name = reader.string();
    else if (field === 9) tensor.raw = reader.raw();
    else if (field === 10) reader.doubles(tensor.numbers);
    else if (field === 13) {
      const [key, value] = readEntry(reader.message(`the data of ${reader.where}`));
      if (key === 'location') tensor.external = value;
    } else if (field === 14 && reader.int() === 1) tensor.external ??= 'another file';
  }
  return tensor;
}

function readValueInfo(reader: ProtoReader): OnnxValueInfo {
  const info: OnnxValueInfo = { name: '' };
  while (reader.next()) {
    if (reader.field === 1) info.name = reader.string();
    else if (reader.field === 2) info.dims = readType(reader.message(`the type of ${reader.where}`));
  }
  return info;
}

/** TypeProto, TypeProto.Tensor, TensorShapeProto and TensorShapeProto.Dimension, one in the other. */
function readType(type: ProtoReader): OnnxValueInfo['dims'] {
  let dims: OnnxValueInfo['dims'];
  while (type.next()) {
    if (type.field !== 1) continue;
    const tensor = type.message(type.where);
    while (tensor.next()) {
      if (tensor.field !== 2) continue;
      const shape = tensor.message(type.where);
      dims = [];
      while (shape.next()) {
        if (shape.field !== 1) continue;
        const dim = shape.message(type.where);
        let length: number | undefined;
        while (dim.next()) if (dim.field === 1) length = dim.int();
        dims.push(length !== undefined && length > 0 ? length : undefined);
      }
    }
  }
  return dims;
}
