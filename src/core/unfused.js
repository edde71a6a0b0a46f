const VECTOR = 0xfd;
const MULTIPLY = [VECTOR, 0xe6, 1];
const ADD = [VECTOR, 0xe4, 1];
const OPCODE_BYTES = 3;
const LOCAL_GET = 0x20;
/** How long an addend can be that begins with local.get: itself, or a load by it. A constant is longer. */
const BY_LOCAL = [2, 3, 6];
const CONSTANT_BYTES = 18;

/**
 * What the strict build is like: the code of the relaxed one with a product and a sum for each fused multiply-add. It is no
 * module, because nothing that depends on the length of code is changed; the strict build is packed as what differs from it.
 *
 * @param {Uint8Array} code
 */
export function unfused(code) {
  const result = new Uint8Array(code.length * 2);
  let size = 0;
  let from = 0;
  const put = (/** @type {ArrayLike<number>} */ bytes) => {
    result.set(bytes, size);
    size += bytes.length;
  };
  // Looked for by the host: a loop over all bytes takes 25 ms before it is compiled.
  for (let at = code.indexOf(VECTOR); at >= 0; at = code.indexOf(VECTOR, at + 1)) {
    if (code[at + 1] !== 0x85 || code[at + 2] !== 2) continue;
    // f32x4.relaxed_madd, with its addend before it: f32x4.mul comes before that, f32x4.add takes its place.
    const length = BY_LOCAL.find((bytes) => code[at - bytes] === LOCAL_GET) ?? CONSTANT_BYTES;
    const addend = Math.max(from, at - length);
    put(code.subarray(from, addend));
    put(MULTIPLY);
    put(code.subarray(addend, at));
    put(ADD);
    from = at + OPCODE_BYTES;
  }
  put(code.subarray(from));
  return result.subarray(0, size);
}
