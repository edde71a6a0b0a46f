import { Generator } from '../../src/core/random.js';

/** Half the distance between 1 and the next float32: the largest relative error of one rounding. */
export const EPSILON = 2 ** -24;
/** The smallest float32 above zero. */
export const TINY = 2 ** -149;

/** `count` float32 numbers in [−scale, scale). */
export function randomFloats(count: number, seed: number, scale = 2): Float32Array {
  const generator = new Generator(seed);
  return Float32Array.from({ length: count }, () => generator.uniform(-scale, scale));
}

/** Room for `roundings` roundings of each value, relative to its size, and for one in the subnormal range. */
export function withinRoundings(values: readonly number[], roundings: number, floor = 0): number[] {
  return values.map((value) => Math.abs(value) * roundings * EPSILON + floor * EPSILON + TINY);
}

export const { fround } = Math;

/** The product of sizes. */
export function product(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** Float64 erfc: a Taylor series of erf near 0, a continued fraction further out (Abramowitz and Stegun, 7.1). */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
