import { inferBytes } from './inferBytes.js';

/** The core for inference, compiled from what this entry of the package has inside. */
export function compiled(): WebAssembly.Module {
  return new WebAssembly.Module(inferBytes());
}
