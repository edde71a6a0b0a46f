import * as binaries from '#binaries';
import type { BinariesModule, Binary } from './binaries.js';

/**
 * `strict` gives the same bits on every machine; `relaxed` uses fused multiply-add (relaxed SIMD), which is faster
 * and rounds once less per product.
 */
export type BuildName = 'strict' | 'relaxed';

export interface Build {
  readonly name: BuildName;
  readonly code: Binary;
  /** Why this build was taken. */
  readonly reason: string;
}

const { plain, threaded }: BinariesModule = binaries;

export { threaded };

/** Whether the host has yet to compile it. Modules may come from another realm, where `instanceof` knows none. */
export function isBytes(code: Binary): code is Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(code);
}

/** The build, or why there is none. */
function runnable(name: BuildName): Binary | string {
  const code = plain(name);
  if (!code) return `the entry of this package for edge functions has no ${name} build`;
  // Bytes are what can be validated. A module was, by the host.
  if (!isBytes(code) || WebAssembly.validate(code)) return code;
  return `this host has no ${name === 'relaxed' ? 'relaxed' : 'WebAssembly'} SIMD`;
}

/**
 * The fastest build that this host runs, decided by validating the binary itself; or the one asked for.
 *
 * @param module the build asked for, where the user compiled it
 */
export function selectBuild(requested: BuildName | 'auto', module?: WebAssembly.Module): Build {
  const asked = 'asked for by configure()';
  if (module) return { name: requested as BuildName, code: module, reason: `${asked}, and its module given` };
  const relaxed = requested === 'strict' ? asked : runnable('relaxed');
  if (typeof relaxed !== 'string') {
    const reason = requested === 'auto' ? 'this host has relaxed SIMD' : asked;
    return { name: 'relaxed', code: relaxed, reason };
  }
  if (requested === 'relaxed') {
    throw new Error(`configure: build 'relaxed' asked for, but ${relaxed}; use 'strict'`);
  }
  const strict = runnable('strict');
  if (typeof strict === 'string') throw new Error(`wasmgrad cannot start: ${strict}`);
  return { name: 'strict', code: strict, reason: relaxed };
}
