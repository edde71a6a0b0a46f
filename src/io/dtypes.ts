import { float16 } from './float16.js';

/** How safetensors names the types of numbers that are read, and how many bytes one takes. */
export type Dtype =
  'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'U64' | 'I32' | 'U32' | 'I16' | 'U16' | 'I8' | 'U8' | 'BOOL';

interface DtypeKind {
  readonly bytes: number;
  /** float32 numbers of as many bytes as there are. */
  readonly toFloat32: (bytes: ArrayBuffer) => Float32Array;
}

type NumberArray = new (
  buffer: ArrayBuffer,
) => Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

const kindOf = (Numbers: NumberArray, bytes: number): DtypeKind => ({
  bytes,
  toFloat32: (buffer) => Float32Array.from(new Numbers(buffer)),
});

const bigKind = (Numbers: new (buffer: ArrayBuffer) => BigInt64Array | BigUint64Array): DtypeKind => ({
  bytes: 8,
  toFloat32(buffer) {
    const values = new Numbers(buffer);
    const result = new Float32Array(values.length);
    for (let i = 0; i < values.length; i++) result[i] = Number(values[i]);
    return result;
  },
});

export const DTYPES: Readonly<Record<Dtype, DtypeKind>> = {
  F64: kindOf(Float64Array, 8),
  F32: { bytes: 4, toFloat32: (buffer) => new Float32Array(buffer) },
  F16: {
    bytes: 2,
    toFloat32: (buffer) => Float32Array.from(new Uint16Array(buffer), float16),
  },
  BF16: {
    bytes: 2,
    // The upper half of a float32.
    toFloat32: (buffer) =>
      new Float32Array(Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer),
  },
  I64: bigKind(BigInt64Array),
  U64: bigKind(BigUint64Array),
  I32: kindOf(Int32Array, 4),
  U32: kindOf(Uint32Array, 4),
  I16: kindOf(Int16Array, 2),
  U16: kindOf(Uint16Array, 2),
  I8: kindOf(Int8Array, 1),
  U8: kindOf(Uint8Array, 1),
  BOOL: kindOf(Uint8Array, 1),
};
