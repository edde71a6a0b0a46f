import decoder from 'wasm:unpack';
import { bytesOf } from './base64.js';

/** Where the tables of assembly/unpack.ts end. */
const TABLES_BYTES = 78_337 * 4;
/** Behind what is packed there are zeros. */
const ZEROS_BYTES = 64;

/**
 * The code of a build, from what scripts/pack.mjs made of it.
 *
 * @param known the build that it was packed with
 */
export function unpack(packed: string, known = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytesOf(decoder)));
  const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
  const bytes = bytesOf(packed);
  const start = TABLES_BYTES + known.length;
  const from = memory.length - ZEROS_BYTES - bytes.length;
  memory.set(known, TABLES_BYTES);
  memory.set(bytes, from);
  const length = (exports.unpack as (packed: number, output: number) => number)(from, start);
  return memory.slice(start, start + length);
}
