import { handled } from './handled.js';
import { show } from './shown.js';

/**
 * The bytes of a buffer, or of a view of one. Memory that threads share is copied: it could change while it is read.
 *
 * @throws TypeError if it is something else, or its memory was transferred
 */
export function bytesOf(operation: string, file: ArrayBuffer | ArrayBufferView): Uint8Array {
  let got = show(file);
  if ('byteLength' in Object(file)) {
    try {
      const bytes = ArrayBuffer.isView(file)
        ? new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
        : new Uint8Array(file);
      // What another realm made is copied as well.
      return bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
    } catch {
      got = 'a transferred one';
    }
  }
  handled(file);
  throw new TypeError(`${operation}: expected an ArrayBuffer or a typed array, got ${got}`);
}
