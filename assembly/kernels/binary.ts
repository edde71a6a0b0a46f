import { Binary } from '../opcodes';
import {
  demote4, high64, loadUpTo, log4, low64, power4, sigmoid4, softplus4, storeUpTo, weigh4,
} from '../simd';
import { lastOf, loadStrided, rowOffset } from './walk';

/** ln x, not below −100: a probability that rounds to 0 is not infinitely wrong. */
function limitedLog(x: v128): v128 {
  return f32x4.max(log4(x), f32x4.splat(-100));
}

// @ts-ignore: decorator
@inline
function apply(fn: i32, a: v128, b: v128): v128 {
  switch (fn) {
    case Binary.ADD: return f32x4.add(a, b);
    case Binary.SUBTRACT: return f32x4.sub(a, b);
    case Binary.MULTIPLY: return f32x4.mul(a, b);
    case Binary.DIVIDE: return f32x4.div(a, b);
    case Binary.POWER: return power4(-1, a, a, b);
    case Binary.MAXIMUM: return f32x4.max(a, b);
    case Binary.MINIMUM: return f32x4.min(a, b);
    case Binary.WEIGH: return weigh4(a, b);
    case Binary.CROSS_ENTROPY: {
      const rest = f32x4.sub(f32x4.splat(1), b);
      return f32x4.neg(f32x4.add(f32x4.mul(b, limitedLog(a)), f32x4.mul(rest, limitedLog(f32x4.sub(f32x4.splat(1), a)))));
    }
    case Binary.LOGIT_CROSS_ENTROPY: {
      // |a| counts by what the target lacks on the side of a, which may be nothing; the rest is ln(1 + e^−|a|).
      const size = f32x4.abs(a);
      const lack = v128.bitselect(b, f32x4.sub(f32x4.splat(1), b), f32x4.lt(a, f32x4.splat(0)));
      return f32x4.add(weigh4(size, lack), softplus4(size));
    }
    case Binary.KEEP: return v128.and(a, f32x4.ne(b, f32x4.splat(0)));
    default: {
      const d = f32x4.sub(a, b);
      return f32x4.mul(d, d);
    }
  }
}

/** dy · a / b² in float64, where neither the product nor the square overflows or vanishes. */
// @ts-ignore: decorator
@inline
function dividePart(dy: v128, a: v128, b: v128): v128 {
  return f64x2.div(f64x2.mul(dy, a), f64x2.mul(b, b));
}

/** dy · ∂f/∂a (which = 0) or dy · ∂f/∂b (which = 1). */
// @ts-ignore: decorator
@inline
function derive(fn: i32, which: i32, dy: v128, a: v128, b: v128): v128 {
  switch (fn) {
    case Binary.ADD: return dy;
    case Binary.SUBTRACT: return which == 0 ? dy : f32x4.neg(dy);
    case Binary.MULTIPLY:
    case Binary.WEIGH: return which == 0 ? weigh4(dy, b) : f32x4.mul(dy, a);
    case Binary.DIVIDE: {
      if (which == 0) return f32x4.div(dy, b);
      return f32x4.neg(demote4(dividePart(low64(dy), low64(a), low64(b)), dividePart(high64(dy), high64(a), high64(b))));
    }
    case Binary.POWER: return power4(which, dy, a, b);
    case Binary.MAXIMUM:
    case Binary.MINIMUM: {
      const aWins = fn == Binary.MAXIMUM ? f32x4.gt(a, b) : f32x4.lt(a, b);
      const bWins = fn == Binary.MAXIMUM ? f32x4.gt(b, a) : f32x4.lt(b, a);
      const wins = which == 0 ? aWins : bWins;
      const loses = which == 0 ? bWins : aWins;
      const tie = v128.andnot(v128.not(wins), loses);
      return v128.or(v128.and(dy, wins), v128.and(f32x4.mul(dy, f32x4.splat(0.5)), tie));
    }
    case Binary.CROSS_ENTROPY: {
      const rest = f32x4.sub(f32x4.splat(1), a);
      if (which == 1) return f32x4.mul(dy, f32x4.sub(limitedLog(rest), limitedLog(a)));
      // (1 − b) / (1 − a) − b / a: each is right at both ends, where the other has nothing to divide.
      const least = f32x4.splat(1e-12);
      const other = f32x4.div(f32x4.sub(f32x4.splat(1), b), f32x4.max(rest, least));
      return f32x4.mul(dy, f32x4.sub(other, f32x4.div(b, f32x4.max(a, least))));
    }
    case Binary.LOGIT_CROSS_ENTROPY: {
      return f32x4.mul(dy, which == 0 ? f32x4.sub(sigmoid4(a), b) : f32x4.neg(a));
    }
    case Binary.KEEP: return which == 0 ? v128.and(dy, f32x4.ne(b, f32x4.splat(0))) : f32x4.splat(0);
    default: {
      // A quarter of it first: the difference of two numbers may be infinite, that of their halves is not.
      const half = f32x4.splat(0.5);
      const halves = f32x4.sub(f32x4.mul(a, half), f32x4.mul(b, half));
      let d = f32x4.mul(dy, which == 0 ? halves : f32x4.neg(halves));
      d = f32x4.add(d, d);
      return f32x4.add(d, d);
    }
  }
}

/** out = f(a, b) for elements [begin, end). layout: [rank, shape…, aStrides…, bStrides…] */
export function binary(fn: i32, out: usize, a: usize, b: usize, layout: usize, begin: i32, end: i32): void {
  const rank = load<i32>(layout);
  const width = <usize>rank << 2;
  const shape = layout + 4;
  const aStrides = shape + width;
  const bStrides = aStrides + width;
  const inner = lastOf(shape, rank, 1);
  const aStep = lastOf(aStrides, rank, 0);
  const bStep = lastOf(bStrides, rank, 0);
  let i = begin;
  while (i < end) {
    const row = i / inner;
    const column = i - row * inner;
    const count = min(inner - column, end - i);
    const pa = a + (<usize>(rowOffset(shape, aStrides, rank, row) + column * aStep) << 2);
    const pb = b + (<usize>(rowOffset(shape, bStrides, rank, row) + column * bStep) << 2);
    const po = out + (<usize>i << 2);
    for (let j = 0; j < count; j += 4) {
      const left = count - j;
      const y = apply(
        fn,
        loadStrided(pa + (<usize>(j * aStep) << 2), aStep, left),
        loadStrided(pb + (<usize>(j * bStep) << 2), bStep, left),
      );
      storeUpTo(po + (<usize>j << 2), y, left);
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
  const shape = layout + 4;
  const dyStrides = shape + width;
  const aStrides = dyStrides + width;
  const bStrides = aStrides + width;
  const inner = lastOf(shape, rank, 1);
  const dyStep = lastOf(dyStrides, rank, 0);
  const aStep = lastOf(aStrides, rank, 0);
  const bStep = lastOf(bStrides, rank, 0);
  const factor = f32x4.splat(scale);
  let i = begin;
  while (i < end) {
    const row = i / inner;
    const column = i - row * inner;
    const count = min(inner - column, end - i);
    const pd = dy + (<usize>(rowOffset(shape, dyStrides, rank, row) + column * dyStep) << 2);
    const pa = a + (<usize>(rowOffset(shape, aStrides, rank, row) + column * aStep) << 2);
    const pb = b + (<usize>(rowOffset(shape, bStrides, rank, row) + column * bStep) << 2);
    const po = out + (<usize>i << 2);
    for (let j = 0; j < count; j += 4) {
      const left = count - j;
      const p = po + (<usize>j << 2);
      const d = f32x4.mul(loadStrided(pd + (<usize>(j * dyStep) << 2), dyStep, left), factor);
      const slopes = derive(
        fn,
        which,
        d,
        loadStrided(pa + (<usize>(j * aStep) << 2), aStep, left),
        loadStrided(pb + (<usize>(j * bStep) << 2), bStep, left),
      );
      // What has no gradient passes none on, be the slope infinite or NaN.
      const g = v128.andnot(slopes, f32x4.eq(d, f32x4.splat(0)));
      storeUpTo(p, accumulate ? f32x4.add(loadUpTo(p, left), g) : g, left);
    }
    i += count;
  }
}
