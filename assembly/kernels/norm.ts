import { Norm } from '../opcodes';
import { firstLanes, loadUpTo, storeUpTo, sum4 } from '../simd';

// Inputs are seen as [outer, groups, inner]; a group is what has one index in the middle: a row of a matrix (1 outer),
// or a column (1 inner). Where inner is 1 four neighbouring groups go through the lanes, else the elements of one do.
// A unit of work is four groups, or one.

/** Units of work in [outer, groups, inner]. */
export function normUnits(groups: i32, inner: i32): i32 {
  return inner == 1 ? (groups + 3) >> 2 : groups;
}

/** y = (x − mean) / √(variance + eps) for units [begin, end); moments: means [groups], variances [groups]. */
export function normalize(
  fn: i32, y: usize, x: usize, moments: usize, outer: i32, groups: i32, inner: i32, eps: f32, begin: i32, end: i32,
): void {
  const zero = f32x4.splat(0);
  const count = f32x4.splat(<f32>outer * <f32>inner);
  const step = (<usize>groups * <usize>inner) << 2;
  const runs = <usize>outer * step;
  for (let unit = begin; unit < end; unit++) {
    const group = inner == 1 ? unit << 2 : unit;
    const lanes = inner == 1 ? min(4, groups - group) : 1;
    const first = (<usize>group * <usize>inner) << 2;
    let mean = zero;
    if (fn == Norm.CENTRED) {
      let sum = zero;
      for (let run = first; run < runs; run += step) {
        for (let i = 0; i < inner; i += 4) {
          sum = f32x4.add(sum, loadUpTo(x + run + (<usize>i << 2), inner == 1 ? lanes : inner - i));
        }
      }
      mean = f32x4.div(inner == 1 ? sum : f32x4.splat(sum4(sum)), count);
    }
    let squares = zero;
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const left = inner == 1 ? lanes : inner - i;
        const d = firstLanes(f32x4.sub(loadUpTo(x + run + (<usize>i << 2), left), mean), zero, left);
        squares = f32x4.add(squares, f32x4.mul(d, d));
      }
    }
    const variance = f32x4.div(inner == 1 ? squares : f32x4.splat(sum4(squares)), count);
    storeUpTo(moments + (<usize>group << 2), mean, lanes);
    storeUpTo(moments + (<usize>(groups + group) << 2), variance, lanes);
    const scale = scaleOf(variance, eps);
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = inner == 1 ? lanes : inner - i;
        storeUpTo(y + at, f32x4.mul(f32x4.sub(loadUpTo(x + at, left), mean), scale), left);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function scaleOf(variance: v128, eps: f32): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(variance, f32x4.splat(eps))));
}

/** dx (+)= (dy − mean(dy) − y · mean(dy · y)) / √(variance + eps) for units [begin, end). */
export function normalizeGradient(
  fn: i32, dx: usize, dy: usize, y: usize, moments: usize, outer: i32, groups: i32, inner: i32, eps: f32,
  accumulate: bool, begin: i32, end: i32,
): void {
  const zero = f32x4.splat(0);
  const count = f32x4.splat(<f32>outer * <f32>inner);
  const step = (<usize>groups * <usize>inner) << 2;
  const runs = <usize>outer * step;
  for (let unit = begin; unit < end; unit++) {
    const group = inner == 1 ? unit << 2 : unit;
    const lanes = inner == 1 ? min(4, groups - group) : 1;
    const first = (<usize>group * <usize>inner) << 2;
    let mean = zero;
    let along = zero;
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = inner == 1 ? lanes : inner - i;
        const g = loadUpTo(dy + at, left);
        mean = f32x4.add(mean, g);
        along = f32x4.add(along, f32x4.mul(g, loadUpTo(y + at, left)));
      }
    }
    mean = fn == Norm.RMS ? zero : f32x4.div(inner == 1 ? mean : f32x4.splat(sum4(mean)), count);
    along = f32x4.div(inner == 1 ? along : f32x4.splat(sum4(along)), count);
    const variances = moments + (<usize>(groups + group) << 2);
    const scale = scaleOf(inner == 1 ? loadUpTo(variances, lanes) : v128.load32_splat(variances), eps);
    for (let run = first; run < runs; run += step) {
      for (let i = 0; i < inner; i += 4) {
        const at = run + (<usize>i << 2);
        const left = inner == 1 ? lanes : inner - i;
        const g = f32x4.sub(loadUpTo(dy + at, left), mean);
        let d = f32x4.mul(scale, f32x4.sub(g, f32x4.mul(loadUpTo(y + at, left), along)));
        if (accumulate) d = f32x4.add(loadUpTo(dx + at, left), d);
        storeUpTo(dx + at, d, left);
      }
    }
  }
}

/** out = (1 − f) · out + f · scale · in for elements [begin, end); f is the share, or 1 / count. */
export function blend(out: usize, input: usize, count: usize, share: f32, scale: f32, begin: i32, end: i32): void {
  const f: f32 = count != 0 ? <f32>1 / load<f32>(count) : share;
  const kept = f32x4.splat(<f32>1 - f);
  const added = f32x4.splat(f * scale);
  for (let i = begin; i < end; i += 4) {
    const at = <usize>i << 2;
    const left = end - i;
    const y = f32x4.add(f32x4.mul(kept, loadUpTo(out + at, left)), f32x4.mul(added, loadUpTo(input + at, left)));
    storeUpTo(out + at, y, left);
  }
}
