import { Reduction } from '../opcodes';
import { demote4, high64, loadUpTo, low64, storeUpTo } from '../simd';
import { decays, descend, rateOf, withDecay } from './optimizer';
import { lastOf, loadStrided, rowOffset } from './walk';

// Totals are float64, so that neither long sums nor large numbers lose anything on the way: two for each vector.

// @ts-ignore: decorator
@inline
function combine(fn: i32, a: v128, b: v128): v128 {
  return fn == Reduction.MAX ? f64x2.max(a, b) : f64x2.add(a, b);
}

/** Up to four results to their place: out (+)= scale · total, or where there are options a step of SGD along it. */
function put(out: usize, low: v128, high: v128, scale: f32, accumulate: bool, options: usize, left: i32): void {
  const factor = f64x2.splat(scale);
  let v = demote4(f64x2.mul(factor, low), f64x2.mul(factor, high));
  if (accumulate) v = f32x4.add(loadUpTo(out, left), v);
  if (options != 0) {
    const p = loadUpTo(out, left);
    if (decays(options)) v = withDecay(v, p, options);
    v = descend(p, v, rateOf(options));
  }
  storeUpTo(out, v, left);
}

/**
 * out[begin, end) (+)= scale · reduction over `count` values each, or a step of SGD where there are `options`. One sum of
 * squared differences has the other numbers in place of a layout, and neither is added nor a step.
 * layout: [keptRank, reducedRank, keptShape…, keptStrides…, reducedShape…, reducedStrides…]
 *
 * Every output is reduced by one rank, in an order that depends on the layout alone.
 */
export function reduce(
  fn: i32, out: usize, input: usize, layout: usize, count: i32, scale: f32, accumulate: bool, options: usize,
  begin: i32, end: i32,
): void {
  if (fn == Reduction.SQUARED_DIFFERENCES) {
    if (begin < end) store<f32>(out, squaredDifferences(input, layout, count, scale));
    return;
  }
  const keptRank = load<i32>(layout);
  const reducedRank = load<i32>(layout, 4);
  const keptShape = layout + 8;
  const keptStrides = keptShape + (<usize>keptRank << 2);
  const reducedShape = keptStrides + (<usize>keptRank << 2);
  const reducedStrides = reducedShape + (<usize>reducedRank << 2);
  const inner = lastOf(keptShape, keptRank, 1);
  const step = lastOf(keptStrides, keptRank, 0);
  const reducedInner = lastOf(reducedShape, reducedRank, 1);
  const reducedStep = lastOf(reducedStrides, reducedRank, 0);
  const stride = <usize>reducedStep << 2;
  const none = f64x2.splat(fn == Reduction.MAX ? -Infinity : 0);
  let i = begin;
  while (i < end) {
    const row = i < inner ? 0 : i / inner;
    const column = i - row * inner;
    // Neighbouring outputs in lanes where their inputs are neighbours too; else one output, its reduction in lanes.
    const wide = step == 1 && reducedStep != 1;
    const room = min(inner - column, end - i);
    const from = input + (<usize>(rowOffset(keptShape, keptStrides, keptRank, row) + column * step) << 2);
    const to = out + (<usize>i << 2);
    if (wide && room >= 16 && count == reducedInner && fn == Reduction.SUM) {
      sumLine(to, from, count, stride, scale, accumulate, options);
      i += 16;
      continue;
    }
    const lanes = wide ? min(4, room) : 1;
    let low = none;
    let high = none;
    for (let r = 0; r < count; r += reducedInner) {
      let p = from + (<usize>rowOffset(reducedShape, reducedStrides, reducedRank, r / reducedInner) << 2);
      const advance = wide ? 1 : 4;
      let j = 0;
      for (; j + advance <= reducedInner; j += advance) {
        const v = wide ? loadUpTo(p, lanes) : loadStrided(p, reducedStep, 4);
        low = combine(fn, low, low64(v));
        high = combine(fn, high, high64(v));
        p += <usize>advance * stride;
      }
      for (; j < reducedInner; j++) {
        low = combine(fn, low, f64x2.replace_lane(none, 0, <f64>load<f32>(p)));
        p += stride;
      }
    }
    if (!wide) {
      low = combine(fn, low, high);
      low = combine(fn, low, i64x2.shuffle(low, low, 1, 0));
    }
    put(to, low, high, scale, accumulate, options, lanes);
    i += lanes;
  }
}

/** scale · Σ (a − b)² over `count` numbers: neither a difference nor a square overflows on the way. */
function squaredDifferences(a: usize, b: usize, count: i32, scale: f32): f32 {
  let pairs = f64x2.splat(0);
  for (; count > 1; count -= 2) {
    const d = f64x2.sub(low64(v128.load64_zero(a)), low64(v128.load64_zero(b)));
    pairs = f64x2.add(pairs, f64x2.mul(d, d));
    a += 8;
    b += 8;
  }
  let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
  if (count > 0) {
    const d = <f64>load<f32>(a) - <f64>load<f32>(b);
    sum += d * d;
  }
  return <f32>(sum * scale);
}

/** The sums of sixteen columns, a cache line wide. */
function sumLine(out: usize, p: usize, count: i32, stride: usize, scale: f32, accumulate: bool, options: usize): void {
  const zero = f64x2.splat(0);
  let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
  let b0 = zero, b1 = zero, b2 = zero, b3 = zero;
  for (let i = 0; i < count; i++) {
    let v = v128.load(p);
    a0 = f64x2.add(a0, low64(v));
    b0 = f64x2.add(b0, high64(v));
    v = v128.load(p, 16);
    a1 = f64x2.add(a1, low64(v));
    b1 = f64x2.add(b1, high64(v));
    v = v128.load(p, 32);
    a2 = f64x2.add(a2, low64(v));
    b2 = f64x2.add(b2, high64(v));
    v = v128.load(p, 48);
    a3 = f64x2.add(a3, low64(v));
    b3 = f64x2.add(b3, high64(v));
    p += stride;
  }
  put(out, a0, b0, scale, accumulate, options, 4);
  put(out + 16, a1, b1, scale, accumulate, options, 4);
  put(out + 32, a2, b2, scale, accumulate, options, 4);
  put(out + 48, a3, b3, scale, accumulate, options, 4);
}

/**
 * dx (+)= dy for the elements that equal the maximum y of their group, shared equally between them; 0 for the others.
 * For outputs [begin, end); layout as in reduce.
 */
export function maxGradient(
  dx: usize, dy: usize, x: usize, y: usize, layout: usize, count: i32, accumulate: bool, begin: i32, end: i32,
): void {
  const keptRank = load<i32>(layout);
  const reducedRank = load<i32>(layout, 4);
  const keptShape = layout + 8;
  const keptStrides = keptShape + (<usize>keptRank << 2);
  const reducedShape = keptStrides + (<usize>keptRank << 2);
  const reducedStrides = reducedShape + (<usize>reducedRank << 2);
  const inner = lastOf(keptShape, keptRank, 1);
  const step = lastOf(keptStrides, keptRank, 0);
  const reducedInner = lastOf(reducedShape, reducedRank, 1);
  const reducedStep = lastOf(reducedStrides, reducedRank, 0);
  for (let i = begin; i < end; i++) {
    const row = i / inner;
    const base = rowOffset(keptShape, keptStrides, keptRank, row) + (i - row * inner) * step;
    const maximum = load<f32>(y + (<usize>i << 2));
    let ties = 0;
    for (let pass = 0; pass < 2; pass++) {
      const share = ties > 0 ? load<f32>(dy + (<usize>i << 2)) / <f32>ties : 0;
      for (let r = 0; r < count; r++) {
        const reducedRow = r / reducedInner;
        const at = base + rowOffset(reducedShape, reducedStrides, reducedRank, reducedRow) + (r - reducedRow * reducedInner) * reducedStep;
        const value = load<f32>(x + (<usize>at << 2));
        const wins = value == maximum || (value != value && maximum != maximum);
        if (pass == 0) {
          if (wins) ties++;
          continue;
        }
        const p = dx + (<usize>at << 2);
        const g = wins ? share : 0;
        store<f32>(p, accumulate ? load<f32>(p) + g : g);
      }
    }
  }
}
