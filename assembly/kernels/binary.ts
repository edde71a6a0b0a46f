import { Binary } from '../opcodes';
import { loadPart, logOf, power, storePart } from '../simd';

function power4(a: v128, b: v128): v128 {
  let y = f32x4.splat(power(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, power(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, power(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, power(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

/** ∂(aᵇ)/∂a or ∂(aᵇ)/∂b. */
function powerSlope(which: i32, a: f32, b: f32): f32 {
  if (which == 0) return b == 0 ? 0 : b * power(a, b - 1);
  return a == 0 && b >= 0 ? 0 : power(a, b) * logOf(a);
}

function powerSlope4(which: i32, a: v128, b: v128): v128 {
  let y = f32x4.splat(powerSlope(which, f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, powerSlope(which, f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, powerSlope(which, f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, powerSlope(which, f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

// @ts-ignore: decorator
@inline
function apply(fn: i32, a: v128, b: v128): v128 {
  switch (fn) {
    case Binary.ADD: return f32x4.add(a, b);
    case Binary.SUBTRACT: return f32x4.sub(a, b);
    case Binary.MULTIPLY: return f32x4.mul(a, b);
    case Binary.DIVIDE: return f32x4.div(a, b);
    case Binary.POWER: return power4(a, b);
    case Binary.MAXIMUM: return f32x4.max(a, b);
    case Binary.MINIMUM: return f32x4.min(a, b);
    default: {
      const d = f32x4.sub(a, b);
      return f32x4.mul(d, d);
    }
  }
}

/** dy · ∂f/∂a (which = 0) or dy · ∂f/∂b (which = 1). */
// @ts-ignore: decorator
@inline
function derive(fn: i32, which: i32, dy: v128, a: v128, b: v128): v128 {
  switch (fn) {
    case Binary.ADD: return dy;
    case Binary.SUBTRACT: return which == 0 ? dy : f32x4.neg(dy);
    case Binary.MULTIPLY: return f32x4.mul(dy, which == 0 ? b : a);
    case Binary.DIVIDE: {
      if (which == 0) return f32x4.div(dy, b);
      return f32x4.neg(f32x4.mul(dy, f32x4.div(f32x4.div(a, b), b)));
    }
    case Binary.POWER: return f32x4.mul(dy, powerSlope4(which, a, b));
    case Binary.MAXIMUM:
    case Binary.MINIMUM: {
      const aWins = fn == Binary.MAXIMUM ? f32x4.gt(a, b) : f32x4.lt(a, b);
      const bWins = fn == Binary.MAXIMUM ? f32x4.gt(b, a) : f32x4.lt(b, a);
      const wins = which == 0 ? aWins : bWins;
      const loses = which == 0 ? bWins : aWins;
      const tie = v128.andnot(v128.not(wins), loses);
      return v128.or(v128.and(dy, wins), v128.and(f32x4.mul(dy, f32x4.splat(0.5)), tie));
    }
    default: {
      const d = which == 0 ? f32x4.sub(a, b) : f32x4.sub(b, a);
      return f32x4.mul(dy, f32x4.add(d, d));
    }
  }
}

/** Four elements (or `left` < 4) at a stride. */
// @ts-ignore: decorator
@inline
function read(pointer: usize, step: i32, left: i32): v128 {
  if (step == 1) return left >= 4 ? v128.load(pointer) : loadPart(pointer, left);
  if (step == 0) return v128.load32_splat(pointer);
  const stride = <usize>step << 2;
  let v = f32x4.splat(load<f32>(pointer));
  if (left > 1) v = f32x4.replace_lane(v, 1, load<f32>(pointer + stride));
  if (left > 2) v = f32x4.replace_lane(v, 2, load<f32>(pointer + 2 * stride));
  if (left > 3) v = f32x4.replace_lane(v, 3, load<f32>(pointer + 3 * stride));
  return v;
}

/** How far into an operand row `row` of the walked shape begins, in elements. */
function offset(layout: usize, rank: i32, strides: usize, row: i32): i32 {
  let at = 0;
  let rest = row;
  for (let d = rank - 2; d >= 0; d--) {
    const length = load<i32>(layout + 4 + (<usize>d << 2));
    at += (rest % length) * load<i32>(strides + (<usize>d << 2));
    rest /= length;
  }
  return at;
}

/** out = f(a, b) for elements [begin, end). layout: [rank, shape…, aStrides…, bStrides…] */
export function binary(fn: i32, out: usize, a: usize, b: usize, layout: usize, begin: i32, end: i32): void {
  const rank = load<i32>(layout);
  const width = <usize>rank << 2;
  const last = <usize>(rank - 1) << 2;
  const aStrides = layout + 4 + width;
  const bStrides = aStrides + width;
  const inner = rank > 0 ? load<i32>(layout + 4 + last) : 1;
  const aStep = rank > 0 ? load<i32>(aStrides + last) : 0;
  const bStep = rank > 0 ? load<i32>(bStrides + last) : 0;
  let i = begin;
  while (i < end) {
    const row = i / inner;
    const column = i - row * inner;
    const count = min(inner - column, end - i);
    const pa = a + (<usize>(offset(layout, rank, aStrides, row) + column * aStep) << 2);
    const pb = b + (<usize>(offset(layout, rank, bStrides, row) + column * bStep) << 2);
    const po = out + (<usize>i << 2);
    for (let j = 0; j < count; j += 4) {
      const left = count - j;
      const y = apply(
        fn,
        read(pa + (<usize>(j * aStep) << 2), aStep, left),
        read(pb + (<usize>(j * bStep) << 2), bStep, left),
      );
      if (left >= 4) v128.store(po + (<usize>j << 2), y);
      else storePart(po + (<usize>j << 2), y, left);
    }
    i += count;
  }
}

/**
 * out (+)= scale · dy · ∂f/∂(a or b) for elements [begin, end).
 * layout: [rank, shape…, dyStrides…, aStrides…, bStrides…]
 */
export function binaryGradient(
  fn: i32, which: i32, out: usize, dy: usize, a: usize, b: usize, layout: usize, scale: f32, accumulate: bool,
  begin: i32, end: i32,
): void {
  const rank = load<i32>(layout);
  const width = <usize>rank << 2;
  const last = <usize>(rank - 1) << 2;
  const dyStrides = layout + 4 + width;
  const aStrides = dyStrides + width;
  const bStrides = aStrides + width;
  const inner = rank > 0 ? load<i32>(layout + 4 + last) : 1;
  const dyStep = rank > 0 ? load<i32>(dyStrides + last) : 0;
  const aStep = rank > 0 ? load<i32>(aStrides + last) : 0;
  const bStep = rank > 0 ? load<i32>(bStrides + last) : 0;
  const factor = f32x4.splat(scale);
  let i = begin;
  while (i < end) {
    const row = i / inner;
    const column = i - row * inner;
    const count = min(inner - column, end - i);
    const pd = dy + (<usize>(offset(layout, rank, dyStrides, row) + column * dyStep) << 2);
    const pa = a + (<usize>(offset(layout, rank, aStrides, row) + column * aStep) << 2);
    const pb = b + (<usize>(offset(layout, rank, bStrides, row) + column * bStep) << 2);
    const po = out + (<usize>i << 2);
    for (let j = 0; j < count; j += 4) {
      const left = count - j;
      const p = po + (<usize>j << 2);
      const g = derive(
        fn,
        which,
        f32x4.mul(read(pd + (<usize>(j * dyStep) << 2), dyStep, left), factor),
        read(pa + (<usize>(j * aStep) << 2), aStep, left),
        read(pb + (<usize>(j * bStep) << 2), bStep, left),
      );
      if (left >= 4) v128.store(p, accumulate ? f32x4.add(v128.load(p), g) : g);
      else storePart(p, accumulate ? f32x4.add(loadPart(p, left), g) : g, left);
    }
    i += count;
  }
}
