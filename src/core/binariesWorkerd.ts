import relaxed from '../wasm/relaxed.wasm';
import strict from '../wasm/strict.wasm';
import type { BuildName } from './builds.js';

/** Cloudflare's workerd compiles both before the first line runs, and has relaxed SIMD in all of its versions. */
export function plain(name: BuildName): WebAssembly.Module {
  return name === 'relaxed' ? relaxed : strict;
}

/** There is nobody to share memory with. @throws always */
export async function threaded(): Promise<never> {
  throw new Error('this host has no threads');
}
