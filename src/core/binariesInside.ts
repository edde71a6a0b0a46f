import relaxed from 'wasm:relaxed';
import strict from 'wasm:strict';
import type { BuildName } from './builds.js';
import { unpack } from './unpack.js';

/** Both builds are inside; of the strict one what differs. scripts/buildWasm.mjs says so, too. */
export function plain(name: BuildName): Uint8Array<ArrayBuffer> {
  const code = unpack(relaxed);
  return name === 'relaxed' ? code : unpack(strict, code);
}

/** Builds with threads are chunks of their own: what differs from those without. */
export async function threaded(name: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const { default: packed } =
    name === 'relaxed' ? await import('wasm:relaxed-threads') : await import('wasm:strict-threads');
  return unpack(packed, plain(name));
}
