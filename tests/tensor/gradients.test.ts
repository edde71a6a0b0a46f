import fc from 'fast-check';
import { describe, it } from 'vitest';
import { concat, type Tensor } from 'wasmgrad';
import { Array64, concat64, logSoftmax64 } from '../support/float64.js';
import { unaryReferences } from '../support/functions.js';
import { checkGradients } from '../support/gradients.js';
import { product, randomFloats } from '../support/numbers.js';

/** The same cases in every run. */
const RUNS = { seed: 20, numRuns: 25 };

const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 });
const solid = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 });
const seed = fc.integer({ min: 1, max: 1e6 });

/** Two shapes that broadcast: dimensions of one common shape left out in front or set to 1. */
const broadcastable = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).chain((full) => {
  const part = fc
    .tuple(fc.nat(full.length), fc.nat(7))
    .map(([left, ones]) => full.map((length, d) => ((ones >> d) & 1 ? 1 : length)).slice(left));
  return fc.tuple(part, part);
});

const input = (dims: readonly number[], by: number, prepare: (x: number) => number = (x) => x) => ({
  shape: dims,
  values: randomFloats(product(dims), by).map(prepare),
});

const positive = (x: number): number => Math.abs(x) + 0.2;

const unary: Record<
  string,
  { run: (x: Tensor) => Tensor; of: string; s?: [number, number]; prepare?: typeof positive }
> = {
  neg: { run: (x) => x.neg(), of: 'NEGATE' },
  exp: { run: (x) => x.exp(), of: 'EXP' },
  log: { run: (x) => x.log(), of: 'LOG', prepare: positive },
  sqrt: { run: (x) => x.sqrt(), of: 'SQRT', prepare: positive },
  abs: { run: (x) => x.abs(), of: 'ABS' },
  square: { run: (x) => x.square(), of: 'SQUARE' },
  relu: { run: (x) => x.relu(), of: 'RELU' },
  leakyRelu: { run: (x) => x.leakyRelu(0.25), of: 'LEAKY_RELU', s: [0.25, 0] },
  elu: { run: (x) => x.elu(0.75), of: 'ELU', s: [0.75, 0] },
  sigmoid: { run: (x) => x.sigmoid(), of: 'SIGMOID' },
  tanh: { run: (x) => x.tanh(), of: 'TANH' },
  gelu: { run: (x) => x.gelu(), of: 'GELU' },
  silu: { run: (x) => x.silu(), of: 'SILU' },
  softplus: { run: (x) => x.softplus(), of: 'SOFTPLUS', s: [1, 20] },
  mish: { run: (x) => x.mish(), of: 'MISH' },
  hardtanh: { run: (x) => x.hardtanh(-0.5, 1), of: 'HARDTANH', s: [-0.5, 1] },
  clamp: { run: (x) => x.clamp(-0.5, 1), of: 'CLAMP', s: [-0.5, 1] },
  'pow(2)': { run: (x) => x.pow(2), of: 'POWER', s: [2, 0] },
  'pow(3)': { run: (x) => x.pow(3), of: 'POWER', s: [3, 0] },
  'pow(-1.5)': { run: (x) => x.pow(-1.5), of: 'POWER', s: [-1.5, 0], prepare: positive },
};

describe('functions of one tensor', () => {
  it.each(Object.entries(unary))('%s', (_, { run, of, s = [0, 0], prepare }) => {
    const { f } = unaryReferences[of];
    fc.assert(
      fc.property(shape, seed, (dims, by) =>
        checkGradients({
          inputs: [input(dims, by, prepare)],
          run: ([x]) => run(x),
          reference: ([x]) => x.map((value) => f(value, ...s)),
        }),
      ),
      RUNS,
    );
  });
});

const binary: Record<
  string,
  { run: (a: Tensor, b: Tensor) => Tensor; f: (a: number, b: number) => number; away?: boolean }
> = {
  add: { run: (a, b) => a.add(b), f: (a, b) => a + b },
  sub: { run: (a, b) => a.sub(b), f: (a, b) => a - b },
  mul: { run: (a, b) => a.mul(b), f: (a, b) => a * b },
  div: { run: (a, b) => a.div(b), f: (a, b) => a / b, away: true },
  pow: { run: (a, b) => a.pow(b), f: (a, b) => a ** b, away: true },
  maximum: { run: (a, b) => a.maximum(b), f: Math.max },
  minimum: { run: (a, b) => a.minimum(b), f: Math.min },
};

describe('functions of two tensors, broadcast', () => {
  it.each(Object.entries(binary))('%s', (_, { run, f, away }) => {
    fc.assert(
      fc.property(broadcastable, seed, ([a, b], by) => {
        const prepare = away ? positive : undefined;
        checkGradients({
          inputs: [input(a, by, prepare), input(b, by + 1, prepare)],
          run: ([x, y]) => run(x, y),
          reference: ([x, y]) => x.zip(y, f),
        });
      }),
      RUNS,
    );
  });
});

describe('reductions', () => {
  const dims = solid.chain((full) => fc.tuple(fc.constant(full), fc.subarray(full.map((_, d) => d))));
  const functions: Record<
    string,
    [(x: Tensor, d?: number[], keep?: boolean) => Tensor, (group: number[]) => number]
  > = {
    sum: [(x, d, keep) => x.sum(d, keep), (group) => group.reduce((a, b) => a + b, 0)],
    mean: [(x, d, keep) => x.mean(d, keep), (group) => group.reduce((a, b) => a + b, 0) / group.length],
    max: [(x, d, keep) => x.max(d, keep), (group) => Math.max(...group)],
  };
  it.each(Object.entries(functions))('%s', (_, [run, f]) => {
    fc.assert(
      fc.property(dims, seed, fc.boolean(), ([full, over], by, keep) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) =>
            run(
              x,
              over.map((d) => (by % 2 ? d : d - full.length)),
              keep,
            ),
          reference: ([x]) => {
            const result = x.reduce(over, f);
            return keep ? result.reshape(full.map((length, d) => (over.includes(d) ? 1 : length))) : result;
          },
          terms: product(full),
        }),
      ),
      RUNS,
    );
    fc.assert(
      fc.property(solid, seed, (full, by) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => run(x),
          reference: ([x]) =>
            x.reduce(
              full.map((_, d) => d),
              f,
            ),
          terms: product(full),
        }),
      ),
      RUNS,
    );
  });
});

describe('rearrangements', () => {
  const pair = solid.chain((full) => {
    const at = fc.integer({ min: 0, max: full.length - 1 });
    return fc.tuple(fc.constant(full), at, at);
  });

  it('transpose', () => {
    fc.assert(
      fc.property(pair, seed, ([full, i, j], by) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => x.transpose(i, j - full.length),
          reference: ([x]) => x.transpose(i, j),
        }),
      ),
      RUNS,
    );
  });

  it('reshape', () => {
    fc.assert(
      fc.property(solid, seed, (full, by) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => x.reshape(...full.toReversed()).mul(x.reshape(-1, 1).sum()),
          reference: ([x]) => {
            const sum = x.values.reduce((a, b) => a + b, 0);
            return x.reshape(full.toReversed()).map((value) => value * sum);
          },
          terms: 2 * product(full),
        }),
      ),
      RUNS,
    );
  });

  it('slice', () => {
    fc.assert(
      fc.property(pair, seed, fc.nat(6), fc.nat(6), ([full, dim], by, first, second) => {
        const length = full[dim];
        const from = Math.min(first % (length + 1), second % (length + 1));
        const to = Math.max(first % (length + 1), second % (length + 1));
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => x.slice(dim, from - (from < length ? length : 0), to),
          reference: ([x]) => x.slice(dim, from < length ? from : length, to),
        });
      }),
      RUNS,
    );
  });

  it('concat', () => {
    fc.assert(
      fc.property(pair, seed, fc.integer({ min: 1, max: 4 }), ([full, dim], by, count) => {
        const inputs = Array.from({ length: count }, (_, i) => input(full.with(dim, (by + i) % 4), by + i));
        checkGradients({
          inputs,
          run: (parts) => concat(parts, dim),
          reference: (parts) => concat64(parts, dim),
        });
      }),
      RUNS,
    );
  });
});

describe('matmul', () => {
  const size = fc.integer({ min: 1, max: 6 });
  const kinds: Record<string, (m: number, n: number, k: number, s: number) => [number[], number[]]> = {
    matrices: (m, n, k) => [
      [m, k],
      [k, n],
    ],
    'vector · matrix': (_, n, k) => [[k], [k, n]],
    'matrix · vector': (m, _, k) => [[m, k], [k]],
    'vector · vector': (_m, _n, k) => [[k], [k]],
    stacks: (m, n, k, s) => [
      [s, m, k],
      [s, k, n],
    ],
    'a stack and a matrix': (m, n, k, s) => [
      [s, m, k],
      [k, n],
    ],
    'stacks that broadcast': (m, n, k, s) => [
      [s, 1, m, k],
      [2, k, n],
    ],
    'a matrix and a stack': (m, n, k, s) => [
      [m, k],
      [s, 2, k, n],
    ],
    'stacks of which each repeats': (m, n, k, s) => [
      [2, 1, s, 1, m, k],
      [3, 1, 2, k, n],
    ],
    'empty stacks': (m, n, k, s) => [
      [s, 0, m, k],
      [s, 1, k, n],
    ],
  };
  it.each(Object.entries(kinds))('%s', (_, shapes) => {
    fc.assert(
      fc.property(size, size, size, fc.integer({ min: 1, max: 3 }), seed, (m, n, k, s, by) => {
        const [a, b] = shapes(m, n, k, s);
        checkGradients({
          inputs: [input(a, by), input(b, by + 1)],
          run: ([x, y]) => x.matmul(y),
          reference: ([x, y]) => x.matmul(y),
          terms: k,
        });
      }),
      RUNS,
    );
  });
});

describe('softmax', () => {
  const along = solid.chain((full) =>
    fc.tuple(fc.constant(full), fc.integer({ min: 0, max: full.length - 1 })),
  );
  it.each([
    ['softmax', (x: Tensor, d: number) => x.softmax(d), (row: number[]) => logSoftmax64(row).map(Math.exp)],
    ['logSoftmax', (x: Tensor, d: number) => x.logSoftmax(d), logSoftmax64],
  ] as const)('%s', (_, run, f) => {
    fc.assert(
      fc.property(along, seed, ([full, dim], by) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => run(x, dim),
          reference: ([x]) => x.along(dim, f),
          terms: full[dim],
        }),
      ),
      RUNS,
    );
  });
});

describe('compositions', () => {
  it('add both gradients of a tensor that is used twice', () => {
    fc.assert(
      fc.property(solid, seed, (full, by) =>
        checkGradients({
          inputs: [input(full, by)],
          run: ([x]) => x.mul(x).add(x.exp()).sub(x),
          reference: ([x]) => x.map((v) => v * v + Math.exp(v) - v),
        }),
      ),
      RUNS,
    );
  });

  it('match the fused cross-entropy', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        seed,
        (rows, classes, by) => {
          const target = new Array64([rows, classes], randomFloats(rows * classes, by + 1).map(positive));
          checkGradients({
            inputs: [input([rows, classes], by)],
            run: ([x]) => x.logSoftmax().mul(nested(target)).sum().div(-rows),
            reference: ([x]) =>
              x
                .along(1, logSoftmax64)
                .zip(target, (a, b) => (-a * b) / rows)
                .reduce([0, 1], (g) => g.reduce((a, b) => a + b, 0)),
            terms: rows * classes,
          });
        },
      ),
      RUNS,
    );
  });
});

function nested(array: Array64): number[][] {
  const [rows, columns] = array.shape;
  return Array.from({ length: rows }, (_, i) => [...array.values.subarray(i * columns, (i + 1) * columns)]);
}
