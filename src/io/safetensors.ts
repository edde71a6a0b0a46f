import { shown } from '../core/shown.js';
import { formatShape } from '../tensor/layout.js';
import { checkShape } from '../tensor/numbers.js';
import { bytesOf } from './bytes.js';
import { DTYPES, type Dtype } from './dtypes.js';
import { checkMetadata } from './metadata.js';
import { parseHeader, type HeaderEntry } from './safetensorsHeader.js';
import { clip, show } from './shown.js';

// The format, and the reference implementation's checks: https://github.com/huggingface/safetensors#format

/** The largest header that the reference implementation reads. */
const MAX_HEADER_BYTES = 100_000_000;

/** A tensor as a safetensors file holds it. */
export interface SafeTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, row-major, without padding. */
  readonly bytes: Uint8Array;
}

/** What a safetensors file holds. */
export interface SafeTensors {
  /** In the order of the header; the bytes are views of the file's. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Takes a safetensors file apart.
 *
 * @throws RangeError where anything is not as the format wants it; TypeError on anything but bytes
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from 'wasmgrad/io';
 * const bytes = new Uint8Array(Float32Array.of(1, 2).buffer);
 * const file = writeSafetensors(new Map([['a', { dtype: 'F32', shape: [2], bytes }]]), { made: 'here' });
 * const { tensors, metadata } = readSafetensors(file);
 * tensors.get('a')!.shape; // [2]
 * metadata.made; // "here"
 * ```
 */
export function readSafetensors(
  file: ArrayBuffer | ArrayBufferView,
  operation = 'readSafetensors',
): SafeTensors {
  const bytes = bytesOf(operation, file);
  const fail = (problem: string): never => {
    throw new RangeError(`${operation}: ${problem}`);
  };
  if (bytes.length < 8) fail(`expected 8 bytes at least, got ${bytes.length}: this is no safetensors file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (headerBytes > MAX_HEADER_BYTES) {
    fail(
      `the header claims ${headerBytes} bytes, more than ${MAX_HEADER_BYTES}: this is no safetensors file`,
    );
  }
  if (headerBytes > bytes.length - 8) {
    fail(`the header claims ${headerBytes} bytes, but only ${bytes.length - 8} follow: the file is cut off`);
  }
  let text = '';
  try {
    // A copy, since shared memory is not decoded.
    const header = bytes.slice(8, 8 + headerBytes);
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    fail('the header is not UTF-8');
  }
  const { entries, metadata } = parseHeader(operation, text);
  const data = bytes.subarray(8 + headerBytes);
  checkLayout(operation, entries, data.length);
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { dtype, shape, begin, end }] of entries) {
    tensors.set(name, { dtype: dtype as Dtype, shape, bytes: data.subarray(begin, end) });
  }
  return { tensors, metadata: Object.fromEntries(metadata) };
}

/** Throws where tensors do not follow each other from the first byte to the last, or are not as long as they should be. */
function checkLayout(operation: string, entries: ReadonlyMap<string, HeaderEntry>, dataBytes: number): void {
  const fail = (name: string, problem: string): never => {
    throw new RangeError(`${operation}: ${clip(name)}: ${problem}`);
  };
  for (const [name, { dtype, shape, begin, end }] of entries) {
    if (!Object.hasOwn(DTYPES, dtype)) {
      fail(name, `dtype ${show(dtype)} is not supported (known: ${Object.keys(DTYPES).join(', ')})`);
    }
    let wanted = DTYPES[dtype as Dtype].bytes;
    for (const length of shape) {
      wanted *= length;
      if (!Number.isSafeInteger(wanted))
        fail(name, `shape ${clip(formatShape(shape))} is larger than any file`);
    }
    if (end - begin !== wanted) {
      const got = `${dtype} ${clip(formatShape(shape))} takes ${wanted} bytes`;
      fail(name, `${got}, but data_offsets [${begin}, ${end}] say ${end - begin}`);
    }
    if (end > dataBytes)
      fail(name, `data_offsets [${begin}, ${end}] end behind the data's ${dataBytes} bytes`);
  }
  let at = 0;
  const inOrder = [...entries].toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== at) {
      fail(
        name,
        `begins at byte ${begin}, but the tensor before it ends at ${at}: holes and overlaps are not allowed`,
      );
    }
    at = end;
  }
  if (at !== dataBytes) {
    throw new RangeError(
      `${operation}: the tensors end at byte ${at} of ${dataBytes}: the rest belongs to none`,
    );
  }
}

/** The numbers of a tensor as float32, a copy: those of other types are rounded to the nearest. */
export function toFloat32({ dtype, bytes }: SafeTensor): Float32Array {
  // Copied in any case: files of other programs may have tensors where no typed array can begin.
  return DTYPES[dtype].toFloat32(bytes.slice().buffer);
}

const OPERATION = 'writeSafetensors';

function checkedTensors(tensors: unknown): (readonly [name: string, tensor: SafeTensor])[] {
  if (!(tensors instanceof Map)) {
    throw new TypeError(`${OPERATION}: expected a Map of tensors by name, got ${shown(tensors)}`);
  }
  return Array.from(tensors as ReadonlyMap<unknown, unknown>, ([name, tensor]) => {
    if (typeof name !== 'string') {
      throw new TypeError(`${OPERATION}: expected names of tensors to be strings, got ${shown(name)}`);
    }
    if (name === '__metadata__') throw new RangeError(`${OPERATION}: no tensor can be called __metadata__`);
    const { dtype, shape, bytes } = Object(tensor) as Partial<SafeTensor>;
    if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) {
      throw new (typeof dtype === 'string' ? RangeError : TypeError)(
        `${OPERATION}: expected the dtype of ${clip(name)} to be one of ${Object.keys(DTYPES).join(', ')}, got ${shown(dtype)}`,
      );
    }
    checkShape(`${OPERATION}: ${clip(name)}`, shape);
    return [name, { dtype, shape: shape!, bytes: bytesOf(`${OPERATION}: ${clip(name)}`, bytes!) }];
  });
}

/**
 * Puts tensors together to a safetensors file, as the reference implementation lays it out: those of the largest numbers
 * first, so that each begins where its numbers can be read in place.
 *
 * @throws RangeError where a tensor does not have the bytes that its shape wants, or the header would be too long; TypeError
 * on anything but tensors by name
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  checkMetadata(OPERATION, metadata);
  const inOrder = checkedTensors(tensors).toSorted(
    ([a, x], [b, y]) => DTYPES[y.dtype].bytes - DTYPES[x.dtype].bytes || (a < b ? -1 : 1),
  );
  // By hand, since an object puts keys that look like integers first.
  const parts: string[] = [];
  if (Object.keys(metadata).length > 0) parts.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of inOrder) {
    const wanted = shape.reduce((product, length) => product * length, DTYPES[dtype].bytes);
    if (bytes.length !== wanted) {
      throw new RangeError(
        `writeSafetensors: expected ${name} ${dtype} ${formatShape(shape)} in ${wanted} bytes, got ${bytes.length}`,
      );
    }
    const entry = { dtype, shape, data_offsets: [at, (at += wanted)] };
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new RangeError(
      `writeSafetensors: expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${headerBytes}`,
    );
  }
  const file = new Uint8Array(8 + headerBytes + at);
  new DataView(file.buffer).setUint32(0, headerBytes, true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + headerBytes);
  let to = 8 + headerBytes;
  for (const [, { bytes }] of inOrder) {
    file.set(bytes, to);
    to += bytes.length;
  }
  return file;
}
