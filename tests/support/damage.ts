import { random } from './architectures.js';

/** A file as it is after an accident or an attack: cut, bits turned, bytes replaced, a part copied over another. */
export function damaged(file: Uint8Array, seed: number): Uint8Array {
  const draw = random(seed);
  const upTo = (end: number): number => Math.floor(draw() * end);
  let bytes = file.slice();
  for (let times = 1 + upTo(4); times > 0; times--) {
    const at = upTo(bytes.length);
    const kind = upTo(6);
    if (kind === 0) bytes = bytes.slice(0, at);
    else if (kind === 1) bytes[at] ^= 1 << upTo(8);
    else if (kind === 2) bytes[at] = upTo(256);
    // A length that is far too long.
    else if (kind === 3) bytes.fill(255, at, at + 1 + upTo(9));
    else if (kind === 4) bytes.copyWithin(at, upTo(bytes.length), upTo(bytes.length));
    else {
      const [from, to] = [upTo(bytes.length), upTo(bytes.length)];
      bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(from, to), ...bytes.subarray(at)]);
    }
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}
