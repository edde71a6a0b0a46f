import { firstLanes, loadUpTo, madd } from '../simd';

/** The sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function sums4(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  const low = f32x4.add(i32x4.shuffle(s0, s1, 0, 4, 1, 5), i32x4.shuffle(s0, s1, 2, 6, 3, 7));
  const high = f32x4.add(i32x4.shuffle(s2, s3, 0, 4, 1, 5), i32x4.shuffle(s2, s3, 2, 6, 3, 7));
  return f32x4.add(i32x4.shuffle(low, high, 0, 1, 4, 5), i32x4.shuffle(low, high, 2, 3, 6, 7));
}

/**
 * sums[j] = start[j] + a · b_j for eight rows b_0 … b_7 of length k, of which only the first `rows` exist; there is room
 * for eight sums. Reads both operands along the reduction, so nothing is packed: the way for few rows of A, where packing
 * B would not pay. `start` is 0 for zeros.
 */
export function dotRow(k: i32, a: usize, b: usize, bStep: usize, rows: i32, start: usize, sums: usize): void {
  const b1 = rows > 1 ? b + bStep : b;
  const b2 = rows > 2 ? b1 + bStep : b1;
  const b3 = rows > 3 ? b2 + bStep : b2;
  const b4 = rows > 4 ? b3 + bStep : b3;
  const b5 = rows > 5 ? b4 + bStep : b4;
  const b6 = rows > 6 ? b5 + bStep : b5;
  const b7 = rows > 7 ? b6 + bStep : b6;
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  let s4 = zero;
  let s5 = zero;
  let s6 = zero;
  let s7 = zero;
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    const left = k - i;
    if (left >= 4) {
      const x = v128.load(a + at);
      s0 = madd(x, v128.load(b + at), s0);
      s1 = madd(x, v128.load(b1 + at), s1);
      s2 = madd(x, v128.load(b2 + at), s2);
      s3 = madd(x, v128.load(b3 + at), s3);
      s4 = madd(x, v128.load(b4 + at), s4);
      s5 = madd(x, v128.load(b5 + at), s5);
      s6 = madd(x, v128.load(b6 + at), s6);
      s7 = madd(x, v128.load(b7 + at), s7);
    } else {
      const x = firstLanes(loadUpTo(a + at, left), zero, left);
      s0 = madd(x, firstLanes(loadUpTo(b + at, left), zero, left), s0);
      s1 = madd(x, firstLanes(loadUpTo(b1 + at, left), zero, left), s1);
      s2 = madd(x, firstLanes(loadUpTo(b2 + at, left), zero, left), s2);
      s3 = madd(x, firstLanes(loadUpTo(b3 + at, left), zero, left), s3);
      s4 = madd(x, firstLanes(loadUpTo(b4 + at, left), zero, left), s4);
      s5 = madd(x, firstLanes(loadUpTo(b5 + at, left), zero, left), s5);
      s6 = madd(x, firstLanes(loadUpTo(b6 + at, left), zero, left), s6);
      s7 = madd(x, firstLanes(loadUpTo(b7 + at, left), zero, left), s7);
    }
  }
  let low = sums4(s0, s1, s2, s3);
  let high = sums4(s4, s5, s6, s7);
  if (start != 0) {
    low = f32x4.add(loadUpTo(start, rows), low);
    high = f32x4.add(loadUpTo(start + 16, rows - 4), high);
  }
  v128.store(sums, low);
  v128.store(sums, high, 16);
}

/**
 * A column of C: sums[i] = start + a_i · b for `rows` rows a_i of length k, four at a time. For the one or two columns that
 * are left over, which would take a panel and its tiles for themselves.
 */
export function dotColumn(k: i32, a: usize, aStep: usize, rows: i32, b: usize, start: f32, sums: usize): void {
  const zero = f32x4.splat(0);
  for (let i0 = 0; i0 < rows; i0 += 4) {
    // The last four, some of them for the second time; fewer than four repeat the first.
    const i = max(0, min(i0, rows - 4));
    const a0 = a + <usize>i * aStep;
    const a1 = rows > 1 ? a0 + aStep : a0;
    const a2 = rows > 2 ? a1 + aStep : a0;
    const a3 = rows > 3 ? a2 + aStep : a0;
    let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    const whole = <usize>(k & ~3) << 2;
    for (let at: usize = 0; at < whole; at += 16) {
      const x = v128.load(b + at);
      s0 = madd(v128.load(a0 + at), x, s0);
      s1 = madd(v128.load(a1 + at), x, s1);
      s2 = madd(v128.load(a2 + at), x, s2);
      s3 = madd(v128.load(a3 + at), x, s3);
    }
    const end = <usize>k << 2;
    for (let at = whole; at < end; at += 4) {
      const x = v128.load32_zero(b + at);
      s0 = madd(v128.load32_zero(a0 + at), x, s0);
      s1 = madd(v128.load32_zero(a1 + at), x, s1);
      s2 = madd(v128.load32_zero(a2 + at), x, s2);
      s3 = madd(v128.load32_zero(a3 + at), x, s3);
    }
    // Room for four there always is.
    v128.store(sums + (<usize>i << 2), f32x4.add(f32x4.splat(start), sums4(s0, s1, s2, s3)));
  }
}

/** The same where the rows of A go down its columns: sums[i] = start + Σ_p a[p, i] · b_p, in the order of the tile. */
export function downColumn(
  k: i32, a: usize, aStep: usize, rows: i32, b: usize, bStep: usize, start: f32, sums: usize,
): void {
  const first = f32x4.splat(start);
  let i = 0;
  for (; i + 16 <= rows; i += 16) {
    let s0 = first, s1 = first, s2 = first, s3 = first;
    let from = a + (<usize>i << 2);
    let at = b;
    for (let p = 0; p < k; p++) {
      const x = v128.load32_splat(at);
      s0 = madd(v128.load(from), x, s0);
      s1 = madd(v128.load(from, 16), x, s1);
      s2 = madd(v128.load(from, 32), x, s2);
      s3 = madd(v128.load(from, 48), x, s3);
      from += aStep;
      at += bStep;
    }
    const to = sums + (<usize>i << 2);
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
  for (; i < rows; i += 4) {
    const left = rows - i;
    let sum = first;
    let from = a + (<usize>i << 2);
    let at = b;
    for (let p = 0; p < k; p++) {
      sum = madd(loadUpTo(from, left), v128.load32_splat(at), sum);
      from += aStep;
      at += bStep;
    }
    v128.store(sums + (<usize>i << 2), sum);
  }
}
