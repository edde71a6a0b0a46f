import { Softmax } from '../opcodes';
import {
  demote4, exp4, firstLanes, high64, loadUpTo, log4, low64, max4, storeUpTo, sum4, weigh4,
} from '../simd';

// Inputs are seen as [outer, length, inner]. Where inner is 1 a row is contiguous and its elements go through the
// lanes; else up to four neighbouring columns do. A unit of work is one row, or one group of four columns: `vectors` of
// them, `step` bytes apart, the first with `left` elements to go, each with `less` fewer than the one before.

/** Up to so many vectors are added in float32, and such sums in float64: see PIECE_K in gemm/limits.ts. */
const BLOCK = 56;
/** Beside a sum below this no float32 becomes infinite. */
const LARGE: f32 = 1.2676506002282294e30;

/** Units of work in [outer, length, inner]. */
export function softmaxUnits(outer: i32, inner: i32): i32 {
  return outer * ((inner + 3) >> 2);
}

/** y = softmax(x) or log-softmax(x) for units [begin, end). */
export function softmax(fn: i32, y: usize, x: usize, length: i32, inner: i32, begin: i32, end: i32): void {
  const rows = inner == 1;
  const groups = (inner + 3) >> 2;
  const vectors = rows ? (length + 3) >> 2 : length;
  const step: usize = rows ? 16 : <usize>inner << 2;
  const less = rows ? 4 : 0;
  for (let unit = begin; unit < end; unit++) {
    const outer = rows ? unit : unit / groups;
    const column = (unit - outer * groups) << 2;
    const at = (<usize>outer * <usize>length * <usize>inner + <usize>column) << 2;
    const left = rows ? length : min(4, inner - column);
    const maximum = largest(x + at, vectors, step, left, less);
    const sum = expSum(y + at, x + at, vectors, step, left, less, maximum);
    finish(fn, y + at, (fn == Softmax.PLAIN ? y : x) + at, vectors, step, left, less, maximum, sum);
  }
}

/** x − the maximum of its row; 0 where both are +∞, beside which the other elements are nothing. */
// @ts-ignore: decorator
@inline
export function below(x: v128, maximum: v128): v128 {
  return v128.andnot(f32x4.sub(x, maximum), f32x4.eq(x, f32x4.splat(Infinity)));
}

/** The largest of a row in every lane, or those of columns. */
export function largest(x: usize, vectors: i32, step: usize, left: i32, less: i32): v128 {
  const least = f32x4.splat(-Infinity);
  let m = least;
  for (; vectors > 0; vectors--) {
    m = f32x4.max(m, firstLanes(loadUpTo(x, left), least, left));
    x += step;
    left -= less;
  }
  return less != 0 ? f32x4.splat(max4(m)) : m;
}

/** y = exp(x − the maximum), and the sum of a row in every lane, or those of columns. */
export function expSum(
  y: usize, x: usize, vectors: i32, step: usize, left: i32, less: i32, maximum: v128,
): v128 {
  const zero = f32x4.splat(0);
  let low = zero;
  let high = zero;
  const single = vectors <= BLOCK;
  while (vectors > 0) {
    let sum = zero;
    for (let last = max(vectors - BLOCK, 0); vectors > last; vectors--) {
      const e = exp4(below(loadUpTo(x, left), maximum));
      storeUpTo(y, e, left);
      sum = f32x4.add(sum, firstLanes(e, zero, left));
      x += step;
      y += step;
      left -= less;
    }
    if (less != 0) sum = f32x4.splat(sum4(sum));
    if (single) return sum;
    low = f64x2.add(low, low64(sum));
    high = f64x2.add(high, high64(sum));
  }
  return demote4(low, high);
}

/** y = x / sum, or x − the maximum − log(sum). */
export function finish(
  fn: i32, y: usize, x: usize, vectors: i32, step: usize, left: i32, less: i32, maximum: v128, sum: v128,
): void {
  const logSum = fn == Softmax.PLAIN ? sum : log4(sum);
  for (; vectors > 0; vectors--) {
    const v = loadUpTo(x, left);
    storeUpTo(y, fn == Softmax.PLAIN ? f32x4.div(v, sum) : f32x4.sub(below(v, maximum), logSum), left);
    x += step;
    y += step;
    left -= less;
  }
}

/**
 * softmaxGradient() of one unit, where it is `scaled` with numbers smaller by LARGE in lanes that are `large`.
 *
 * @returns the lanes whose sum is large: where there are any, nothing was written
 */
// @ts-ignore: decorator
@inline
function unitGradient(
  scaled: bool, large: v128, fn: i32, dx: usize, dy: usize, y: usize, vectors: i32, step: usize, left: i32, less: i32,
  accumulate: bool,
): v128 {
  const zero = f32x4.splat(0);
  const scale = v128.bitselect(f32x4.splat(1 / LARGE), f32x4.splat(1), large);
  let low = zero;
  let high = zero;
  let sum = zero;
  for (let at: usize = 0, i = vectors, rest = left; i > 0; ) {
    sum = zero;
    for (const last = max(i - BLOCK, 0); i > last; i--) {
      let g = loadUpTo(dy + at, rest);
      if (scaled) g = f32x4.mul(g, scale);
      sum = f32x4.add(sum, fn == Softmax.PLAIN ? weigh4(loadUpTo(y + at, rest), g) : g);
      at += step;
      rest -= less;
    }
    if (less != 0) sum = f32x4.splat(sum4(sum));
    if (vectors <= BLOCK) break;
    low = f64x2.add(low, low64(sum));
    high = f64x2.add(high, high64(sum));
  }
  if (vectors > BLOCK) sum = demote4(low, high);
  if (!scaled) {
    large = v128.not(f32x4.lt(f32x4.abs(sum), f32x4.splat(LARGE)));
    if (v128.any_true(large)) return large;
  }
  for (let at: usize = 0; vectors > 0; vectors--) {
    let g = loadUpTo(dy + at, left);
    if (scaled) g = f32x4.mul(g, scale);
    const value = loadUpTo(y + at, left);
    let d = fn == Softmax.PLAIN ? weigh4(value, f32x4.sub(g, sum)) : f32x4.sub(g, weigh4(exp4(value), sum));
    if (scaled) d = f32x4.div(d, scale);
    if (accumulate) d = f32x4.add(loadUpTo(dx + at, left), d);
    storeUpTo(dx + at, d, left);
    at += step;
    left -= less;
  }
  return zero;
}

/** dx (+)= y · (dy − Σ dy · y) for softmax, dy − exp(y) · Σ dy for log-softmax; units [begin, end). */
export function softmaxGradient(
  fn: i32, dx: usize, dy: usize, y: usize, length: i32, inner: i32, accumulate: bool, begin: i32, end: i32,
): void {
  const rows = inner == 1;
  const groups = (inner + 3) >> 2;
  const vectors = rows ? (length + 3) >> 2 : length;
  const step: usize = rows ? 16 : <usize>inner << 2;
  const less = rows ? 4 : 0;
  for (let unit = begin; unit < end; unit++) {
    const outer = rows ? unit : unit / groups;
    const column = (unit - outer * groups) << 2;
    const at = (<usize>outer * <usize>length * <usize>inner + <usize>column) << 2;
    const left = rows ? length : min(4, inner - column);
    const none = f32x4.splat(0);
    const large = unitGradient(false, none, fn, dx + at, dy + at, y + at, vectors, step, left, less, accumulate);
    if (v128.any_true(large)) {
      unitGradient(true, large, fn, dx + at, dy + at, y + at, vectors, step, left, less, accumulate);
    }
  }
}
