import { Softmax } from '../opcodes';
import { exp4, firstLanes, log4, loadUpTo, max4, storeUpTo, sum4, weigh4 } from '../simd';

// Inputs are seen as [outer, length, inner]. Where inner is 1 a row is contiguous and its elements go through the
// lanes; else up to four neighbouring columns do. A unit of work is one row, or one group of four columns.

/** Units of work in [outer, length, inner]. */
export function softmaxUnits(outer: i32, inner: i32): i32 {
  return inner == 1 ? outer : outer * ((inner + 3) >> 2);
}

/** y = softmax(x) or log-softmax(x) for units [begin, end). */
export function softmax(fn: i32, y: usize, x: usize, length: i32, inner: i32, begin: i32, end: i32): void {
  const groups = (inner + 3) >> 2;
  for (let unit = begin; unit < end; unit++) {
    if (inner == 1) {
      const at = (<usize>unit * <usize>length) << 2;
      row(fn, y + at, x + at, length);
    } else {
      const outer = unit / groups;
      const column = (unit - outer * groups) << 2;
      const at = (<usize>outer * <usize>length * <usize>inner + <usize>column) << 2;
      columns(fn, y + at, x + at, length, inner, min(4, inner - column));
    }
  }
}

/** x − the maximum of its row; 0 where both are +∞, beside which the other elements are nothing. */
// @ts-ignore: decorator
@inline
export function below(x: v128, maximum: v128): v128 {
  return v128.andnot(f32x4.sub(x, maximum), f32x4.eq(x, f32x4.splat(Infinity)));
}

/** The largest of a contiguous row. */
export function rowMaximum(x: usize, length: i32): f32 {
  const least = f32x4.splat(-Infinity);
  let m = least;
  for (let i = 0; i < length; i += 4) {
    m = f32x4.max(m, firstLanes(loadUpTo(x + (<usize>i << 2), length - i), least, length - i));
  }
  return max4(m);
}

/** y = exp(x − shift), and its sum; the shift is the row's maximum. */
export function rowExp(y: usize, x: usize, length: i32, shift: f32): f32 {
  const zero = f32x4.splat(0);
  const shifts = f32x4.splat(shift);
  let sum = zero;
  for (let i = 0; i < length; i += 4) {
    const at = <usize>i << 2;
    const left = length - i;
    const e = exp4(below(loadUpTo(x + at, left), shifts));
    storeUpTo(y + at, e, left);
    sum = f32x4.add(sum, firstLanes(e, zero, left));
  }
  return sum4(sum);
}

/** y = y / divisor */
export function rowDivide(y: usize, length: i32, divisor: f32): void {
  const d = f32x4.splat(divisor);
  for (let i = 0; i < length; i += 4) {
    const p = y + (<usize>i << 2);
    const left = length - i;
    storeUpTo(p, f32x4.div(loadUpTo(p, left), d), left);
  }
}

function row(fn: i32, y: usize, x: usize, length: i32): void {
  const maximum = rowMaximum(x, length);
  const sum = rowExp(y, x, length, maximum);
  if (fn == Softmax.PLAIN) {
    rowDivide(y, length, sum);
    return;
  }
  const shift = f32x4.splat(maximum);
  const logSum = log4(f32x4.splat(sum));
  for (let i = 0; i < length; i += 4) {
    const at = <usize>i << 2;
    const left = length - i;
    storeUpTo(y + at, f32x4.sub(below(loadUpTo(x + at, left), shift), logSum), left);
  }
}

function columns(fn: i32, y: usize, x: usize, length: i32, inner: i32, lanes: i32): void {
  const step = <usize>inner << 2;
  let maximum = f32x4.splat(-Infinity);
  for (let i = 0; i < length; i++) maximum = f32x4.max(maximum, loadUpTo(x + <usize>i * step, lanes));
  let sum = f32x4.splat(0);
  for (let i = 0; i < length; i++) {
    const e = exp4(below(loadUpTo(x + <usize>i * step, lanes), maximum));
    storeUpTo(y + <usize>i * step, e, lanes);
    sum = f32x4.add(sum, e);
  }
  const logSum = log4(sum);
  for (let i = 0; i < length; i++) {
    const at = <usize>i * step;
    const value =
      fn == Softmax.PLAIN
        ? f32x4.div(loadUpTo(y + at, lanes), sum)
        : f32x4.sub(below(loadUpTo(x + at, lanes), maximum), logSum);
    storeUpTo(y + at, value, lanes);
  }
}

/** dx (+)= y · (dy − Σ dy · y) for softmax, dy − exp(y) · Σ dy for log-softmax; units [begin, end). */
export function softmaxGradient(
  fn: i32, dx: usize, dy: usize, y: usize, length: i32, inner: i32, accumulate: bool, begin: i32, end: i32,
): void {
  const groups = (inner + 3) >> 2;
  for (let unit = begin; unit < end; unit++) {
    // A row is walked four elements at a time, columns one element of each at a time.
    const outer = inner == 1 ? unit : unit / groups;
    const column = inner == 1 ? 0 : (unit - outer * groups) << 2;
    const base = (<usize>outer * <usize>length * <usize>inner + <usize>column) << 2;
    const stride: usize = inner == 1 ? 4 : <usize>inner << 2;
    const advance = inner == 1 ? 4 : 1;
    const lanes = min(4, inner - column);
    const zero = f32x4.splat(0);
    let sum = zero;
    for (let i = 0; i < length; i += advance) {
      const at = base + <usize>i * stride;
      const left = inner == 1 ? length - i : lanes;
      const g = loadUpTo(dy + at, left);
      const term = fn == Softmax.PLAIN ? weigh4(loadUpTo(y + at, left), g) : g;
      sum = f32x4.add(sum, firstLanes(term, zero, left));
    }
    if (inner == 1) sum = f32x4.splat(sum4(sum));
    for (let i = 0; i < length; i += advance) {
      const at = base + <usize>i * stride;
      const left = inner == 1 ? length - i : lanes;
      const g = loadUpTo(dy + at, left);
      const value = loadUpTo(y + at, left);
      let d = fn == Softmax.PLAIN ? weigh4(value, f32x4.sub(g, sum)) : f32x4.sub(g, weigh4(exp4(value), sum));
      if (accumulate) d = f32x4.add(loadUpTo(dx + at, left), d);
      storeUpTo(dx + at, d, left);
    }
  }
}
