import { DOT_PIECE_K, DOT_ROWS, LONG_K, PIECE_K, TILE_COLUMNS } from '../gemm/limits';
import { addPiece, isSwapped, singleColumns } from '../gemm/order';
import { madd, storeUpTo } from '../simd';
import { Header, SUMS_BYTES, TILE_BYTES } from './format';

// The weights are packed into panels of eight columns when a model is put together, so nothing is packed here. The last
// panel may be narrower: of its two vectors the lanes behind belong to what follows, and are not stored. Sums run in
// the order that gemm/ gives them, so that predictions have its bits: along k, or in four parts, as dot products there
// (gemm/dot.ts): all of them for few rows, and what is left over of the columns where gemm/order.ts says so.

const TILE_STEP: usize = TILE_COLUMNS << 2;

/** c[m, n] = max(a[m, k] · w + bias, floor), w as Step.DENSE says. */
export function dense(c: usize, a: usize, w: usize, bias: usize, m: i32, n: i32, k: i32, floor: f32): void {
  const aStep = <usize>k << 2;
  const cStep = <usize>n << 2;
  const sums: usize = load<u32>(Header.ACTIVATIONS) - SUMS_BYTES;
  const few = m <= DOT_ROWS;
  const singles = isSwapped(m, n, k) ? 0 : singleColumns(m, n, k);
  for (let j = 0; j < n; j += TILE_COLUMNS) {
    const columns = min(TILE_COLUMNS, n - j);
    const bStep = <usize>columns << 2;
    const at = <usize>j << 2;
    const dots = few || columns == singles;
    const rows = dots ? 1 : 4;
    const piece = k <= LONG_K ? LONG_K : dots ? DOT_PIECE_K : PIECE_K;
    const direct = columns == TILE_COLUMNS && !dots && k <= piece;
    for (let i0 = 0; i0 < m; i0 += rows) {
      // The last four rows, some of them once more.
      const i = min(i0, m - rows);
      let to = c + <usize>i * cStep + at;
      let start: usize = bias != 0 ? bias + at : Header.ZEROS;
      let from = a + <usize>i * aStep;
      let panel = w;
      // At least one piece, also where k = 0.
      let left = k;
      do {
        const length = min(left, piece);
        if (dots) row(length, from, panel, bStep, start, sums, few);
        else if (direct) tile(length, from, aStep, panel, bStep, start, to, cStep, floor);
        else tile(length, from, aStep, panel, bStep, start, sums, TILE_STEP, -Infinity);
        if (k > piece) addPiece(sums + TILE_BYTES, sums, rows * TILE_COLUMNS, left == k, left <= piece);
        start = Header.ZEROS;
        from += <usize>piece << 2;
        panel += <usize>piece * bStep;
        left -= piece;
      } while (left > 0);
      if (direct) continue;
      for (let edge = sums, end = edge + rows * TILE_STEP; edge < end; edge += TILE_STEP) {
        const least = f32x4.splat(floor);
        storeUpTo(to, f32x4.pmax(v128.load(edge), least), columns);
        if (columns > 4) storeUpTo(to + 16, f32x4.pmax(v128.load(edge, 16), least), columns - 4);
        to += cStep;
      }
    }
    w += <usize>k * bStep;
  }
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
 * One row by a panel, eight sums: the sums of every fourth product first, as gemm/dot.ts has them in the lanes of a vector. Of up
 * to three products at the end each belongs to another of these sums where they are `spread`, else all of them to the first.
 */
function row(k: i32, a: usize, b: usize, bStep: usize, start: usize, sums: usize, spread: bool): void {
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
  s00 = f32x4.add(f32x4.add(s00, s20), f32x4.add(s10, s30));
  s01 = f32x4.add(f32x4.add(s01, s21), f32x4.add(s11, s31));
  v128.store(sums, f32x4.add(v128.load(start), s00));
  v128.store(sums, f32x4.add(v128.load(start, 16), s01), 16);
}
