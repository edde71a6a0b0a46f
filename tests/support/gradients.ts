import { expect } from 'vitest';
import { tensor, type Tensor } from 'wasmgrad';
import { Array64 } from './float64.js';
import { EPSILON, randomFloats } from './numbers.js';
import { mismatch } from './machine.js';

/** Step of the central differences: their error, about its square, is far below float32's. */
const STEP = 1e-5;

export interface GradientCheck {
  /** Float32 numbers of each input. */
  readonly inputs: readonly { shape: readonly number[]; values: Float32Array }[];
  readonly run: (inputs: Tensor[]) => Tensor;
  readonly reference: (inputs: Array64[]) => Array64;
  /** Terms that one result sums up: the length of the reduction inside. */
  readonly terms?: number;
}

/** Compares result and gradients with a float64 reference: its values, and its central differences. */
export function checkGradients({ inputs, run, reference, terms = 1 }: GradientCheck): void {
  const leaves = inputs.map(({ shape, values }) => tensor(values, { shape, requiresGrad: true }));
  const exact = inputs.map(({ shape, values }) => new Array64(shape, values));
  const result = run(leaves);
  const expected = reference(exact);
  expect(result.shape).toEqual(expected.shape);
  const size = Math.max(1, ...inputs.flatMap(({ values }) => [...values].map(Math.abs)));
  expect(
    mismatch(result.data, {
      expected: [...expected.values],
      tolerance: [...expected.values].map((v) => (terms + 24) * EPSILON * (Math.abs(v) + size ** 2)),
    }),
  ).toBeNull();

  const seed = randomFloats(expected.size, 31, 1);
  result.backward(tensor(seed, { shape: expected.shape.slice() }));
  leaves.forEach((leaf, which) => {
    const slopes: number[] = [];
    const tolerance: number[] = [];
    exact[which].values.forEach((value, i) => {
      const moved = (by: number) =>
        reference(
          exact.map((x, j) => (j === which ? new Array64(x.shape, x.values.with(i, value + by)) : x)),
        );
      const above = moved(STEP).values;
      const below = moved(-STEP).values;
      let slope = 0;
      let weight = 0;
      for (let o = 0; o < above.length; o++) {
        const term = (seed[o] * (above[o] - below[o])) / (2 * STEP);
        slope += term;
        weight += Math.abs(term);
      }
      slopes.push(slope);
      tolerance.push((expected.size + terms + 48) * EPSILON * (weight + 1) + 1e-8 * size ** 3);
    });
    const actual = leaf.grad ? leaf.grad.data : new Float32Array(leaf.size);
    expect(mismatch(actual, { expected: slopes, tolerance }), `gradient of input ${which}`).toBeNull();
  });
}
