// Functions that JavaScript engines round differently, made of operations that all of them round the same: random numbers
// and schedules are the same bits everywhere. In float64, correct to about one rounding.

/** cos(πx). */
export function cosPi(x: number): number {
  // Remainders and differences here are exact.
  const turned = Math.abs(x) % 2;
  const half = turned > 1 ? 2 - turned : turned;
  const near = half > 0.5 ? 1 - half : half;
  const value = near > 0.25 ? series((0.5 - near) * Math.PI, 1) : series(near * Math.PI, 0);
  return half > 0.5 ? -value : value;
}

/** Taylor's series up to y²⁰ for 0 ≤ y ≤ π/4: the cosine with `odd` 0, the sine with 1. */
function series(y: number, odd: 0 | 1): number {
  const square = y * y;
  let sum = 1;
  for (let n = 20 + odd; n > 1; n -= 2) sum = 1 - (square / (n * (n - 1))) * sum;
  return odd ? y * sum : sum;
}

/** The natural logarithm of x in (0, 1]: 2 artanh((m − 1) / (m + 1)) + e · ln 2, with x = m · 2ᵉ. */
export function logOfShare(x: number): number {
  let mantissa = x;
  let exponent = 0;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let n = 25; n > 0; n -= 2) sum = sum * square + 1 / n;
  return 2 * ratio * sum + exponent * Math.LN2;
}

/** base to the power of a whole number from 0 on. */
export function wholePower(base: number, exponent: number): number {
  let result = 1;
  let factor = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= factor;
    factor *= factor;
  }
  return result;
}

/** The largest power of two up to a finite x above 0; of any other x, 1. */
export function powerOfTwo(x: number): number {
  let power = 1;
  if (x > 0 && x < Infinity) {
    while (power <= x / 2) power *= 2;
    while (power > x) power /= 2;
  }
  return power;
}
