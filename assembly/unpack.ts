// Gives the code of a build back, from what scripts/pack.mjs made of it: copies of what came before, coded with the
// probabilities of what happened so far (LZ77 and an adaptive arithmetic coder, as in LZMA). Deflate would take a fifth
// more, and hosts can undo it only asynchronously. A module by itself, since it has to be there before the core is; in
// JavaScript the same takes ten times as long the first time.
//
// Memory begins with what is known of each bit, 4 bytes each: how often it was 1, of 2²⁷, less a half; and in the last
// five bits, how often it was seen, 31 at most. Fresh memory has nothing seen and everything at a half.

// @ts-ignore: decorator
@inline const HALF: i32 = 1 << 26;
// @ts-ignore: decorator
@inline const SLOWEST: i32 = 5;

// Places of probabilities; from 0 on, a byte by the one before it. A copy: after a byte or a copy, and by the byte before.
// Again: from as far back as the last one. Numbers take 2048 places each.
// @ts-ignore: decorator
@inline const COPY: i32 = 65536;
// @ts-ignore: decorator
@inline const AGAIN: i32 = COPY + 512;
// @ts-ignore: decorator
@inline const COUNT: i32 = AGAIN + 1;
// @ts-ignore: decorator
@inline const OFFSET: i32 = COUNT + 2 * 2048;
// @ts-ignore: decorator
@inline const SIZE: i32 = OFFSET + 3 * 2048;
// @ts-ignore: decorator
@inline const PLACES: i32 = SIZE + 2048;

let next: usize;
let range: u32;
let code: u32;

function bit(place: i32): i32 {
  const at: usize = place << 2;
  const known = load<i32>(at);
  const chance = known >> 5;
  const bound = (range >> 12) * <u32>max<i32>((chance + HALF) >> 15, 1);
  const one = <i32>(code < bound);
  if (one) range = bound;
  else {
    code -= bound;
    range -= bound;
  }
  while (range < 1 << 24) {
    range <<= 8;
    code = (code << 8) | load<u8>(next++);
  }
  const seen = (known & 31) + 1;
  const slowness = min<i32>(32 - clz(seen), SLOWEST);
  const moved = chance + (((one ? HALF - 1 : -HALF) - chance) >> slowness);
  store<i32>(at, (moved << 5) | min<i32>(seen, 31));
  return one;
}

/** From 1 on: how many digits there are, then the digits. */
function number(place: i32): i32 {
  let digits = 0;
  while (bit(place + digits)) digits++;
  let value = 1;
  for (let left = digits - 1; left >= 0; left--) {
    value = (value << 1) | bit(place + 32 + (digits << 6) + (value < 16 ? value : 16 + left));
  }
  return value;
}

/**
 * @param packed pointer, with zeros behind it
 * @param output pointer; what lies before it from PLACES · 4 on may be copied
 * @returns how many bytes there are at `output` now
 */
export function unpack(packed: usize, output: usize): usize {
  next = packed;
  range = <u32>-1;
  code = 0;
  for (let i = 0; i < 4; i++) code = (code << 8) | load<u8>(next++);
  const length = number(SIZE);
  const end = output + length;
  let copied = 0;
  let offset = 1;
  for (let at = output; at < end; ) {
    const before = <i32>load<u8>(at - 1);
    if (bit(COPY + (copied << 8) + before)) {
      const again = copied ? 0 : bit(AGAIN);
      let count = number(COUNT + (again << 11)) + 1 - again;
      if (!again) offset = number(OFFSET + (min(count - 2, 2) << 11));
      for (; count > 0; count--, at++) store<u8>(at, load<u8>(at - offset));
      copied = 1;
    } else {
      let value = 1;
      while (value < 256) value = (value << 1) | bit((before << 8) + value);
      store<u8>(at++, value);
      copied = 0;
    }
  }
  return length;
}
