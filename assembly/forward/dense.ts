import { madd, storeUpTo } from '../simd';
import { Header } from './format';

// The weights are packed into panels of eight columns when a model is put together, so nothing is packed here. The last
// panel may be narrower: of its two vectors the lanes behind belong to what follows, and are not stored. Sums run in
// the order that gemm/ gives them, so that predictions have its bits: along k, or in four parts, as dot products there
// (gemm/dot.ts): all of them for fewer than four rows, and what is left over of the columns where gemm.ts says so.

const COLUMNS = 8;
const TILE_STEP: usize = 32;
/** As gemm.ts has them. */
const DOT_COLUMNS = 2;
const SMALL = 256;

/** c[m, n] = max(a[m, k] · w + bias, floor), w as Step.DENSE says. */
export function dense(c: usize, a: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, floor: f32): void {
  const aStep = <usize>k << 2;
  const cStep = <usize>n << 2;
  for (let j = 0; j < n; j += COLUMNS) {
    const columns = min(COLUMNS, n - j);
    const bStep = <usize>columns << 2;
    const at = <usize>j << 2;
    const start: usize = bias != 0 ? bias + at : Header.ZEROS;
    const whole = columns == COLUMNS;
    const apart = columns <= DOT_COLUMNS && n > COLUMNS && (m >= n || k < 16) && m * n * k > SMALL;
    if (m < 4 || apart) {
      for (let i = 0; i < m; i++) {
        row(k, a + <usize>i * aStep, w, bStep, start, c + <usize>i * cStep + at, columns, floor, m < 4);
      }
    } else {
      for (let i0 = 0; i0 < m; i0 += 4) {
        // The last four rows, some of them once more.
        const i = min(i0, m - 4);
        const from = a + <usize>i * aStep;
        let to = c + <usize>i * cStep + at;
        if (whole) tile(k, from, aStep, w, bStep, start, to, cStep, floor);
        else {
          tile(k, from, aStep, w, bStep, start, Header.TILE, TILE_STEP, floor);
          for (let edge: usize = Header.TILE, end = edge + 4 * TILE_STEP; edge < end; edge += TILE_STEP) {
            put(to, v128.load(edge), v128.load(edge, 16), columns);
            to += cStep;
          }
        }
      }
    }
    w += <usize>k * bStep;
  }
}

/** The first `columns` of eight floats. */
function put(to: usize, low: v128, high: v128, columns: i32): void {
  storeUpTo(to, low, columns);
  if (columns > 4) storeUpTo(to + 16, high, columns - 4);
}

/** Four rows, each k long and aStep bytes from the last, by a panel. */
function tile(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, floor: f32,
): void {
  let c00 = v128.load(start), c01 = v128.load(start, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
  let a1 = a + aStep;
  let a2 = a1 + aStep;
  let a3 = a2 + aStep;
  for (const end = a + (<usize>k << 2); a < end; ) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    x = v128.load32_splat(a1);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    x = v128.load32_splat(a2);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    x = v128.load32_splat(a3);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    b += bStep;
    a += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
  }
  const least = f32x4.splat(floor);
  v128.store(c, f32x4.pmax(c00, least));
  v128.store(c, f32x4.pmax(c01, least), 16);
  c += cStep;
  v128.store(c, f32x4.pmax(c10, least));
  v128.store(c, f32x4.pmax(c11, least), 16);
  c += cStep;
  v128.store(c, f32x4.pmax(c20, least));
  v128.store(c, f32x4.pmax(c21, least), 16);
  c += cStep;
  v128.store(c, f32x4.pmax(c30, least));
  v128.store(c, f32x4.pmax(c31, least), 16);
}

/**
 * One row by a panel: the sums of every fourth product first, as gemm/dot.ts has them in the lanes of a vector. Of up to three
 * products at the end each belongs to another of these sums where they are `spread`, else all of them to the first.
 */
function row(
  k: i32, a: usize, b: usize, bStep: usize, start: usize, c: usize, columns: i32, floor: f32, spread: bool,
): void {
  const zero = f32x4.splat(0);
  let s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero, s30 = zero, s31 = zero;
  for (; k >= 4; k -= 4) {
    let x = v128.load32_splat(a);
    s00 = madd(x, v128.load(b), s00);
    s01 = madd(x, v128.load(b, 16), s01);
    b += bStep;
    x = v128.load32_splat(a, 4);
    s10 = madd(x, v128.load(b), s10);
    s11 = madd(x, v128.load(b, 16), s11);
    b += bStep;
    x = v128.load32_splat(a, 8);
    s20 = madd(x, v128.load(b), s20);
    s21 = madd(x, v128.load(b, 16), s21);
    b += bStep;
    x = v128.load32_splat(a, 12);
    s30 = madd(x, v128.load(b), s30);
    s31 = madd(x, v128.load(b, 16), s31);
    b += bStep;
    a += 16;
  }
  for (let i = 0; i < k; i++) {
    const x = v128.load32_splat(a);
    const low = v128.load(b);
    const high = v128.load(b, 16);
    if (i == 0 || !spread) {
      s00 = madd(x, low, s00);
      s01 = madd(x, high, s01);
    } else if (i == 1) {
      s10 = madd(x, low, s10);
      s11 = madd(x, high, s11);
    } else {
      s20 = madd(x, low, s20);
      s21 = madd(x, high, s21);
    }
    a += 4;
    b += bStep;
  }
  const least = f32x4.splat(floor);
  s00 = f32x4.add(f32x4.add(s00, s20), f32x4.add(s10, s30));
  s01 = f32x4.add(f32x4.add(s01, s21), f32x4.add(s11, s31));
  s00 = f32x4.pmax(f32x4.add(v128.load(start), s00), least);
  s01 = f32x4.pmax(f32x4.add(v128.load(start, 16), s01), least);
  put(c, s00, s01, columns);
}
