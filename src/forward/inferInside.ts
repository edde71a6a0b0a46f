import { inferBytes } from './inferBytesPacked.js';

let module: WebAssembly.Module | undefined;

/** The core for inference, compiled from what this entry of the package has inside. */
export function compiled(): WebAssembly.Module {
  return (module ??= new WebAssembly.Module(inferBytes()));
}
