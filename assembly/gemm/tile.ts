import { madd } from '../simd';

/** Rows and columns of the register tile: 8 accumulators, 2 vectors of B and 1 of A fit into 16 registers. */
export const TILE_ROWS = 4;
export const TILE_COLUMNS = 8;

/**
 * C[4, 8] = start[4, 8] + A[4, k] · B[k, 8]. Row i of A is contiguous at a_i; row i of B, start and C lies i steps
 * (bytes) after the first; a step of 0 repeats the row.
 */
export function tile(
  k: i32, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize,
  cStep: usize,
): void {
  let s = start;
  let c00 = v128.load(s);
  let c01 = v128.load(s, 16);
  s += startStep;
  let c10 = v128.load(s);
  let c11 = v128.load(s, 16);
  s += startStep;
  let c20 = v128.load(s);
  let c21 = v128.load(s, 16);
  s += startStep;
  let c30 = v128.load(s);
  let c31 = v128.load(s, 16);
  const end = a0 + (<usize>k << 2);
  const pairs = a0 + (<usize>(k & ~1) << 2);
  while (a0 < pairs) {
    let b0 = v128.load(b);
    let b1 = v128.load(b, 16);
    let a = v128.load32_splat(a0);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(a1);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(a2);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(a3);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b += bStep;
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    a = v128.load32_splat(a0, 4);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(a1, 4);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(a2, 4);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(a3, 4);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
    b += bStep;
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
  }
  if (a0 < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let a = v128.load32_splat(a0);
    c00 = madd(a, b0, c00);
    c01 = madd(a, b1, c01);
    a = v128.load32_splat(a1);
    c10 = madd(a, b0, c10);
    c11 = madd(a, b1, c11);
    a = v128.load32_splat(a2);
    c20 = madd(a, b0, c20);
    c21 = madd(a, b1, c21);
    a = v128.load32_splat(a3);
    c30 = madd(a, b0, c30);
    c31 = madd(a, b1, c31);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += cStep;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += cStep;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += cStep;
  v128.store(c, c30);
  v128.store(c, c31, 16);
}
