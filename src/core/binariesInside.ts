import relaxed from 'wasm:relaxed';
import strict from 'wasm:strict';
import type { BuildName } from './builds.js';

/** Bytes from base64. */
function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Both builds are inside. */
export function plain(name: BuildName): Uint8Array<ArrayBuffer> {
  return decode(name === 'relaxed' ? relaxed : strict);
}

/** Builds with threads are chunks of their own. */
export async function threaded(name: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const { default: base64 } =
    name === 'relaxed' ? await import('wasm:relaxed-threads') : await import('wasm:strict-threads');
  return decode(base64);
}
