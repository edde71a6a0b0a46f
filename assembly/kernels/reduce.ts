import { Reduction } from '../opcodes';
import { loadUpTo, max4, storeUpTo, sum4 } from '../simd';
import { decays, descend, rateOf, withDecay } from './optimizer';
import { lastOf, loadStrided, rowOffset } from './walk';

// @ts-ignore: decorator
@inline
function start(fn: i32): f32 {
  return fn == Reduction.MAX ? -Infinity : 0;
}

// @ts-ignore: decorator
@inline
function combine(fn: i32, a: v128, b: v128): v128 {
  return fn == Reduction.MAX ? f32x4.max(a, b) : f32x4.add(a, b);
}

/** Up to four results to their place: out (+)= scale · total, or where there are options a step of SGD along it. */
function put(out: usize, total: v128, scale: f32, accumulate: bool, options: usize, left: i32): void {
  let v = f32x4.mul(f32x4.splat(scale), total);
  if (accumulate) v = f32x4.add(loadUpTo(out, left), v);
  if (options != 0) {
    const p = loadUpTo(out, left);
    if (decays(options)) v = withDecay(v, p, options);
    v = descend(p, v, rateOf(options));
  }
  storeUpTo(out, v, left);
}

/**
 * out[begin, end) (+)= scale · reduction over `count` values each, or a step of SGD where there are `options`.
 * layout: [keptRank, reducedRank, keptShape…, keptStrides…, reducedShape…, reducedStrides…]
 *
 * Every output is reduced by one rank, in an order that depends on the layout alone.
 */
export function reduce(
  fn: i32, out: usize, input: usize, layout: usize, count: i32, scale: f32, accumulate: bool, options: usize,
  begin: i32, end: i32,
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
      sumLine(to, from, count, reducedStep, scale, accumulate, options);
      i += 16;
      continue;
    }
    const lanes = wide ? min(4, room) : 1;
    let total = f32x4.splat(start(fn));
    for (let r = 0; r < count; r += reducedInner) {
      const p = from + (<usize>rowOffset(reducedShape, reducedStrides, reducedRank, r / reducedInner) << 2);
      total = combine(fn, total, wide ? downColumns(fn, p, reducedInner, reducedStep, lanes) : alongRow(fn, p, reducedInner, reducedStep));
    }
    put(to, total, scale, accumulate, options, lanes);
    i += lanes;
  }
}

/** The sums of sixteen columns, a cache line wide, each in the order of downColumns. */
function sumLine(out: usize, from: usize, count: i32, step: i32, scale: f32, accumulate: bool, options: usize): void {
  const stride = <usize>step << 2;
  const zero = f32x4.splat(0);
  let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
  let b0 = zero, b1 = zero, b2 = zero, b3 = zero;
  let p = from;
  let i = 0;
  for (; i + 2 <= count; i += 2) {
    a0 = f32x4.add(a0, v128.load(p));
    a1 = f32x4.add(a1, v128.load(p, 16));
    a2 = f32x4.add(a2, v128.load(p, 32));
    a3 = f32x4.add(a3, v128.load(p, 48));
    p += stride;
    b0 = f32x4.add(b0, v128.load(p));
    b1 = f32x4.add(b1, v128.load(p, 16));
    b2 = f32x4.add(b2, v128.load(p, 32));
    b3 = f32x4.add(b3, v128.load(p, 48));
    p += stride;
  }
  if (i < count) {
    a0 = f32x4.add(a0, v128.load(p));
    a1 = f32x4.add(a1, v128.load(p, 16));
    a2 = f32x4.add(a2, v128.load(p, 32));
    a3 = f32x4.add(a3, v128.load(p, 48));
  }
  put(out, f32x4.add(zero, f32x4.add(a0, b0)), scale, accumulate, options, 4);
  put(out + 16, f32x4.add(zero, f32x4.add(a1, b1)), scale, accumulate, options, 4);
  put(out + 32, f32x4.add(zero, f32x4.add(a2, b2)), scale, accumulate, options, 4);
  put(out + 48, f32x4.add(zero, f32x4.add(a3, b3)), scale, accumulate, options, 4);
}

/** Up to four columns, each reduced in its lane. */
function downColumns(fn: i32, from: usize, count: i32, step: i32, lanes: i32): v128 {
  const stride = <usize>step << 2;
  let a = f32x4.splat(start(fn));
  let b = a;
  let p = from;
  let i = 0;
  for (; i + 2 <= count; i += 2) {
    a = combine(fn, a, loadUpTo(p, lanes));
    b = combine(fn, b, loadUpTo(p + stride, lanes));
    p += stride + stride;
  }
  if (i < count) a = combine(fn, a, loadUpTo(p, lanes));
  return combine(fn, a, b);
}

/** One row, reduced into every lane. */
function alongRow(fn: i32, from: usize, count: i32, step: i32): v128 {
  let a = f32x4.splat(start(fn));
  let b = a;
  let i = 0;
  const stride = <usize>step << 2;
  for (; i + 8 <= count; i += 8) {
    a = combine(fn, a, loadStrided(from + <usize>i * stride, step, 4));
    b = combine(fn, b, loadStrided(from + <usize>(i + 4) * stride, step, 4));
  }
  a = combine(fn, a, b);
  let result = fn == Reduction.MAX ? max4(a) : sum4(a);
  for (; i < count; i++) {
    const value = f32x4.splat(load<f32>(from + <usize>i * stride));
    result = f32x4.extract_lane(combine(fn, f32x4.splat(result), value), 0);
  }
  return f32x4.splat(result);
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
