import base64 from 'wasm:infer';

/** The core for inference (assembly/infer.ts), to be compiled or to be written into a file. */
export function inferBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
