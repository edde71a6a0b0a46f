// Vector arithmetic on four float32 lanes. The only place that knows which features the build has.

/** Whether products are fused in the end: in the strict builds scripts/unfuse.mjs takes them apart again. */
// @ts-ignore: decorator
@inline
const FUSED: bool = ASC_FEATURE_RELAXED_SIMD && !isDefined(UNFUSED);

/** a · b + c: rounded once in the relaxed build, twice in the strict one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/**
 * Rows of a register tile of two vectors: beside its sums it needs two vectors of one operand, one of the other, and
 * without a fused multiply-add one for the product. V8 gives 15 registers; one row more spills (28 GFLOP/s for 53).
 */
export const TILE_ROWS: i32 = FUSED ? 6 : 5;
/** Whether a tile may end in an update of C: without fused multiply-add V8 spills then (Node 20: 24 GFLOP/s for 38). */
export const UPDATING_TILES: bool = FUSED;

/** max(x, 0); NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function relu4(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

/** Writes four vectors as four columns, rows `step` bytes apart: a 4 × 4 transposition. */
// @ts-ignore: decorator
@inline
export function transpose4(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, step: usize): void {
  const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5);
  const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
  const low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
  const high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(low01, low23, 0, 2));
  v128.store(to + step, i64x2.shuffle(low01, low23, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(high01, high23, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(high01, high23, 1, 3));
}

/** x · weight, and 0 where the weight is 0, whatever x is: what counts for nothing adds nothing, be it infinite or NaN. */
// @ts-ignore: decorator
@inline
export function weigh4(x: v128, weight: v128): v128 {
  return v128.andnot(f32x4.mul(x, weight), f32x4.eq(weight, f32x4.splat(0)));
}

/** The same of two numbers in float64. */
// @ts-ignore: decorator
@inline
export function weigh64(x: v128, weight: v128): v128 {
  return v128.andnot(f64x2.mul(x, weight), f64x2.eq(weight, f64x2.splat(0)));
}

/** Lanes 0 and 1 in float64. */
// @ts-ignore: decorator
@inline
export function low64(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

/** Lanes 2 and 3 in float64. */
// @ts-ignore: decorator
@inline
export function high64(v: v128): v128 {
  return f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 2, 3));
}

/** Four float32 lanes of two and two in float64. */
// @ts-ignore: decorator
@inline
export function demote4(low: v128, high: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

/** The sum of four lanes in float64, in both lanes. */
// @ts-ignore: decorator
@inline
export function across(low: v128, high: v128): v128 {
  const sum = f64x2.add(low, high);
  return f64x2.add(sum, i64x2.shuffle(sum, sum, 1, 0));
}

/** The sum of the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline
export function sum4(v: v128): f32 {
  const pairs = f32x4.add(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** The largest of the four lanes; NaN where one is. */
// @ts-ignore: decorator
@inline
export function max4(v: v128): f32 {
  const pairs = f32x4.max(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.max(pairs, i32x4.shuffle(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** `count` < 4 floats from memory, the other lanes 0. Tails go through the same vector code as the rest. */
function loadPart(pointer: usize, count: i32): v128 {
  if (count < 2) return count > 0 ? v128.load32_zero(pointer) : f32x4.splat(0);
  const v = v128.load64_zero(pointer);
  return count > 2 ? v128.load_lane<f32>(pointer, v, 2, 8) : v;
}

/** The first `count` < 4 lanes to memory. */
function storePart(pointer: usize, v: v128, count: i32): void {
  if (count < 2) {
    if (count > 0) v128.store_lane<f32>(pointer, v, 0);
    return;
  }
  v128.store_lane<f64>(pointer, v, 0);
  if (count > 2) v128.store_lane<f32>(pointer, v, 2, 8);
}

// @ts-ignore: decorator
@inline
function select(yes: v128, no: v128, mask: v128): v128 {
  return v128.bitselect(yes, no, mask);
}

/** eˣ, after Cephes' expf: x = n · ln 2 + r, a polynomial in r, then 2ⁿ in two factors so that results may be subnormal. */
export function exp4(x: v128): v128 {
  const low = f32x4.splat(-104.0);
  const high = f32x4.splat(89.0);
  // pmin and pmax would lose NaN; min and max keep it.
  const z = f32x4.min(f32x4.max(x, low), high);
  const n = f32x4.nearest(f32x4.mul(z, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(z, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = madd(p, r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)));
  const exponent = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(exponent, 1);
  const rest = i32x4.sub(exponent, half);
  const bias = i32x4.splat(127);
  p = f32x4.mul(p, i32x4.shl(i32x4.add(half, bias), 23));
  return f32x4.mul(p, i32x4.shl(i32x4.add(rest, bias), 23));
}

/** ln x, after Cephes' logf; −∞ at 0, NaN below. */
export function log4(x: v128): v128 {
  // Subnormal numbers are scaled into the normal range first.
  const small = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = select(f32x4.mul(x, f32x4.splat(8388608.0)), x, small);
  let exponent = i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126));
  exponent = i32x4.sub(exponent, v128.and(small, i32x4.splat(23)));
  let m = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const below = f32x4.lt(m, f32x4.splat(0.707106781186547524));
  exponent = i32x4.add(exponent, below);
  m = f32x4.sub(f32x4.add(m, v128.and(below, m)), f32x4.splat(1));
  const e = f32x4.convert_i32x4_s(exponent);
  const z = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = madd(p, m, f32x4.splat(-1.1514610310e-1));
  p = madd(p, m, f32x4.splat(1.1676998740e-1));
  p = madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = madd(p, m, f32x4.splat(1.4249322787e-1));
  p = madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = madd(p, m, f32x4.splat(2.0000714765e-1));
  p = madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = madd(p, m, f32x4.splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, m), z);
  y = madd(e, f32x4.splat(-2.12194440e-4), y);
  y = madd(z, f32x4.splat(-0.5), y);
  y = madd(e, f32x4.splat(0.693359375), f32x4.add(m, y));
  const infinity = f32x4.splat(Infinity);
  y = select(infinity, y, f32x4.eq(x, infinity));
  y = select(f32x4.splat(-Infinity), y, f32x4.eq(x, f32x4.splat(0)));
  // Also where x is NaN.
  return select(y, f32x4.splat(NaN), f32x4.ge(x, f32x4.splat(0)));
}

/** ln(1 + x) for 0 ≤ x ≤ 1, accurate near 0: the error of rounding 1 + x is divided out (Kahan). */
export function log1p4(x: v128): v128 {
  const one = f32x4.splat(1);
  const u = f32x4.add(one, x);
  const d = f32x4.sub(u, one);
  const exact = f32x4.eq(d, f32x4.splat(0));
  return select(x, f32x4.div(f32x4.mul(log4(u), x), d), exact);
}

/** ln(1 + e^−|x|): what ln(1 + eˣ) is more than max(x, 0). */
export function softplus4(x: v128): v128 {
  return log1p4(exp4(f32x4.neg(f32x4.abs(x))));
}

/** tanh x, after Cephes' tanhf: a polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above. */
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = madd(p, z, f32x4.splat(2.06390887954e-2));
  p = madd(p, z, f32x4.splat(-5.37397155531e-2));
  p = madd(p, z, f32x4.splat(1.33314422036e-1));
  p = madd(p, z, f32x4.splat(-3.33332819422e-1));
  const near = madd(f32x4.mul(p, z), x, x);
  const one = f32x4.splat(1);
  const e = exp4(f32x4.add(a, a));
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(e, one)));
  const sign = v128.and(x, f32x4.splat(-0.0));
  return select(v128.or(far, sign), near, f32x4.ge(a, f32x4.splat(0.625)));
}

/** eˣ − 1, accurate near 0: tanh(x/2) · (eˣ + 1). */
export function expm14(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = exp4(x);
  const near = f32x4.mul(tanh4(f32x4.mul(x, f32x4.splat(0.5))), f32x4.add(e, one));
  return select(near, f32x4.sub(e, one), f32x4.lt(f32x4.abs(x), one));
}

/** 1 / (1 + e⁻ˣ), below zero as eˣ / (1 + eˣ), where e⁻ˣ may be infinite. */
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(select(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e));
}

/** erfc x with a relative error of about 10⁻⁷ everywhere (Numerical Recipes, section 6.2: a Chebyshev fit). */
export function erfc4(x: v128): v128 {
  const one = f32x4.splat(1);
  const a = f32x4.abs(x);
  const t = f32x4.div(one, madd(f32x4.splat(0.5), a, one));
  let p = f32x4.splat(0.17087277);
  p = madd(p, t, f32x4.splat(-0.82215223));
  p = madd(p, t, f32x4.splat(1.48851587));
  p = madd(p, t, f32x4.splat(-1.13520398));
  p = madd(p, t, f32x4.splat(0.27886807));
  p = madd(p, t, f32x4.splat(-0.18628806));
  p = madd(p, t, f32x4.splat(0.09678418));
  p = madd(p, t, f32x4.splat(0.37409196));
  p = madd(p, t, f32x4.splat(1.00002368));
  p = madd(p, t, f32x4.splat(-1.26551223));
  const y = f32x4.mul(t, exp4(f32x4.sub(p, f32x4.mul(a, a))));
  return select(f32x4.sub(f32x4.splat(2), y), y, f32x4.lt(x, f32x4.splat(0)));
}

/** e^x in double precision: no tables, so no data section. */
export function exp64(x: f64): f64 {
  if (x != x) return x;
  if (x > 709.0) return Infinity;
  if (x < -745.0) return 0;
  const n = nearest(x * 1.4426950408889634);
  const r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
  let term: f64 = 1;
  let sum: f64 = 1;
  // |r| ≤ 0.35: the fourteenth term is below 2⁻⁵³.
  for (let i = 1; i <= 14; i++) {
    term *= r / <f64>i;
    sum += term;
  }
  const half = <i64>n >> 1;
  const rest = <i64>n - half;
  return sum * reinterpret<f64>((half + 1023) << 52) * reinterpret<f64>((rest + 1023) << 52);
}

/** ln x in double precision for x > 0: 2 artanh((m − 1) / (m + 1)) + e · ln 2. */
function log64(x: f64): f64 {
  const bits = reinterpret<i64>(x);
  let e = (bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum: f64 = 0;
  // s ≤ 0.172: z¹² is below 2⁻⁵³.
  for (let i = 25; i >= 1; i -= 2) sum = sum * z + 1 / <f64>i;
  return 2 * s * sum + <f64>e * 0.6931471805599453;
}

/** x to the power y with C's rules for zeros, infinities, NaN and negative bases. */
export function power(x: f32, y: f32): f64 {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return NaN;
  const whole = trunc(y) == y;
  const size = abs(y);
  if (whole && size <= 64 && x != 0) {
    let base = <f64>x;
    let result: f64 = 1;
    for (let n = <i32>size; n > 0; n >>= 1) {
      if (n & 1) result *= base;
      base *= base;
    }
    return y < 0 ? 1 / result : result;
  }
  const odd = whole && size < 16777216 && (<i32>size & 1) == 1;
  const negative = odd && (reinterpret<i32>(x) < 0);
  const a = <f64>abs(x);
  let result: f64;
  if (a == 0) result = y > 0 ? 0 : Infinity;
  else if (a == Infinity) result = y > 0 ? Infinity : 0;
  else if (size == Infinity) result = a == 1 ? 1 : (a > 1) == (y > 0) ? Infinity : 0;
  else if (x < 0 && !whole) return NaN;
  else result = y == 0.5 ? sqrt(a) : exp64(<f64>y * log64(a));
  return negative ? -result : result;
}

/** ln x of a single number. */
export function logOf(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}

/** xʸ, or with `which` from 0 on dy · ∂(xʸ)/∂x or dy · ∂(xʸ)/∂y, which may be a float32 where the slope is none. */
function powerPart(which: i32, dy: f32, x: f32, y: f32): f64 {
  if (which == 0) return y == 0 ? 0 : <f64>dy * y * power(x, y - 1);
  const p = power(x, y);
  if (which < 0) return p;
  return p == 0 || (x == 0 && y == 0) ? 0 : dy * p * logOf(x);
}

/** The lanes, each a place further on. */
// @ts-ignore: decorator
@inline
function turn(v: v128): v128 {
  return i32x4.shuffle(v, v, 1, 2, 3, 0);
}

/** powerPart() of each lane. */
export function power4(which: i32, dy: v128, x: v128, y: v128): v128 {
  for (let i = 0; i < 4; i++) {
    const v = powerPart(which, f32x4.extract_lane(dy, 0), f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0));
    dy = turn(f32x4.replace_lane(dy, 0, <f32>v));
    x = turn(x);
    y = turn(y);
  }
  return dy;
}

/** Four floats, or `left` < 4 and zeros. */
// @ts-ignore: decorator
@inline
export function loadUpTo(pointer: usize, left: i32): v128 {
  return left >= 4 ? v128.load(pointer) : loadPart(pointer, left);
}

/** Four floats, or the first `left` < 4. */
// @ts-ignore: decorator
@inline
export function storeUpTo(pointer: usize, v: v128, left: i32): void {
  if (left >= 4) v128.store(pointer, v);
  else storePart(pointer, v, left);
}

/** The first `count` lanes of `v`, and `other` in the rest. */
// @ts-ignore: decorator
@inline
export function firstLanes(v: v128, other: v128, count: i32): v128 {
  return v128.bitselect(v, other, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}
