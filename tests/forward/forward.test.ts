import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nn, runtimeInfo } from 'wasmgrad';
import { DOT_PIECE_K, DOT_ROWS, LONG_K, PIECE_K, SWAP_K, TILE_COLUMNS } from '../../assembly/gemm/limits.js';
import { batchSizes } from '../../src/forward/batchSizes.js';
import { compile } from '../../src/forward/compile.js';
import { Plan } from '../../src/forward/plan.js';
import { rowShape } from '../../src/forward/rowShape.js';
import { describe as described } from '../../src/io/architecture.js';
import { architectures, filled } from '../support/architectures.js';
import { random } from '../support/random.js';
import { expectSamePredictions, forwardOf } from '../support/forward.js';

const strict = runtimeInfo().build === 'strict';

const rowsOf = (count: number, width: number, seed: number): Float32Array => {
  const draw = random(seed);
  return Float32Array.from({ length: count * width }, () => draw() * 2 - 1);
};

describe('the forward pass', () => {
  it('gives what random models predict, to the bit of the strict build', () => {
    fc.assert(
      fc.property(
        architectures(),
        fc.constantFrom('raw' as const, 'softmax' as const, 'sigmoid' as const),
        fc.constantFrom(1, 2, 3, 4, 5, 7),
        ({ make, rows }, output, count) => {
          const model = make();
          model.output = output;
          const input = Array.from({ length: count }, (_, i) => rows[i % rows.length]);
          expectSamePredictions(model, forwardOf(model, rows[0].length).predict(input), input);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.runIf(strict)('sums layers of every size in the order of the strict build', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 129, 600));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), size, size, fc.boolean(), (count, k, n, bias) => {
        const model = filled(new nn.Linear(k, n, { bias }), count + k);
        const rows = rowsOf(count, k, n);
        expect(forwardOf(model).predict(rows)).toEqual(model.predict(rows));
      }),
      { numRuns: 300 },
    );
  });

  // Every size at which a product takes another way, and those before and behind it.
  const around = (...limits: number[]): number[] => [
    ...new Set(limits.flatMap((at) => [at - 1, at, at + 1])),
  ];
  const lengths = around(SWAP_K, PIECE_K, DOT_PIECE_K, LONG_K, 2 * LONG_K, 4096);
  it.runIf(strict).each(lengths.filter((k) => k > 0))(
    'sums products of %i numbers as the strict build does',
    (k) => {
      for (const n of [
        1,
        2,
        ...around(TILE_COLUMNS),
        TILE_COLUMNS + 2,
        TILE_COLUMNS + 3,
        2 * TILE_COLUMNS,
        17,
        160,
      ]) {
        const model = filled(new nn.Sequential(new nn.Linear(k, n), new nn.ReLU()), k + n);
        for (const count of [1, ...around(DOT_ROWS), 5, 8, 9, 16, 18, 161]) {
          const rows = rowsOf(count, k, n);
          expect(forwardOf(model).predict(rows), `${count} rows, ${n} outputs`).toEqual(model.predict(rows));
        }
      }
    },
  );

  it.runIf(strict)('sums more than 2³¹ products of one layer as the strict build does', () => {
    const [k, n] = [LONG_K, 1450];
    const model = filled(new nn.Linear(k, n), 1);
    const rows = rowsOf(n, k, 2);
    expect(n * n * k).toBeGreaterThan(2 ** 31);
    expect(forwardOf(model).predict(rows)).toEqual(model.predict(rows));
  });

  it.runIf(strict).each([257, 300, 515, 1031])('gives the same bits for %i rows in batches', (count) => {
    for (const n of [9, 10, 258, 514]) {
      const model = filled(new nn.Sequential(new nn.Linear(20, n), new nn.ReLU(), new nn.Linear(n, 3)), n);
      const rows = rowsOf(count, 20, count);
      expect(forwardOf(model).predict(rows)).toEqual(model.predict(rows));
    }
  });

  it.each<[string, () => nn.Module]>([
    ['PReLU with a weight of 0', () => new nn.PReLU(4)],
    ['PReLU', () => filled(new nn.PReLU(4), 3)],
    ['LeakyReLU with a slope of 0', () => new nn.LeakyReLU(0)],
    ['LeakyReLU', () => new nn.LeakyReLU(-0.5)],
    ['ELU with an alpha of 0', () => new nn.ELU(0)],
    ...(['ReLU', 'ELU', 'SELU', 'Sigmoid', 'Tanh', 'GELU', 'SiLU', 'Softplus', 'Mish', 'Hardtanh', 'Softmax', 'LogSoftmax'] as const).map(
      (name): [string, () => nn.Module] => [name, () => new nn[name]()],
    ),
  ])('gives what %s gives at its limits', (name, make) => {
    const layer = make();
    if (name === 'PReLU with a weight of 0') nn.init.zeros((layer as nn.PReLU).weight);
    const largest = (2 - 2 ** -23) * 2 ** 127;
    for (const rows of [[-Infinity, -1, 0, 1], [-largest, -1e-40, -0, largest], [Infinity, 1, 2, 3], [NaN, 1, -90, 90]]) {
      const numbers = Float32Array.from(rows);
      expect(forwardOf(layer, 4).predict(numbers)).toEqual(layer.predict(numbers));
    }
  }); // prettier-ignore

  it('takes what Module.predict takes, and leaves its input as it is', () => {
    const model = filled(new nn.Sequential(new nn.ReLU(), new nn.Linear(2, 3)), 1);
    const forward = forwardOf(model);
    const rows = Float32Array.of(-1, 2, 3, -4);
    expectSamePredictions(model, forward.predict(rows), rows);
    expectSamePredictions(model, forward.predict([1, 2]), [1, 2]);
    expect(forward.predict(new Float32Array())).toEqual(new Float32Array());
    expect(forward.predict([])).toEqual([]);
    expect(rows).toEqual(Float32Array.of(-1, 2, 3, -4));
    const once = forward.predict(rows);
    expect(forward.predict(rows)).toEqual(once);
  });

  it('says what is wrong with rows', () => {
    const forward = forwardOf(new nn.Linear(2, 3));
    expect(() => forward.predict(new Float32Array(3))).toThrow(
      new RangeError('predict: expected rows of 2 numbers, got 3 numbers in all'),
    );
    expect(() => forward.predict([[1, 2], [1]])).toThrow('expected rows of 2 numbers, row 1 has 1');
    expect(() => forward.predict([['a', 2]] as unknown as number[][])).toThrow(TypeError);
    const embedding = new nn.Sequential(new nn.Embedding(3, 2), new nn.Flatten(), new nn.Linear(2, 1));
    for (const index of [3, -1, 0.5, NaN]) {
      expect(() => forwardOf(embedding).predict([[index]])).toThrow('an index is no row of the embedding');
    }
  });

  it('gives back nested arrays as deep as the output is', () => {
    const model = filled(new nn.Sequential(new nn.Embedding(5, 2), new nn.LayerNorm(2)), 3);
    const rows = [[0, 1, 4]];
    const predicted = forwardOf(model, 3).predict(rows);
    expectSamePredictions(model, predicted, rows);
    expect(predicted).toHaveLength(1);
  });
});

describe('compile', () => {
  const compiled = (model: nn.Module, inFeatures?: number) => {
    const { architecture, output } = described(model);
    return compile('test', architecture, { output, eight: new Set(), inFeatures });
  };

  it('refuses what depends on the other rows of a batch', () => {
    const message = 'a prediction depends on the other rows of its batch';
    expect(() => compiled(new nn.BatchNorm1d(2, { trackRunningStats: false }))).toThrow(message);
    expect(() => compiled(new nn.Sequential(new nn.Linear(2, 2), new nn.Softmax(0)))).toThrow(message);
  });

  it('names the layer that does not fit', () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Sequential(new nn.Linear(4, 1)));
    expect(() => compiled(model)).toThrow(
      new RangeError('test: 1.0, Linear: expected x [rows, 4], got [rows, 3]'),
    );
    expect(() => compiled(new nn.Residual(new nn.Linear(2, 3)))).toThrow('expected the layer inside to keep');
    const branches = new nn.Concat(new nn.Linear(2, 3), new nn.Sequential(new nn.Embedding(3, 1)));
    expect(() => compiled(branches)).toThrow('differ in the last dimension alone, not [3] and [2, 1]');
  });

  it('wants to be told the width where no layer says it', () => {
    expect(() => compiled(new nn.ReLU())).toThrow(
      'no layer says how many numbers a row has; give inFeatures',
    );
    expect(compiled(new nn.ReLU(), 7).inFeatures).toBe(7);
    expect(() => compiled(new nn.Linear(2, 3), 7)).toThrow('inFeatures is 7, but the first layer takes 2');
  });

  it('bounds what a few layers may ask for', () => {
    const double = (): nn.Module => new nn.Concat(new nn.Identity(), new nn.Identity());
    const many = new nn.Sequential(new nn.Linear(2, 2), ...Array.from({ length: 60 }, double));
    expect(() => compiled(many)).toThrow('takes more than 4194304 numbers of memory for a row');
    const long = new nn.Sequential(
      new nn.Linear(1, 1),
      ...Array.from({ length: 17000 }, () => new nn.Tanh()),
    );
    expect(() => compiled(long)).toThrow('more than 16384 steps');
  });

  it('writes ReLU into the layer before it, unless that is wanted elsewhere too', () => {
    const steps = (model: nn.Module): number => compiled(model).plan.steps.length;
    expect(steps(new nn.Sequential(new nn.Linear(2, 2), new nn.Dropout(), new nn.ReLU()))).toBe(1);
    expect(steps(new nn.Sequential(new nn.Linear(2, 2), new nn.Residual(new nn.ReLU())))).toBe(3);
  });
});

describe('the shape of a row', () => {
  const shape = (...layers: nn.Module[]) => rowShape(described(new nn.Sequential(...layers)).architecture);

  it('is what the first layer says that says something', () => {
    expect(shape(new nn.ReLU(), new nn.Residual(new nn.Sequential(new nn.Linear(3, 3))))).toEqual([3]);
    expect(shape(new nn.Dropout(), new nn.Standardize(4))).toEqual([4]);
    expect(shape(new nn.LayerNorm([2, 3]))).toEqual([2, 3]);
    expect(shape(new nn.Concat(new nn.Identity(), new nn.Linear(2, 1)), new nn.Linear(3, 1))).toEqual([2]);
    expect(shape(new nn.Concat(new nn.Identity()), new nn.Linear(3, 1))).toBeUndefined();
  });

  it('of indices follows from what comes behind the embedding', () => {
    const embedding = (): nn.Module => new nn.Embedding(9, 4);
    expect(shape(embedding(), new nn.LayerNorm(4), new nn.Flatten(), new nn.Linear(12, 1))).toEqual([3]);
    expect(shape(embedding(), new nn.BatchNorm1d(5))).toEqual([5]);
    expect(shape(embedding(), new nn.Flatten(), new nn.Linear(13, 1))).toBeUndefined();
    expect(shape(embedding())).toBeUndefined();
  });
});

describe('registers', () => {
  it('never overlap while both are held', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 20 })), { maxLength: 60 }),
        (work) => {
          const plan = new Plan('test');
          const held: { offset: number; width: number }[] = [];
          for (const [make, number] of work) {
            if (make || held.length === 0) held.push(plan.register(number));
            else plan.release(held.splice(number % held.length, 1)[0]);
            const inOrder = held.toSorted((a, b) => a.offset - b.offset);
            inOrder.forEach(({ offset, width }, i) => {
              const end = inOrder[i + 1]?.offset ?? plan.rowFloats;
              expect(offset + width).toBeLessThanOrEqual(end);
            });
          }
          for (const register of held) plan.release(register);
          const { rowFloats } = plan;
          // All of it is one again.
          if (rowFloats > 0) plan.register(rowFloats);
          expect(plan.rowFloats).toBe(rowFloats);
        },
      ),
    );
  });
});

describe('batches', () => {
  it('are as many rows together, none with fewer than the widest layer has outputs', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(800), (rows, widest) => {
        const sizes = batchSizes(rows, widest);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(rows);
        if (rows >= widest)
          for (const size of sizes) expect(size).toBeGreaterThanOrEqual(Math.min(rows, widest));
        for (const size of sizes) expect(size).toBeLessThan(2 * Math.max(256, widest));
      }),
    );
  });
});
