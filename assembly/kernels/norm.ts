import { Norm } from '../opcodes';
import { across, demote4, firstLanes, high64, loadUpTo, low64, storeUpTo, weigh4 } from '../simd';

// Inputs are seen as [outer, groups, inner]; a group is what has one index in the middle: a row of a matrix (1 outer),
// or a column (1 inner). Where inner is 1 four neighbouring groups go through the lanes, else the elements of one do.
// A unit of work is four groups, or one. What goes on between reading and writing is float64, two for each vector: there
// squares of any float32 are representable, and long sums lose nothing.

/** Units of work in [outer, groups, inner]. */
export function normUnits(groups: i32, inner: i32): i32 {
  return inner == 1 ? (groups + 3) >> 2 : groups;
}

/** q / n − (s / n)², which roundings must not make less than 0; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function varianceOf(squares: v128, sum: v128, n: v128): v128 {
  const mean = f64x2.div(sum, n);
  return f64x2.max(f64x2.sub(f64x2.div(squares, n), f64x2.mul(mean, mean)), f64x2.splat(0));
}

/** 1 / √(variance + eps), and 0 where there is nothing to divide by: what has no spread becomes 0. */
// @ts-ignore: decorator
@inline
function scaleOf(variance: v128, eps: f32): v128 {
  const v = f64x2.add(variance, f64x2.splat(eps));
  return v128.andnot(f64x2.div(f64x2.splat(1), f64x2.sqrt(v)), f64x2.eq(v, f64x2.splat(0)));
}

/**
 * y = (x − mean) / √(variance + eps) for units [begin, end); moments: means [groups], variances [groups], and
 * 1 / √(variance + eps) [groups], since that is representable where the variance may not be.
 */
export function normalize(
  fn: i32, y: usize, x: usize, moments: usize, outer: i32, groups: i32, inner: i32, eps: f32, begin: i32, end: i32,
): void {
  const zero = f64x2.splat(0);
  const n = f64x2.splat(<f64>outer * <f64>inner);
  const step = (<usize>groups * <usize>inner) << 2;
  const runs = <usize>outer * step;
  const columns = inner == 1;
  for (let unit = begin; unit < end; unit++) {
    const group = columns ? unit << 2 : unit;
    const lanes = columns ? min(4, groups - group) : 1;
    const first = (<usize>group * <usize>inner) << 2;
    // Moments about an element of the group: the variance is then not lost beside a large mean.
    let shift = zero;
    if (fn == Norm.CENTRED) shift = columns ? loadUpTo(x + first, lanes) : v128.load32_splat(x + first);
    const shiftLow = low64(shift);
    const shiftHigh = high64(shift);
    let sumLow = zero, sumHigh = zero, squaresLow = zero, squaresHigh = zero;
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const left = columns ? lanes : inner - i;
        let v = loadUpTo(x + run + (<usize>i << 2), left);
        if (left < 4) v = firstLanes(v, shift, left);
        const low = f64x2.sub(low64(v), shiftLow);
        const high = f64x2.sub(high64(v), shiftHigh);
        sumLow = f64x2.add(sumLow, low);
        sumHigh = f64x2.add(sumHigh, high);
        squaresLow = f64x2.add(squaresLow, f64x2.mul(low, low));
        squaresHigh = f64x2.add(squaresHigh, f64x2.mul(high, high));
      }
    }
    if (!columns) {
      sumLow = sumHigh = across(sumLow, sumHigh);
      squaresLow = squaresHigh = across(squaresLow, squaresHigh);
    }
    if (fn == Norm.RMS) sumLow = sumHigh = zero;
    const meanLow = f64x2.add(shiftLow, f64x2.div(sumLow, n));
    const meanHigh = f64x2.add(shiftHigh, f64x2.div(sumHigh, n));
    const varianceLow = varianceOf(squaresLow, sumLow, n);
    const varianceHigh = varianceOf(squaresHigh, sumHigh, n);
    const scaleLow = scaleOf(varianceLow, eps);
    const scaleHigh = scaleOf(varianceHigh, eps);
    let to = moments + (<usize>group << 2);
    storeUpTo(to, demote4(meanLow, meanHigh), lanes);
    storeUpTo((to += <usize>groups << 2), demote4(varianceLow, varianceHigh), lanes);
    storeUpTo(to + (<usize>groups << 2), demote4(scaleLow, scaleHigh), lanes);
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = columns ? lanes : inner - i;
        const v = loadUpTo(x + at, left);
        const low = f64x2.mul(f64x2.sub(low64(v), meanLow), scaleLow);
        const high = f64x2.mul(f64x2.sub(high64(v), meanHigh), scaleHigh);
        storeUpTo(y + at, demote4(low, high), left);
      }
    }
  }
}

/** y = (x − mean) / √(variance + eps) for rows of `length`, with the bits of normalize(): for builds that must be small. */
export function normalizeRows(fn: i32, y: usize, x: usize, rows: i32, length: i32, eps: f32): void {
  const zero = f64x2.splat(0);
  const n = f64x2.splat(length);
  for (; rows > 0; rows--) {
    const shift = fn == Norm.CENTRED ? v128.load32_splat(x) : zero;
    const from = low64(shift);
    let sumLow = zero, sumHigh = zero, squaresLow = zero, squaresHigh = zero;
    for (let i = 0; i < length; i += 4) {
      const v = firstLanes(loadUpTo(x + (<usize>i << 2), length - i), shift, length - i);
      const low = f64x2.sub(low64(v), from);
      const high = f64x2.sub(high64(v), from);
      sumLow = f64x2.add(sumLow, low);
      sumHigh = f64x2.add(sumHigh, high);
      squaresLow = f64x2.add(squaresLow, f64x2.mul(low, low));
      squaresHigh = f64x2.add(squaresHigh, f64x2.mul(high, high));
    }
    const sum = fn == Norm.CENTRED ? across(sumLow, sumHigh) : zero;
    const mean = f64x2.add(from, f64x2.div(sum, n));
    const scale = scaleOf(varianceOf(across(squaresLow, squaresHigh), sum, n), eps);
    for (let i = 0; i < length; i += 4) {
      const at = <usize>i << 2;
      const v = loadUpTo(x + at, length - i);
      const low = f64x2.mul(f64x2.sub(low64(v), mean), scale);
      const high = f64x2.mul(f64x2.sub(high64(v), mean), scale);
      storeUpTo(y + at, demote4(low, high), length - i);
    }
    x += <usize>length << 2;
    y += <usize>length << 2;
  }
}

/** dx (+)= (dy − mean(dy) − y · mean(dy · y)) / √(variance + eps) for units [begin, end). */
export function normalizeGradient(
  fn: i32, dx: usize, dy: usize, y: usize, moments: usize, outer: i32, groups: i32, inner: i32, accumulate: bool,
  begin: i32, end: i32,
): void {
  const zero = f64x2.splat(0);
  const n = f64x2.splat(<f64>outer * <f64>inner);
  const step = (<usize>groups * <usize>inner) << 2;
  const runs = <usize>outer * step;
  const columns = inner == 1;
  for (let unit = begin; unit < end; unit++) {
    const group = columns ? unit << 2 : unit;
    const lanes = columns ? min(4, groups - group) : 1;
    const first = (<usize>group * <usize>inner) << 2;
    let meanLow = zero, meanHigh = zero, alongLow = zero, alongHigh = zero;
    // Bits of what any element gets: where none gets anything none passes anything on, be it infinite or NaN.
    let any = zero;
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = columns ? lanes : inner - i;
        const g = loadUpTo(dy + at, left);
        const v = loadUpTo(y + at, left);
        any = v128.or(any, g);
        meanLow = f64x2.add(meanLow, low64(g));
        meanHigh = f64x2.add(meanHigh, high64(g));
        alongLow = f64x2.add(alongLow, f64x2.mul(low64(g), low64(v)));
        alongHigh = f64x2.add(alongHigh, f64x2.mul(high64(g), high64(v)));
      }
    }
    if (!columns) {
      meanLow = meanHigh = across(meanLow, meanHigh);
      alongLow = alongHigh = across(alongLow, alongHigh);
    }
    any = f32x4.ne(any, zero);
    if (!columns) any = i32x4.splat(-(<i32>v128.any_true(any)));
    if (fn == Norm.RMS) meanLow = meanHigh = zero;
    meanLow = f64x2.div(meanLow, n);
    meanHigh = f64x2.div(meanHigh, n);
    alongLow = f64x2.div(alongLow, n);
    alongHigh = f64x2.div(alongHigh, n);
    const scales = moments + ((<usize>groups * 2 + <usize>group) << 2);
    const scale = columns ? loadUpTo(scales, lanes) : v128.load32_splat(scales);
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = columns ? lanes : inner - i;
        const g = loadUpTo(dy + at, left);
        const v = loadUpTo(y + at, left);
        const low = f64x2.sub(f64x2.sub(low64(g), meanLow), f64x2.mul(low64(v), alongLow));
        const high = f64x2.sub(f64x2.sub(high64(g), meanHigh), f64x2.mul(high64(v), alongHigh));
        let d = v128.and(demote4(f64x2.mul(low64(scale), low), f64x2.mul(high64(scale), high)), any);
        if (accumulate) d = f32x4.add(loadUpTo(dx + at, left), d);
        storeUpTo(dx + at, d, left);
      }
    }
  }
}

/**
 * out = (1 − f) · out + f · scale · in for elements [begin, end); f is the share, or 1 / count. Of what has no share at all
 * nothing is kept or added, be it infinite or NaN.
 */
export function blend(out: usize, input: usize, count: usize, share: f32, scale: f32, begin: i32, end: i32): void {
  const f: f32 = count != 0 ? <f32>1 / load<f32>(count) : share;
  const kept = f32x4.splat(<f32>1 - f);
  const added = f32x4.splat(f * scale);
  for (let i = begin; i < end; i += 4) {
    const at = <usize>i << 2;
    const left = end - i;
    const y = f32x4.add(weigh4(loadUpTo(out + at, left), kept), weigh4(loadUpTo(input + at, left), added));
    storeUpTo(out + at, y, left);
  }
}
