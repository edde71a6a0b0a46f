import relaxed from 'wasm:relaxed';
import strict from 'wasm:strict';
import type { BuildName } from './builds.js';
import { unfused } from './unfused.js';
import { unpack } from './unpack.js';

let relaxedCode: Uint8Array<ArrayBuffer> | undefined;

/** Both builds are inside; of the strict one what differs. scripts/buildWasm.mjs says so, too. */
export function plain(name: BuildName): Uint8Array<ArrayBuffer> {
  // Who ends with the strict build has looked at the relaxed one before; unpacking takes milliseconds at start-up.
  relaxedCode ??= unpack(relaxed);
  return name === 'relaxed' ? relaxedCode : unpack(strict, unfused(relaxedCode));
}

/** Builds with threads are chunks of their own: what differs from those without. */
export async function threaded(name: BuildName): Promise<Uint8Array<ArrayBuffer>> {
  const { default: packed } =
    name === 'relaxed' ? await import('wasm:relaxed-threads') : await import('wasm:strict-threads');
  return unpack(packed, plain(name));
}
