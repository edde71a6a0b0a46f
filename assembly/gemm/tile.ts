import { descend, rateOf } from '../kernels/optimizer';
import { madd, TILE_ROWS } from '../simd';

/** A row of sums to C; or where it UPDATES, C + rate · sums. */
// @ts-ignore: decorator
@inline
function put(UPDATES: bool, c: usize, v0: v128, v1: v128, rate: v128): void {
  v128.store(c, UPDATES ? descend(v128.load(c), v0, rate) : v0);
  v128.store(c, UPDATES ? descend(v128.load(c, 16), v1, rate) : v1, 16);
}

/**
 * C[ROWS, 8] = start[ROWS, 8] + A[ROWS, k] · B[k, 8]. Row i of B, start and C lies i steps (bytes) after the first; a
 * step of 0 repeats the row. Where A lies ALONG k its rows are aStep apart, each contiguous; else its rows are
 * neighbours, and k goes down the steps. Arguments in capitals are known when compiling.
 *
 * The simplest form is the fastest, because of V8's registers: a turn of the loop that takes two or four elements of k
 * spills (57 GFLOP/s become 34 to 49), and so does, in Node 20, a choice of endings after the loop (50 become 23).
 */
// @ts-ignore: decorator
@inline
function body(
  ROWS: i32, ALONG: bool, UPDATES: bool, k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize,
  startStep: usize, c: usize, cStep: usize, options: usize,
): void {
  let s = start;
  let c00 = v128.load(s), c01 = v128.load(s, 16);
  let c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  if (ROWS > 1) { s += startStep; c10 = v128.load(s); c11 = v128.load(s, 16); }
  if (ROWS > 2) { s += startStep; c20 = v128.load(s); c21 = v128.load(s, 16); }
  if (ROWS > 3) { s += startStep; c30 = v128.load(s); c31 = v128.load(s, 16); }
  if (ROWS > 4) { s += startStep; c40 = v128.load(s); c41 = v128.load(s, 16); }
  if (ROWS > 5) { s += startStep; c50 = v128.load(s); c51 = v128.load(s, 16); }
  let a1 = a + aStep;
  let a2 = a + 2 * aStep;
  let a3 = a + 3 * aStep;
  let a4 = a + 4 * aStep;
  let a5 = a + 5 * aStep;
  for (let p = 0; p < k; p++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load32_splat(a);
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    if (ROWS > 1) { x = ALONG ? v128.load32_splat(a1) : v128.load32_splat(a, 4); c10 = madd(x, b0, c10); c11 = madd(x, b1, c11); }
    if (ROWS > 2) { x = ALONG ? v128.load32_splat(a2) : v128.load32_splat(a, 8); c20 = madd(x, b0, c20); c21 = madd(x, b1, c21); }
    if (ROWS > 3) { x = ALONG ? v128.load32_splat(a3) : v128.load32_splat(a, 12); c30 = madd(x, b0, c30); c31 = madd(x, b1, c31); }
    if (ROWS > 4) { x = ALONG ? v128.load32_splat(a4) : v128.load32_splat(a, 16); c40 = madd(x, b0, c40); c41 = madd(x, b1, c41); }
    if (ROWS > 5) { x = ALONG ? v128.load32_splat(a5) : v128.load32_splat(a, 20); c50 = madd(x, b0, c50); c51 = madd(x, b1, c51); }
    b += bStep;
    if (ALONG) {
      a += 4;
      if (ROWS > 1) a1 += 4;
      if (ROWS > 2) a2 += 4;
      if (ROWS > 3) a3 += 4;
      if (ROWS > 4) a4 += 4;
      if (ROWS > 5) a5 += 4;
    } else a += aStep;
  }
  // The matrix beside C is read at the same offsets.
  const rate = UPDATES ? rateOf(options) : c00;
  put(UPDATES, c, c00, c01, rate);
  if (ROWS > 1) put(UPDATES, c + cStep, c10, c11, rate);
  if (ROWS > 2) put(UPDATES, c + 2 * cStep, c20, c21, rate);
  if (ROWS > 3) put(UPDATES, c + 3 * cStep, c30, c31, rate);
  if (ROWS > 4) put(UPDATES, c + 4 * cStep, c40, c41, rate);
  if (ROWS > 5) put(UPDATES, c + 5 * cStep, c50, c51, rate);
}

function along1(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(1, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function along2(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(2, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function along3(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(3, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function along4(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(4, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function along5(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(5, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function along6(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(6, true, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down1(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(1, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down2(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(2, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down3(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(3, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down4(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(4, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down5(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(5, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

function down6(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize, cStep: usize,
): void {
  body(6, false, false, k, a, aStep, b, bStep, start, startStep, c, cStep, 0);
}

/**
 * The tile of `rows` rows, 1 to TILE_ROWS: see body(). Inlined, and used in two places: Binaryen inlines a tile that is
 * called from one place only, and V8 spills in it then (Node 20: 24 GFLOP/s for 50).
 */
// @ts-ignore: decorator
@inline
export function tile(
  rows: i32, along: bool, k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, startStep: usize, c: usize,
  cStep: usize,
): void {
  if (along) {
    switch (rows) {
      case 1: along1(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 2: along2(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 3: along3(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 4: along4(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 5: along5(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      default: if (TILE_ROWS > 5) along6(k, a, aStep, b, bStep, start, startStep, c, cStep);
    }
  } else {
    switch (rows) {
      case 1: down1(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 2: down2(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 3: down3(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 4: down4(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      case 5: down5(k, a, aStep, b, bStep, start, startStep, c, cStep); break;
      default: if (TILE_ROWS > 5) down6(k, a, aStep, b, bStep, start, startStep, c, cStep);
    }
  }
}

function update1(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(1, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

function update2(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(2, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

function update3(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(3, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

function update4(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(4, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

function update5(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(5, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

function update6(
  k: i32, a: usize, aStep: usize, b: usize, bStep: usize, start: usize, c: usize, cStep: usize, options: usize,
): void {
  body(6, false, true, k, a, aStep, b, bStep, start, 0, c, cStep, options);
}

/**
 * C[rows, 8] += rate · A[rows, k] · B[k, 8], a step of SGD with these options, where k goes down the steps of A. `zeros`
 * are eight of them. Inlined, and used in two places, as tile() is.
 */
// @ts-ignore: decorator
@inline
export function updateTile(
  rows: i32, k: i32, a: usize, aStep: usize, b: usize, bStep: usize, zeros: usize, c: usize, cStep: usize, options: usize,
): void {
  switch (rows) {
    case 1: update1(k, a, aStep, b, bStep, zeros, c, cStep, options); break;
    case 2: update2(k, a, aStep, b, bStep, zeros, c, cStep, options); break;
    case 3: update3(k, a, aStep, b, bStep, zeros, c, cStep, options); break;
    case 4: update4(k, a, aStep, b, bStep, zeros, c, cStep, options); break;
    case 5: update5(k, a, aStep, b, bStep, zeros, c, cStep, options); break;
    default: if (TILE_ROWS > 5) update6(k, a, aStep, b, bStep, zeros, c, cStep, options);
  }
}
