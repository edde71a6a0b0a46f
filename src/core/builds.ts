import relaxed from 'wasm:relaxed';
import strict from 'wasm:strict';

/**
 * `strict` gives the same bits on every machine; `relaxed` uses fused multiply-add (relaxed SIMD), which is faster
 * and rounds once less per product.
 */
export type BuildName = 'strict' | 'relaxed';

export interface Build {
  readonly name: BuildName;
  readonly code: Uint8Array<ArrayBuffer> | WebAssembly.Module;
  /** Why this build was taken. */
  readonly reason: string;
}

/** Bytes from base64. */
export function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The fastest build that this host runs, decided by validating the binary itself; or the one asked for. */
export function selectBuild(requested: BuildName | 'auto'): Build {
  if (requested !== 'strict') {
    const bytes = decode(relaxed);
    if (WebAssembly.validate(bytes)) {
      const reason = requested === 'auto' ? 'this host has relaxed SIMD' : 'asked for by configure()';
      return { name: 'relaxed', code: bytes, reason };
    }
    if (requested === 'relaxed') {
      throw new Error(
        "configure: build 'relaxed' asked for, but this host has no relaxed SIMD; use 'strict'",
      );
    }
  }
  const bytes = decode(strict);
  if (!WebAssembly.validate(bytes)) {
    throw new Error('wasmgrad needs WebAssembly SIMD, which this host does not have');
  }
  const reason = requested === 'auto' ? 'this host has no relaxed SIMD' : 'asked for by configure()';
  return { name: 'strict', code: bytes, reason };
}
