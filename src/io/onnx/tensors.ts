import { float16 } from '../float16.js';
import { clip, show } from '../shown.js';
import type { OnnxTensor } from './messages.js';

/** TensorProto.DataType: bytes of a number, and how to read it. */
const TYPES: Record<number, [size: number, read: (view: DataView, at: number) => number]> = {
  1: [4, (view, at) => view.getFloat32(at, true)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [1, (view, at) => view.getInt8(at)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [2, (view, at) => view.getInt16(at, true)],
  6: [4, (view, at) => view.getInt32(at, true)],
  7: [8, (view, at) => Number(view.getBigInt64(at, true))],
  9: [1, (view, at) => view.getUint8(at)],
  10: [2, (view, at) => float16(view.getUint16(at, true))],
  11: [8, (view, at) => view.getFloat64(at, true)],
  12: [4, (view, at) => view.getUint32(at, true)],
  13: [8, (view, at) => Number(view.getBigUint64(at, true))],
  16: [2, (view, at) => bfloat16(view.getUint16(at, true))],
};

const scratch = new DataView(new ArrayBuffer(4));

/** The number that 16 bits stand for: the upper half of a float32. */
function bfloat16(bits: number): number {
  scratch.setUint16(2, bits, true);
  return scratch.getFloat32(0, true);
}

/** What numbers are read into: those with a fraction, whole ones of 8 bits, others. */
export type Numbers = Float32Array | Int8Array | Float64Array;

/** The numbers of a tensor, one after the other. */
export function numbersOf(tensor: OnnxTensor): Numbers {
  const { name, dims, type, raw, numbers, external } = tensor;
  const fail = (what: string): never => {
    throw new RangeError(`loadOnnx: ${clip(name || 'a constant')} [${dims.slice(0, 8).join(', ')}]: ${what}`);
  };
  if (external !== undefined) {
    fail(
      `its numbers are in ${show(external)}; save the model as one file (onnx.save with save_as_external_data=False)`,
    );
  }
  if (!(type in TYPES)) fail(`numbers of type ${type} cannot be read`);
  const [size, read] = TYPES[type];
  const found = raw ? raw.length / size : numbers.length;
  const expected = dims.reduce((product, length) => product * (length >= 0 ? length : NaN), 1);
  if (found !== expected) fail(`expected ${expected} numbers, got ${found}`);
  // Without raw bytes numbers of 16 bits stand in the list of integers, as bits.
  const bits = type === 10 ? float16 : type === 16 ? bfloat16 : undefined;
  const view = raw && new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const values = isFloat(type)
    ? new Float32Array(found)
    : type === 3
      ? new Int8Array(found)
      : new Float64Array(found);
  for (let i = 0; i < found; i++) {
    values[i] = view ? read(view, i * size) : bits ? bits(numbers[i]) : numbers[i];
  }
  return values;
}

/** TensorProto.DataType: float, float16, double, bfloat16. */
export function isFloat(type: number | undefined): boolean {
  return type === 1 || type === 10 || type === 11 || type === 16;
}
