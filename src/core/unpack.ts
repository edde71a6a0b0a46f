import decoder from 'wasm:unpack';

/** Where the tables of assembly/unpack.ts end. */
const TABLES_BYTES = 78_337 * 4;
/** Behind what is packed there are zeros. */
const ZEROS_BYTES = 64;

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * The code of a build, from what scripts/pack.mjs made of it.
 *
 * @param known the build that it was packed with
 */
export function unpack(packed: string, known = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(decode(decoder)));
  const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  const bytes = decode(packed);
  const start = TABLES_BYTES + known.length;
  const from = memory.length - ZEROS_BYTES - bytes.length;
  memory.set(known, TABLES_BYTES);
  memory.set(bytes, from);
  const length = (exports.unpack as (packed: number, output: number) => number)(from, start);
  return memory.slice(start, start + length);
}
