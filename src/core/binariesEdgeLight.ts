import strict from '../wasm/strict.wasm?module';
import type { BuildName } from './builds.js';

/**
 * Edge functions of Vercel and Next.js. The strict build alone: a host that is without relaxed SIMD (Next.js in Node 20)
 * would fail to load the other before the first line runs, and with it the whole function.
 */
export function plain(name: BuildName): WebAssembly.Module | undefined {
  return name === 'strict' ? strict : undefined;
}

/** There is nobody to share memory with. @throws always */
export async function threaded(): Promise<never> {
  throw new Error('this host has no threads');
}
