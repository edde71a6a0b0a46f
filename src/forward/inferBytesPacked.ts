import packed from 'wasm:infer';
import { unpack } from '../core/unpack.js';

/** The core for inference (assembly/infer.ts), to be compiled or to be written into a file. */
export function inferBytes(): Uint8Array<ArrayBuffer> {
  return unpack(packed);
}
