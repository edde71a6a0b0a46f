/** An irregular odd key from a seed: splitmix64's finaliser. */
function keyOf(seed: u64): u64 {
  let z = seed + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) | 1;
}

/** The 32 random bits that belong to a counter: "Squares", four rounds (Widynski, 2020). */
function squares(counter: u64, key: u64): u32 {
  let x = counter * key;
  const y = x;
  const z = y + key;
  x = rotl(x * x + y, 32);
  x = rotl(x * x + z, 32);
  x = rotl(x * x + y, 32);
  return <u32>((x * x + z) >> 32);
}

/**
 * mask = 0 with probability p, else 1 / (1 − p); y = x · mask, for elements [begin, end).
 * generator: {u64 seed, u64 counter}; element i uses the number counter + i.
 */
export function dropout(y: usize, x: usize, mask: usize, generator: usize, p: f32, begin: i32, end: i32): void {
  const key = keyOf(load<u64>(generator));
  const counter = load<u64>(generator, 8);
  const threshold = <u64>(<f64>p * 4294967296.0);
  const kept: f32 = <f32>1 / (<f32>1 - p);
  for (let i = begin; i < end; i++) {
    const at = <usize>i << 2;
    const dropped = <u64>squares(counter + <u64>i, key) < threshold;
    const m = dropped ? <f32>0 : kept;
    store<f32>(mask + at, m);
    // An infinite element that is dropped is 0 too.
    store<f32>(y + at, dropped ? 0 : load<f32>(x + at) * kept);
  }
}
