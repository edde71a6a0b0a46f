import { show } from './shown.js';

/**
 * The bytes of a buffer, or of a view of one. Memory that threads share is copied: it could change while it is read.
 *
 * @throws TypeError if it is something else, or its buffer belongs to another thread by now
 */
export function bytesOf(operation: string, file: ArrayBuffer | ArrayBufferView): Uint8Array {
  const view = ArrayBuffer.isView(file);
  const buffer: unknown = view ? file.buffer : file;
  // Those of other realms are no instances of these classes.
  const kind = Object.prototype.toString.call(buffer);
  if (!/^\[object (Shared)?ArrayBuffer]$/.test(kind)) {
    throw new TypeError(`${operation}: expected an ArrayBuffer or a typed array, got ${show(file)}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = view ? new Uint8Array(file.buffer, file.byteOffset, file.byteLength) : new Uint8Array(file);
  } catch {
    throw new TypeError(`${operation}: the buffer was transferred, and is empty here; pass a copy of it`);
  }
  return kind.includes('Shared') ? bytes.slice() : bytes;
}
