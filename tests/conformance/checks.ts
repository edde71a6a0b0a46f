import type { Tensor } from 'wasmgrad';
import type { Numbers, Wasmgrad } from './suite.js';

/** Throws unless a condition holds. */
export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Throws unless the same bits came. */
export function checkBits(actual: Numbers, expected: Numbers, what: string): void {
  check(actual.length === expected.length, `${what}: ${actual.length} numbers instead of ${expected.length}`);
  actual.forEach((value, i) => {
    check(Object.is(value, expected[i]), `${what}: number ${i} is ${value} instead of ${expected[i]}`);
  });
}

/** `count` float32 numbers in [low, high), made with integers alone: the same in every JavaScript engine. */
export function numbers(count: number, seed = 1, low = -2, high = 2): Float32Array {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return low + (high - low) * ((state >>> 8) / 2 ** 24);
  });
}

/** Numbers of a shape. */
export interface Input {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Numbers of a shape, away from the multiples of ⅛: differences say nothing where a function has a kink. */
export function input(shape: readonly number[], seed = 1, low = -2, high = 2): Input {
  const size = shape.reduce((product, length) => product * length, 1);
  const off = numbers(size, seed + 100, -1 / 128, 1 / 128);
  const values = numbers(size, seed, low, high).map((x, i) => Math.floor(x * 8) / 8 + 1 / 16 + off[i]);
  return { shape, values };
}

/** Result and gradients of a function, as numbers. */
export function resultOf(
  { tensor }: Wasmgrad,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Input[],
): Float32Array[] {
  const leaves = inputs.map(({ shape, values }) => tensor(values, { shape: [...shape], requiresGrad: true }));
  const output = fn(...leaves);
  const result = output.data;
  output.backward(tensor(numbers(output.size, 17), { shape: output.shape }));
  return [result, ...leaves.map(({ grad, size }) => grad?.data ?? new Float32Array(size))];
}

/** Compares a function's gradients with differences, and gives result and gradients. */
export function checkGradient(
  wasmgrad: Wasmgrad,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Input[],
): Float32Array[] {
  const { gradcheck, tensor } = wasmgrad;
  const { elements } = gradcheck(
    fn,
    inputs.map(({ shape, values }) => tensor(values, { shape: [...shape] })),
  );
  const expected = inputs.reduce((sum, { values }) => sum + values.length, 0);
  check(elements === expected && elements > 0, `${elements} elements were compared instead of ${expected}`);
  return resultOf(wasmgrad, fn, inputs);
}
