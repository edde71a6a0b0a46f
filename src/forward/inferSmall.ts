import base64 from 'wasm:infer-deflated';
import { bytesOf } from '../core/base64.js';

/** The core for inference, which this entry of the package has deflated inside. */
export async function compiled(): Promise<WebAssembly.Module> {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return WebAssembly.compile(await new Response(stream).arrayBuffer());
}
