import base64 from 'wasm:infer-deflated';

/** The core for inference, which this entry of the package has deflated inside. */
export async function compiled(): Promise<WebAssembly.Module> {
  // Not by base64.ts, which is faster and longer: of 4 kB it takes no tenth of a millisecond.
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Response(bytes).body!.pipeThrough(new DecompressionStream('deflate-raw'));
  return WebAssembly.compile(await new Response(stream).arrayBuffer());
}
