import { formatShape, sizeOf, type Shape } from '../tensor/layout.js';
import type { NumericArray } from '../tensor/numbers.js';

/** Numbers in row-major order and their shape, as TensorDataset takes them. */
export interface IdxArray {
  readonly data: NumericArray;
  readonly shape: Shape;
}

/** Bytes of a number, and how one is read from a place: IDX is big-endian. */
interface IdxType {
  readonly size: number;
  make(count: number): NumericArray;
  read(view: DataView, at: number): number;
}

/** By the third byte of the file. */
const TYPES: Readonly<Record<number, IdxType>> = {
  0x08: { size: 1, make: (count) => new Uint8Array(count), read: (view, at) => view.getUint8(at) },
  0x09: { size: 1, make: (count) => new Int8Array(count), read: (view, at) => view.getInt8(at) },
  0x0b: { size: 2, make: (count) => new Int16Array(count), read: (view, at) => view.getInt16(at) },
  0x0c: { size: 4, make: (count) => new Int32Array(count), read: (view, at) => view.getInt32(at) },
  0x0d: { size: 4, make: (count) => new Float32Array(count), read: (view, at) => view.getFloat32(at) },
  0x0e: { size: 8, make: (count) => new Float64Array(count), read: (view, at) => view.getFloat64(at) },
};

/**
 * Reads an IDX file, the format of MNIST and its kin, gzipped or not.
 *
 * @param file its bytes, such as `await readFile(path)` or `await (await fetch(url)).arrayBuffer()`
 * @returns the numbers, of the type that the file names, and their shape: [60000, 28, 28] for the images of MNIST
 * @throws TypeError where `file` is no bytes; RangeError where they are no IDX, or not as many as their header says
 * @example
 * ```ts
 * import { data } from 'wasmgrad';
 * const file = new Uint8Array([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60]);
 * const images = await data.readIdx(file);
 * images.shape; // [2, 3]
 * new data.TensorDataset(images, [0, 1]).batch([1])[0].toArray(); // [[40, 50, 60]]
 * ```
 */
export async function readIdx(file: Uint8Array | ArrayBuffer): Promise<IdxArray> {
  let bytes: Uint8Array;
  if (file instanceof Uint8Array) bytes = file;
  else if (file instanceof ArrayBuffer) bytes = new Uint8Array(file);
  else throw new TypeError(`readIdx: expected a Uint8Array or an ArrayBuffer, got ${typeof file}`);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = await gunzip(bytes);

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = bytes.length < 4 ? Infinity : 4 + 4 * bytes[3];
  if (bytes.length < header || bytes[0] !== 0 || bytes[1] !== 0) {
    const start = [...bytes.subarray(0, 4)].join(', ');
    throw new RangeError(
      `readIdx: expected a file that begins with 0, 0, type, dimensions and their lengths, got ${bytes.length} bytes: ${start} …`,
    );
  }
  const type = TYPES[bytes[2]];
  if (!type) throw new RangeError(`readIdx: type ${bytes[2]} is none of ${Object.keys(TYPES).join(', ')}`);
  const shape = Array.from({ length: bytes[3] }, (_, i) => view.getUint32(4 + 4 * i));
  const count = sizeOf(shape);
  if (bytes.length !== header + count * type.size) {
    throw new RangeError(
      `readIdx: ${formatShape(shape)} numbers of ${type.size} bytes take ${header + count * type.size} bytes, got ${bytes.length}`,
    );
  }
  if (bytes[2] === 0x08) return { data: bytes.subarray(header), shape };
  const data = type.make(count);
  for (let i = 0; i < count; i++) data[i] = type.read(view, header + i * type.size);
  return { data, shape };
}

async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  try {
    const unpacked = packed.pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
  } catch (error) {
    throw new RangeError('readIdx: the file is gzipped, and damaged', { cause: error });
  }
}
