import { float16 } from '../float16.js';
import { clip, show } from '../shown.js';
import type { OnnxTensor } from './messages.js';

/** TensorProto.DataType: what reads numbers of it, where they lie one after the other as bytes. */
const TYPES: Record<number, NumbersType> = {
  1: Float32Array,
  2: Uint8Array,
  3: Int8Array,
  4: Uint16Array,
  5: Int16Array,
  6: Int32Array,
  7: BigInt64Array,
  9: Uint8Array,
  10: Uint16Array,
  11: Float64Array,
  12: Uint32Array,
  13: BigUint64Array,
  16: Uint16Array,
};

interface NumbersType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): Iterable<number | bigint>;
}

/** The number that 16 bits stand for: the upper half of a float32. */
const bfloat16 = (bits: number): number => new Float32Array(Uint32Array.of(bits << 16).buffer)[0];

/** What numbers are read into: those with a fraction, whole ones of 8 bits, others. */
export type Numbers = Float32Array | Int8Array | Float64Array;

/** The numbers of a tensor, one after the other. */
export function numbersOf(tensor: OnnxTensor): Numbers {
  const { name, dims, type = 0, raw, numbers, external, location } = tensor;
  const fail = (what: string): never => {
    throw new RangeError(`loadOnnx: ${clip(name || 'a constant')} [${dims.slice(0, 8).join(', ')}]: ${what}`);
  };
  const file = external?.find(({ key }) => key === 'location')?.value;
  if (file !== undefined || location === 1) {
    fail(
      `its numbers are in ${file === undefined ? 'another file' : show(file)}; save the model as one file (onnx.save with save_as_external_data=False)`,
    );
  }
  if (!(type in TYPES)) fail(`numbers of type ${type} cannot be read`);
  const found = raw ? raw.length / TYPES[type].BYTES_PER_ELEMENT : numbers.length;
  const expected = dims.reduce((product, length) => product * (length >= 0 ? length : NaN), 1);
  if (found !== expected) fail(`expected ${expected} numbers, got ${found}`);
  // A copy: numbers need not be aligned in the file.
  const given: Iterable<number | bigint> = raw ? new TYPES[type](new Uint8Array(raw).buffer) : numbers;
  // Without raw bytes, too, numbers of 16 bits stand in the list of integers, as bits.
  const number = type === 10 ? float16 : type === 16 ? bfloat16 : Number;
  const Into: { from<T>(list: Iterable<T>, map: (one: T) => number): Numbers } = isFloat(type)
    ? Float32Array
    : type === 3
      ? Int8Array
      : Float64Array;
  return Into.from(given, number as (one: number | bigint) => number);
}

/** TensorProto.DataType: float, float16, double, bfloat16. */
export function isFloat(type: number | undefined): boolean {
  return type === 1 || type === 10 || type === 11 || type === 16;
}
