import { shown } from '../core/shown.js';
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

/** More than that no gzipped byte can unpack to. */
const MOST_UNPACKED = 1032;

interface Header {
  readonly type: IdxType;
  readonly shape: Shape;
  /** Length of the header itself, and of the whole file, in bytes. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads an IDX file, the format of MNIST and its kin, gzipped or not. A gzipped one is unpacked as far as its header says
 * and no further.
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
  let bytes = bytesOf(file);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = await gunzip(bytes);
  const header = headerOf(bytes);
  if (!header) throw notIdx(bytes);
  const { type, shape, start, end } = header;
  if (bytes.length !== end) throw misfit(header, String(bytes.length));
  if (type === TYPES[0x08]) return { data: bytes.subarray(start), shape };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = type.make(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = type.read(view, start + i * type.size);
  return { data, shape };
}

function bytesOf(file: Uint8Array | ArrayBuffer): Uint8Array {
  if (file instanceof Uint8Array) return file;
  if (!(file instanceof ArrayBuffer)) {
    const given: unknown = file;
    // Such as one of fetch(): it may fail, too.
    if (given instanceof Promise) given.catch(() => undefined);
    throw new TypeError(`readIdx: expected a Uint8Array or an ArrayBuffer, got ${shown(file)}`);
  }
  try {
    return new Uint8Array(file);
  } catch (cause) {
    throw new TypeError('readIdx: the memory of the ArrayBuffer was transferred', { cause });
  }
}

/** What the first bytes of a file say; undefined where they are too few to say it. */
function headerOf(bytes: Uint8Array): Header | undefined {
  if (bytes.length < 4) return undefined;
  if (bytes[0] !== 0 || bytes[1] !== 0) throw notIdx(bytes);
  const type = TYPES[bytes[2]];
  if (!type) throw new RangeError(`readIdx: type ${bytes[2]} is none of ${Object.keys(TYPES).join(', ')}`);
  const start = 4 + 4 * bytes[3];
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape = Array.from({ length: bytes[3] }, (_, i) => view.getUint32(4 + 4 * i));
  const count = shape.includes(0) ? 0 : sizeOf(shape);
  return { type, shape, start, end: start + count * type.size };
}

function notIdx(bytes: Uint8Array): RangeError {
  const first = [...bytes.subarray(0, 4)].join(', ');
  return new RangeError(
    `readIdx: expected a file that begins with 0, 0, type, dimensions and their lengths, got ${bytes.length} bytes: ${first} …`,
  );
}

function misfit({ type, shape, end }: Header, got: string): RangeError {
  return new RangeError(
    `readIdx: ${formatShape(shape)} numbers of ${type.size} bytes take ${end} bytes, got ${got}`,
  );
}

/** Unpacks a gzipped file, and no more of it than its header says that there is. */
async function gunzip(packed: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  const reader = stream.getReader();
  let header: Header | undefined;
  let bytes = new Uint8Array();
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new RangeError('readIdx: the file is gzipped, and damaged', { cause });
      });
      if (done) return bytes.subarray(0, length);
      if (header && length + value.length > header.end) throw misfit(header, 'more');
      if (length + value.length > bytes.length) bytes = joined(bytes.subarray(0, length), value);
      else bytes.set(value, length);
      length += value.length;
      if (header) continue;
      header = headerOf(bytes.subarray(0, length));
      if (!header) continue;
      const { end } = header;
      if (length > end) throw misfit(header, 'more');
      if (end > packed.length * MOST_UNPACKED) {
        throw misfit(header, `${packed.length} gzipped bytes, which cannot hold them`);
      }
      bytes = joined(bytes.subarray(0, length), new Uint8Array(end - length));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
