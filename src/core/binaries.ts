import type { BuildName } from './builds.js';

/** Code of the core: bytes to be compiled, or what a host compiled already. */
export type Binary = Uint8Array<ArrayBuffer> | WebAssembly.Module;

/**
 * What the modules behind `#binaries` export: the core inside the JavaScript, or imported as modules where hosts
 * forbid compiling bytes. rollup.config.mjs says which entry of the package has which.
 */
export interface BinariesModule {
  /** The build, or undefined where this entry does not have it. */
  plain(name: BuildName): Binary | undefined;
  /** The build with threads. @throws where this entry has none */
  threaded(name: BuildName): Promise<Uint8Array<ArrayBuffer>>;
}
