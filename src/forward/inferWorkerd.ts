import module from '../wasm/infer.wasm';

/** The core for inference, compiled by the host. */
export function compiled(): WebAssembly.Module {
  return module;
}
