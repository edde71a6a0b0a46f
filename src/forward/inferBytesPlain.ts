import base64 from 'wasm:infer-plain';
import { bytesOf } from '../core/base64.js';

/** The core for inference, to be written into a file: as it is, since this host would not compile what unpacks it. */
export function inferBytes(): Uint8Array<ArrayBuffer> {
  return bytesOf(base64);
}
