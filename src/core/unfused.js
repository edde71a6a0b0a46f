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
  /** @type {number[]} */
  const result = [];
  for (const byte of code) {
    const end = result.push(byte) - OPCODE_BYTES;
    if (result[end] !== 0xfd || result[end + 1] !== 0x85 || byte !== 2) continue;
    // f32x4.relaxed_madd, with its addend before it: f32x4.mul comes before that, f32x4.add takes its place.
    const length = BY_LOCAL.find((bytes) => result[end - bytes] === LOCAL_GET) ?? CONSTANT_BYTES;
    const addend = result.splice(end - length).slice(0, length);
    result.push(0xfd, 0xe6, 1, ...addend, 0xfd, 0xe4, 1);
  }
  return new Uint8Array(result);
}
