import { ProtoWriter } from '../../src/io/onnx/protobuf.js';

/** [op, inputs, output, attributes]; numbers without a fraction are written as integers. */
export type TestNode = [
  op: string,
  inputs: string[],
  output: string,
  attributes?: Record<string, number | number[]>,
];

export interface TestTensor {
  dims: number[];
  type?: number;
  raw?: Uint8Array;
  /** Of which numbers a field, packed or one by one. */
  floats?: number[];
  packed?: boolean;
  external?: string;
}

/** A float32 tensor. */
export const floats = (dims: number[], ...values: number[]): TestTensor => ({
  dims,
  raw: new Uint8Array(Float32Array.from(values).buffer),
});

/** An ONNX file, as bad as it is asked to be. */
export function onnxFile(
  nodes: readonly TestNode[],
  tensors: Readonly<Record<string, TestTensor>> = {},
  { opset = 13, inputs = ['x'], outputs = ['y'], domain = '', dims = [0, 2] } = {},
): Uint8Array<ArrayBuffer> {
  const graph = new ProtoWriter();
  nodes.forEach(([op, from, to, attributes = {}], i) => {
    const node = new ProtoWriter();
    for (const input of from) node.string(1, input);
    node.string(2, to).string(3, `n${i}`).string(4, op).string(7, domain);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new ProtoWriter().string(1, name);
      if (Array.isArray(value)) for (const one of value) attribute.int(8, one);
      else if (Number.isInteger(value)) attribute.int(3, value);
      else attribute.float(2, value);
      node.message(5, attribute);
    }
    graph.message(1, node);
  });
  for (const [name, { dims: lengths, type = 1, raw, floats: list, packed, external }] of Object.entries(
    tensors,
  )) {
    const tensor = new ProtoWriter();
    for (const length of lengths) tensor.int(1, length);
    tensor.int(2, type).string(8, name);
    if (raw) tensor.raw(9, raw);
    if (list && packed) tensor.raw(4, new Uint8Array(Float32Array.from(list).buffer));
    else for (const value of list ?? []) tensor.float(4, value);
    if (external !== undefined) {
      tensor.message(13, new ProtoWriter().string(1, 'location').string(2, external)).int(14, 1);
    }
    graph.message(5, tensor);
  }
  const shape = new ProtoWriter();
  for (const length of dims)
    shape.message(1, length > 0 ? new ProtoWriter().int(1, length) : new ProtoWriter());
  const type = new ProtoWriter().message(1, new ProtoWriter().int(1, 1).message(2, shape));
  for (const name of inputs) graph.message(11, new ProtoWriter().string(1, name).message(2, type));
  for (const name of outputs) graph.message(12, new ProtoWriter().string(1, name));
  return new ProtoWriter().int(1, 7).message(7, graph).message(8, new ProtoWriter().int(2, opset)).finish();
}
