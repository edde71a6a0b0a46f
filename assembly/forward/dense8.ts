import { max4, loadUpTo, storeUpTo } from '../simd';

// Weights in 8 bits by activations in up to 16: the products are exact in 32 bits, so sums have one value in whatever order.
// A row of activations is scaled so that its largest becomes `levels`, which is as much as k products of it by
// −128 … 127 leave room for.

/** Bytes of a row of k activations as integers: whole vectors, behind the last element zeros. */
// @ts-ignore: decorator
@inline
function rowBytes(k: i32): usize {
  return <usize>((k + 7) >> 3) << 4;
}

/** c[m, n] = max(a[m, k] · (w · scales)ᵀ + bias, floor); `own` has room for the rows of integers and their scales. */
export function dense8(
  c: usize, a: usize, w: usize, bias: usize, scales: usize, own: usize, m: i32, n: i32, k: i32, floor: f32, levels: f32,
): void {
  const step = rowBytes(k);
  const rowScales = own + <usize>m * step;
  for (let i = 0; i < m; i++) {
    store<f32>(rowScales + (<usize>i << 2), quantize(own + <usize>i * step, a + ((<usize>i * <usize>k) << 2), k, levels));
  }
  for (let j = 0; j < n; j += 4) {
    const rows = w + <usize>j * <usize>k;
    const at = <usize>j << 2;
    const start = bias != 0 ? v128.load(bias + at) : f32x4.splat(0);
    const scale = v128.load(scales + at);
    // Where there are fewer than four rows of weights, sums of others are not stored.
    const left = n - j;
    const r1 = left > 1 ? rows + k : rows;
    const r2 = left > 2 ? r1 + k : rows;
    const r3 = left > 3 ? r2 + k : rows;
    const count = k;
    for (let i = 0; i < m; i += 2) {
      // A row alone is computed twice, at no cost to what is loaded.
      const second = i + 1 < m ? i + 1 : i;
      pair(
        own + <usize>i * step, own + <usize>second * step, rows, r1, r2, r3, count, rowScales + (<usize>i << 2),
        rowScales + (<usize>second << 2), scale, start, floor, c + ((<usize>i * <usize>n) << 2) + at,
        c + ((<usize>second * <usize>n) << 2) + at, left,
      );
    }
  }
}

/** A row of k numbers as integers; returns what they are to be multiplied by. */
function quantize(to: usize, from: usize, k: i32, levels: f32): f32 {
  let most = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) most = f32x4.max(most, f32x4.abs(loadUpTo(from + (<usize>i << 2), k - i)));
  const largest = max4(most);
  const factor = f32x4.splat(largest > 0 ? levels / largest : 0);
  for (let i = 0; i < k; i += 8) {
    const at = from + (<usize>i << 2);
    const low = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(loadUpTo(at, k - i), factor)));
    const high = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(loadUpTo(at + 16, k - i - 4), factor)));
    v128.store(to, i16x8.narrow_i32x4_s(low, high));
    to += 16;
  }
  return largest / levels;
}

/** The sums of four vectors. */
// @ts-ignore: decorator
@inline
function sums(v0: v128, v1: v128, v2: v128, v3: v128): v128 {
  const low01 = i32x4.add(i32x4.shuffle(v0, v1, 0, 4, 1, 5), i32x4.shuffle(v0, v1, 2, 6, 3, 7));
  const low23 = i32x4.add(i32x4.shuffle(v2, v3, 0, 4, 1, 5), i32x4.shuffle(v2, v3, 2, 6, 3, 7));
  return i32x4.add(i64x2.shuffle(low01, low23, 0, 2), i64x2.shuffle(low01, low23, 1, 3));
}

// @ts-ignore: decorator
@inline
function put(to: usize, total: v128, rowScale: usize, scale: v128, start: v128, floor: f32, left: i32): void {
  const factor = f32x4.mul(v128.load32_splat(rowScale), scale);
  const y = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(total), factor), start);
  storeUpTo(to, f32x4.pmax(y, f32x4.splat(floor)), left);
}

/** Two rows of activations by four of weights. */
function pair(
  a0: usize, a1: usize, w0: usize, w1: usize, w2: usize, w3: usize, k: i32, scale0: usize, scale1: usize, scale: v128,
  start: v128, floor: f32, c0: usize, c1: usize, left: i32,
): void {
  const zero = i32x4.splat(0);
  let s00 = zero, s01 = zero, s02 = zero, s03 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero;
  // Behind the last weight of a row come others, which meet zeros.
  for (const end = w0 + <usize>k; w0 < end; w0 += 8) {
    const x0 = v128.load(a0);
    const x1 = v128.load(a1);
    let y = v128.load8x8_s(w0);
    s00 = i32x4.add(s00, i32x4.dot_i16x8_s(x0, y));
    s10 = i32x4.add(s10, i32x4.dot_i16x8_s(x1, y));
    y = v128.load8x8_s(w1);
    s01 = i32x4.add(s01, i32x4.dot_i16x8_s(x0, y));
    s11 = i32x4.add(s11, i32x4.dot_i16x8_s(x1, y));
    y = v128.load8x8_s(w2);
    s02 = i32x4.add(s02, i32x4.dot_i16x8_s(x0, y));
    s12 = i32x4.add(s12, i32x4.dot_i16x8_s(x1, y));
    y = v128.load8x8_s(w3);
    s03 = i32x4.add(s03, i32x4.dot_i16x8_s(x0, y));
    s13 = i32x4.add(s13, i32x4.dot_i16x8_s(x1, y));
    a0 += 16;
    a1 += 16;
    w1 += 8;
    w2 += 8;
    w3 += 8;
  }
  put(c0, sums(s00, s01, s02, s03), scale0, scale, start, floor, left);
  put(c1, sums(s10, s11, s12, s13), scale1, scale, start, floor, left);
}
