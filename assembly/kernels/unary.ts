import { Unary } from '../opcodes';
import {
  erfc4, exp4, expm14, loadUpTo, log4, power4, relu4, sigmoid4, softplus4, storeUpTo, tanh4, weigh4,
} from '../simd';

const SQRT_HALF: f32 = 0.70710678118654752;
const INVERSE_SQRT_TWO_PI: f32 = 0.39894228040143268;

/** From so far below zero on, what falls like an exponential is 0 whatever it is multiplied by; x itself may be −∞. */
// @ts-ignore: decorator
@inline
function above(x: v128): v128 {
  return f32x4.max(x, f32x4.splat(-200));
}

/** The same on both sides: for slopes, which are those at ±∞ there. */
// @ts-ignore: decorator
@inline
function within(x: v128): v128 {
  return f32x4.min(above(x), f32x4.splat(200));
}

/** eˣ · (eˣ + 2), of which tanh(log(1 + eˣ)) is n / (n + 2); from 20 on that is 1. */
function mishPower(x: v128): v128 {
  const e = exp4(f32x4.min(x, f32x4.splat(20)));
  return f32x4.mul(e, f32x4.add(e, f32x4.splat(2)));
}

// @ts-ignore: decorator
@inline
function mishTanh(n: v128): v128 {
  return f32x4.div(n, f32x4.add(n, f32x4.splat(2)));
}

/** f(x) on four lanes; s0 and s1 are the parameters of f. Without ALL those that no layer has are left out. */
// @ts-ignore: decorator
@inline
function apply(ALL: bool, fn: i32, x: v128, s0: f32, s1: f32): v128 {
  const zero = f32x4.splat(0);
  switch (fn) {
    case Unary.RELU: return relu4(x);
    case Unary.LEAKY_RELU: return v128.bitselect(weigh4(x, f32x4.splat(s0)), x, f32x4.lt(x, zero));
    case Unary.SIGMOID: return sigmoid4(x);
    case Unary.TANH: return tanh4(x);
    case Unary.GELU: {
      // Φ(x) = erfc(−x / √2) / 2 is exact in relative terms also far below zero.
      const phi = f32x4.mul(f32x4.splat(0.5), erfc4(f32x4.mul(x, f32x4.splat(-SQRT_HALF))));
      return f32x4.mul(above(x), phi);
    }
    case Unary.SILU: return f32x4.mul(above(x), sigmoid4(x));
    case Unary.SOFTPLUS: {
      const z = f32x4.mul(x, f32x4.splat(s0));
      const y = f32x4.add(f32x4.max(x, zero), f32x4.div(softplus4(z), f32x4.splat(s0)));
      return v128.bitselect(x, y, f32x4.gt(z, f32x4.splat(s1)));
    }
    case Unary.HARDTANH:
    case Unary.CLAMP: return f32x4.min(f32x4.max(x, f32x4.splat(s0)), f32x4.splat(s1));
    case Unary.ELU: {
      const below = f32x4.mul(f32x4.splat(s0), expm14(x));
      return v128.bitselect(below, x, f32x4.lt(x, zero));
    }
    case Unary.MISH: return f32x4.mul(above(x), mishTanh(mishPower(x)));
    default: return ALL ? other(fn, x, s0, s1) : x;
  }
}

/** The functions of which no layer consists. */
// @ts-ignore: decorator
@inline
function other(fn: i32, x: v128, s0: f32, s1: f32): v128 {
  switch (fn) {
    case Unary.NEGATE: return f32x4.neg(x);
    case Unary.EXP: return exp4(x);
    case Unary.LOG: return log4(x);
    case Unary.SQRT: return f32x4.sqrt(x);
    case Unary.ABS: return f32x4.abs(x);
    case Unary.SQUARE: return f32x4.mul(x, x);
    case Unary.HUBER: {
      const a = f32x4.abs(x);
      const c = f32x4.min(a, f32x4.splat(s0));
      const square = f32x4.mul(f32x4.mul(c, f32x4.splat(0.5)), f32x4.div(c, f32x4.splat(s1)));
      return f32x4.add(f32x4.mul(f32x4.splat(s0 / s1), f32x4.sub(a, c)), square);
    }
    default: return power4(-1, x, x, f32x4.splat(s0));
  }
}

/** derive() where that is better called: what it keeps on the stack others would keep there, too. */
function calledGradient(fn: i32, dy: v128, x: v128, s0: f32): v128 {
  const first = f32x4.splat(s0);
  if (fn == Unary.POWER) return power4(0, dy, x, first);
  // ELU: y + s0 would lose what is left of it far below zero.
  return v128.bitselect(dy, f32x4.mul(dy, f32x4.mul(exp4(x), first)), f32x4.gt(x, f32x4.splat(0)));
}

/** dy · f′(x) on four lanes, with y = f(x). */
// @ts-ignore: decorator
@inline
function derive(fn: i32, dy: v128, x: v128, y: v128, s0: f32, s1: f32): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  switch (fn) {
    case Unary.NEGATE: return f32x4.neg(dy);
    case Unary.EXP: return weigh4(dy, y);
    case Unary.LOG: return f32x4.div(dy, x);
    case Unary.SQRT: return f32x4.div(dy, f32x4.add(y, y));
    case Unary.ABS: {
      const signed = v128.xor(dy, v128.and(x, f32x4.splat(-0.0)));
      return v128.andnot(signed, f32x4.eq(x, zero));
    }
    case Unary.SQUARE: {
      const d = f32x4.mul(dy, x);
      return f32x4.add(d, d);
    }
    case Unary.RELU: return v128.and(dy, f32x4.gt(x, zero));
    case Unary.LEAKY_RELU: return v128.bitselect(dy, f32x4.mul(dy, f32x4.splat(s0)), f32x4.gt(x, zero));
    case Unary.SIGMOID: return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(one, y)));
    case Unary.TANH: return f32x4.mul(dy, f32x4.sub(one, f32x4.mul(y, y)));
    case Unary.GELU: {
      const z = within(x);
      const phi = f32x4.mul(f32x4.splat(0.5), erfc4(f32x4.mul(z, f32x4.splat(-SQRT_HALF))));
      const density = f32x4.mul(
        f32x4.splat(INVERSE_SQRT_TWO_PI),
        exp4(f32x4.mul(f32x4.mul(z, z), f32x4.splat(-0.5))),
      );
      return f32x4.mul(dy, f32x4.add(phi, f32x4.mul(z, density)));
    }
    case Unary.SILU: {
      const z = within(x);
      const s = sigmoid4(z);
      return f32x4.mul(dy, f32x4.mul(s, f32x4.add(one, f32x4.mul(z, f32x4.sub(one, s)))));
    }
    case Unary.SOFTPLUS: {
      const z = f32x4.mul(x, f32x4.splat(s0));
      return v128.bitselect(dy, f32x4.mul(dy, sigmoid4(z)), f32x4.gt(z, f32x4.splat(s1)));
    }
    case Unary.HARDTANH: {
      const inside = v128.and(f32x4.gt(x, f32x4.splat(s0)), f32x4.lt(x, f32x4.splat(s1)));
      return v128.and(dy, inside);
    }
    case Unary.CLAMP: {
      const inside = v128.and(f32x4.ge(x, f32x4.splat(s0)), f32x4.le(x, f32x4.splat(s1)));
      return v128.and(dy, inside);
    }
    case Unary.MISH: {
      // t + x · σ(x) · (1 − t²), where 1 − t² = 4 (n + 1) / (n + 2)².
      const z = within(x);
      const n = mishPower(z);
      const d = f32x4.add(n, f32x4.splat(2));
      const rest = f32x4.div(f32x4.mul(f32x4.splat(4), f32x4.add(n, one)), f32x4.mul(d, d));
      return f32x4.mul(dy, f32x4.add(mishTanh(n), f32x4.mul(f32x4.mul(z, sigmoid4(z)), rest)));
    }
    case Unary.HUBER: {
      const c = f32x4.min(f32x4.max(x, f32x4.splat(-s0)), f32x4.splat(s0));
      return f32x4.mul(dy, f32x4.div(c, f32x4.splat(s1)));
    }
    default: return calledGradient(fn, dy, x, s0);
  }
}

/** y = f(x) for elements [begin, end). */
export function unary(fn: i32, y: usize, x: usize, s0: f32, s1: f32, begin: i32, end: i32): void {
  let i = begin;
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, apply(true, fn, v128.load(x + at), s0, s1));
  }
  if (i < end) storeUpTo(y + (<usize>i << 2), apply(true, fn, loadUpTo(x + (<usize>i << 2), end - i), s0, s1), end - i);
}

/** y = f(x) for `count` elements, f what a layer has: for builds that must be small. */
export function activation(fn: i32, y: usize, x: usize, s0: f32, s1: f32, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = <usize>i << 2;
    const left = count - i;
    storeUpTo(y + at, apply(false, fn, loadUpTo(x + at, left), s0, s1), left);
  }
}

/** dx (+)= dy · f′(x) for up to four elements, inlined twice like move() in optimizer.ts. */
// @ts-ignore: decorator
@inline
function deriveUpTo(
  left: i32, at: usize, fn: i32, dx: usize, dy: usize, x: usize, y: usize, s0: f32, s1: f32, accumulate: bool,
): void {
  const d = loadUpTo(dy + at, left);
  let g = derive(fn, d, loadUpTo(x + at, left), loadUpTo(y + at, left), s0, s1);
  // What has no gradient passes none on, be the slope infinite or NaN; that of ReLU is neither.
  if (fn != Unary.RELU) g = v128.andnot(g, f32x4.eq(d, f32x4.splat(0)));
  storeUpTo(dx + at, accumulate ? f32x4.add(loadUpTo(dx + at, left), g) : g, left);
}

/** dx (+)= dy · f′(x) for elements [begin, end). */
export function unaryGradient(
  fn: i32, dx: usize, dy: usize, x: usize, y: usize, s0: f32, s1: f32, accumulate: bool, begin: i32, end: i32,
): void {
  let i = begin;
  for (; i + 4 <= end; i += 4) deriveUpTo(4, <usize>i << 2, fn, dx, dy, x, y, s0, s1, accumulate);
  if (i < end) deriveUpTo(end - i, <usize>i << 2, fn, dx, dy, x, y, s0, s1, accumulate);
}
