import fc from 'fast-check';
import { expect, it } from 'vitest';
import { concat, tensor, type Tensor } from 'wasmgrad';
import { Array64, concat64, logSoftmax64 } from '../support/float64.js';
import { unaryReferences } from '../support/functions.js';
import { EPSILON, product, randomFloats } from '../support/numbers.js';

/** A value of a program: what float32 computed, and in float64 the value and a bound on how far float32 may be off. */
interface Pair {
  readonly tensor: Tensor;
  readonly exact: Array64;
  /** Largest error of an element. */
  readonly error: number;
  /** The most by which an element can change where each element of every leaf changes by 1: errors are carried likewise. */
  readonly gain: number;
}

/** A step: which values it takes, counted from the last one, what it does, and a number that it may use. */
interface Step {
  readonly name: string;
  readonly inputs: readonly [number, number];
  readonly choice: number;
}

/** What becomes of errors of both inputs. */
type Carried = (a: number, b: number) => number;
const same: Carried = (a) => a;

/** What a program of tensors is in float64 for given leaves. */
type Replay = (leaves: readonly Array64[]) => Array64;

const sum = (group: readonly number[]): number => group.reduce((total, value) => total + value, 0);
const largest = ({ values }: Array64): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Functions whose slope is at most `slope`, and how the float32 one rounds, relative to the larger of 1 and the result. */
const SMOOTH: Record<
  string,
  { run: (x: Tensor) => Tensor; of: string; s?: [number, number]; slope: number }
> = {
  neg: { run: (x) => x.neg(), of: 'NEGATE', slope: 1 },
  abs: { run: (x) => x.abs(), of: 'ABS', slope: 1 },
  relu: { run: (x) => x.relu(), of: 'RELU', slope: 1 },
  leakyRelu: { run: (x) => x.leakyRelu(0.25), of: 'LEAKY_RELU', s: [0.25, 0], slope: 1 },
  elu: { run: (x) => x.elu(0.75), of: 'ELU', s: [0.75, 0], slope: 1 },
  sigmoid: { run: (x) => x.sigmoid(), of: 'SIGMOID', slope: 0.25 },
  tanh: { run: (x) => x.tanh(), of: 'TANH', slope: 1 },
  gelu: { run: (x) => x.gelu(), of: 'GELU', slope: 1.13 },
  silu: { run: (x) => x.silu(), of: 'SILU', slope: 1.1 },
  softplus: { run: (x) => x.softplus(), of: 'SOFTPLUS', s: [1, 20], slope: 1 },
  mish: { run: (x) => x.mish(), of: 'MISH', slope: 1.1 },
};

const TWO: Record<string, { run: (a: Tensor, b: Tensor) => Tensor; f: (a: number, b: number) => number }> = {
  add: { run: (a, b) => a.add(b), f: (a, b) => a + b },
  sub: { run: (a, b) => a.sub(b), f: (a, b) => a - b },
  mul: { run: (a, b) => a.mul(b), f: (a, b) => a * b },
  maximum: { run: (a, b) => a.maximum(b), f: Math.max },
  minimum: { run: (a, b) => a.minimum(b), f: Math.min },
};

const REST = [
  'square',
  'sum',
  'mean',
  'max',
  'softmax',
  'logSoftmax',
  'matmul',
  'reshape',
  'transpose',
  'concat',
  'slice',
  'div',
];

const fits = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((length, d) => d >= b.length || length === 1 || b[d] === 1 || length === b[d]);

/** One step in both arithmetics, or undefined where the shapes do not allow it. */
function perform(
  step: Step,
  a: Pair,
  b: Pair,
): { pair: Pair; replay: (a: Array64, b: Array64) => Array64 } | undefined {
  const { name, choice } = step;
  const [rows, columns] = a.exact.shape;
  const made = (
    result: Tensor,
    replay: (x: Array64, y: Array64) => Array64,
    carried: Carried,
    roundings: number,
    extra = 0,
  ) => {
    const exact = replay(a.exact, b.exact);
    // What came in, times the slope, and roundings of what was computed here.
    const error =
      carried(a.error, b.error) + extra + roundings * EPSILON * Math.max(1, largest(exact), largest(a.exact));
    const gain = carried(a.gain, b.gain);
    return { pair: { tensor: result, exact, error, gain }, replay };
  };
  const one = SMOOTH[name];
  if (one) {
    const { f } = unaryReferences[one.of];
    const [s0, s1] = one.s ?? [0, 0];
    return made(
      one.run(a.tensor),
      (x) => x.map((value) => f(value, s0, s1)),
      (ea) => one.slope * ea,
      24,
    );
  }
  const two = TWO[name];
  if (two) {
    if (!fits(a.exact.shape, b.exact.shape)) return undefined;
    const carried: Carried =
      name === 'mul'
        ? (ea, eb) => ea * (largest(b.exact) + b.error) + eb * largest(a.exact)
        : (ea, eb) => ea + eb;
    return made(two.run(a.tensor, b.tensor), (x, y) => x.zip(y, two.f), carried, 2);
  }
  const dim = choice % 2;
  const length = a.exact.shape[dim];
  const keep = dim === 0 ? [1, columns] : [rows, 1];
  switch (name) {
    case 'square':
      return made(
        a.tensor.square(),
        (x) => x.map((v) => v * v),
        (ea) => ea * (2 * largest(a.exact) + a.error),
        2,
      );
    case 'sum':
      return made(
        a.tensor.sum(dim, true),
        (x) => x.reduce([dim], sum).reshape(keep),
        (ea) => length * ea,
        length * length,
      );
    case 'mean':
      return made(
        a.tensor.mean(dim, true),
        (x) => x.reduce([dim], (g) => sum(g) / g.length).reshape(keep),
        same,
        length + 2,
      );
    case 'max':
      return made(
        a.tensor.max(dim, true),
        (x) => x.reduce([dim], (g) => Math.max(...g)).reshape(keep),
        same,
        0,
      );
    case 'softmax':
      return made(
        a.tensor.softmax(dim),
        (x) => x.along(dim, (row) => logSoftmax64(row).map(Math.exp)),
        (ea) => 2 * ea,
        24 + length,
      );
    case 'logSoftmax':
      return made(
        a.tensor.logSoftmax(dim),
        (x) => x.along(dim, logSoftmax64),
        (ea) => 2 * ea,
        24 + length,
      );
    case 'matmul': {
      const turned =
        b.exact.shape[0] === columns ? 'plain' : b.exact.shape[1] === columns ? 'turned' : undefined;
      if (!turned) return undefined;
      const other = turned === 'plain' ? b.tensor : b.tensor.transpose();
      const replay = (x: Array64, y: Array64) => x.matmul(turned === 'plain' ? y : y.transpose(0, 1));
      const carried: Carried = (ea, eb) =>
        columns * (ea * (largest(b.exact) + b.error) + eb * largest(a.exact));
      const terms = columns * largest(a.exact) * largest(b.exact);
      return made(a.tensor.matmul(other), replay, carried, 2, (columns + 2) * EPSILON * terms);
    }
    case 'reshape':
      return made(a.tensor.reshape(columns, rows), (x) => x.reshape([columns, rows]), same, 0);
    case 'transpose':
      return made(a.tensor.transpose(), (x) => x.transpose(0, 1), same, 0);
    case 'concat':
      if (a.exact.shape[1 - dim] !== b.exact.shape[1 - dim]) return undefined;
      return made(
        concat([a.tensor, b.tensor], dim),
        (x, y) => concat64([x, y], dim),
        (ea, eb) => Math.max(ea, eb),
        0,
      );
    case 'slice':
      if (length < 2) return undefined;
      return made(a.tensor.slice(dim, 1), (x) => x.slice(dim, 1, length), same, 0);
    default: {
      // By what is nowhere near 0.
      if (!fits(a.exact.shape, b.exact.shape)) return undefined;
      const replay = (x: Array64, y: Array64) => x.zip(y, (p, q) => p / (q * q + 1));
      const carried: Carried = (ea, eb) => ea + largest(a.exact) * eb * 2 * (largest(b.exact) + b.error);
      return made(a.tensor.div(b.tensor.square().add(1)), replay, carried, 8);
    }
  }
}

const leaf = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }));
const step: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom(
    ...Object.keys(SMOOTH),
    ...Object.keys(TWO),
    ...Object.keys(TWO),
    ...REST,
    'matmul',
    'matmul',
  ),
  inputs: fc.tuple(fc.nat(5), fc.nat(5)),
  choice: fc.nat(7),
});

/** Numbers stay of a size whose products float32 holds with digits to spare. */
const LARGEST = 1e3;
/** Of the central differences, in float64. */
const STEP = 1e-6;

it('random programs, forward and backward, are what float64 computes, within roundings', () => {
  let steps = 0;
  fc.assert(
    fc.property(
      fc.array(leaf, { minLength: 1, maxLength: 3 }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 1e6 }),
      (shapes, program, seed) => {
        const leaves = shapes.map((shape, i): Pair => {
          const values = randomFloats(product(shape), seed + i, 1.5);
          return {
            tensor: tensor(values, { shape, requiresGrad: true }),
            exact: new Array64(shape, values),
            error: 0,
            gain: 1,
          };
        });
        const pairs = [...leaves];
        const values: Replay[] = leaves.map((_, i) => (given) => given[i]);
        for (const one of program) {
          const [i, j] = one.inputs.map((back) => Math.max(0, pairs.length - 1 - back));
          const result = perform(one, pairs[i], pairs[j]);
          if (!result || largest(result.pair.exact) > LARGEST || result.pair.error > 1e-2) continue;
          const { pair, replay } = result;
          expect(pair.tensor.shape, one.name).toEqual([...pair.exact.shape]);
          pair.tensor.data.forEach((value, at) => {
            const off = Math.abs(value - pair.exact.values[at]);
            expect(off, `${one.name}: ${value} for ${pair.exact.values[at]}`).toBeLessThanOrEqual(pair.error);
          });
          pairs.push(pair);
          const [first, second] = [values[i], values[j]];
          values.push((given) => replay(first(given), second(given)));
          steps++;
        }
        const last = pairs.at(-1)!;
        if (last === leaves.at(-1)) return;
        const weights = randomFloats(last.exact.size, seed + 9, 1);
        last.tensor.backward(tensor(weights, { shape: last.exact.shape.slice() }));
        const total = (given: readonly Array64[]): number =>
          values.at(-1)!(given).values.reduce((all, value, at) => all + value * weights[at], 0);
        const given = leaves.map(({ exact }) => exact);
        const worst = Math.max(...pairs.map(({ error }) => error));
        const highest = Math.max(...pairs.map(({ exact }) => largest(exact)));
        const weight = sum([...weights].map(Math.abs));
        leaves.forEach(({ tensor: { grad }, exact }, which) => {
          exact.values.forEach((value, at) => {
            const moved = (by: number): number =>
              total(
                leaves.map((l, k) =>
                  k === which ? new Array64(exact.shape, exact.values.with(at, value + by)) : l.exact,
                ),
              );
            const [above, here, below] = [moved(STEP), moved(0), moved(-STEP)];
            const [right, left] = [(above - here) / STEP, (here - below) / STEP];
            // At a kink, such as that of ReLU or of a maximum, slopes differ and none is the right one.
            if (Math.abs(right - left) > 1e-3 * (1 + Math.abs(right))) return;
            const slope = (right + left) / 2;
            const got = grad ? grad.data[at] : 0;
            // A slope is a sum over paths, the sizes of which come to `gain` at most. Each step of a path rounds, over as
            // many terms as a reduction has, and is multiplied by slopes that are off by what their arguments are off.
            const rounded = 32 * pairs.length * EPSILON + 4 * worst * (1 + highest);
            const differences = Math.abs(right - left) + 1e-9 * (1 + Math.abs(total(given)) / STEP / 1e4);
            const room = rounded * last.gain * weight + differences;
            expect(Math.abs(got - slope), `leaf ${which}, [${at}]: ${got} for ${slope}`).toBeLessThanOrEqual(
              room,
            );
          });
        });
      },
    ),
    { seed: 31, numRuns: 250 },
  );
  // Most of what was drawn could be done.
  expect(steps).toBeGreaterThan(750);
});
