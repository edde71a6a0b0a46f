import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, type data as types } from 'wasmgrad';

function isPartition(folds: types.Fold[], count: number): void {
  const all = Array.from({ length: count }, (_, i) => i);
  expect(folds.flatMap(({ test }) => [...test]).toSorted((a, b) => a - b)).toEqual(all);
  for (const { train, test } of folds) {
    expect([...train, ...test].toSorted((a, b) => a - b)).toEqual(all);
  }
}
const spread = (sizes: number[]): number => Math.max(...sizes) - Math.min(...sizes);
const options = fc.record({
  folds: fc.integer({ min: 2, max: 7 }),
  shuffle: fc.boolean(),
  seed: fc.nat(1000),
});

describe('KFold', () => {
  it('divides rows in parts of equal length, each row in one', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 7, max: 60 }), (given, count) => {
        const folds = new data.KFold(given).split(count);
        expect(folds).toHaveLength(given.folds);
        isPartition(folds, count);
        expect(spread(folds.map(({ test }) => test.length))).toBeLessThanOrEqual(1);
        expect(new data.KFold(given).split(count)).toEqual(folds);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('mixes on demand', () => {
    const [{ test }] = new data.KFold({ folds: 2, shuffle: true, seed: 1 }).split(50);
    expect([...test]).not.toEqual([...new data.KFold({ folds: 2 }).split(50)[0].test]);
    expect(() => new data.KFold({ folds: 1 })).toThrow(/folds to be an integer above 1/);
    expect(() => new data.KFold({ folds: 5 }).split(4)).toThrow(/4 rows cannot be divided in 5 parts/);
    expect(() => new data.KFold({ k: 5 } as never)).toThrow(/unknown option 'k'/);
  });
});

describe('StratifiedKFold', () => {
  it('gives each part its share of each class', () => {
    fc.assert(
      fc.property(
        options,
        fc.array(fc.integer({ min: 7, max: 20 }), { minLength: 1, maxLength: 4 }),
        (given, sizes) => {
          const labels = sizes.flatMap((size, label) => new Array<number>(size).fill(label * 2));
          labels.sort((a, b) => ((a * 7 + 3) % 5) - ((b * 7 + 3) % 5));
          const folds = new data.StratifiedKFold(given).split(labels);
          isPartition(folds, labels.length);
          expect(spread(folds.map(({ test }) => test.length))).toBeLessThanOrEqual(1);
          for (const label of new Set(labels)) {
            const counts = folds.map(({ test }) => test.filter((i) => labels[i] === label).length);
            expect(spread(counts)).toBeLessThanOrEqual(1);
          }
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  it('takes a data set, and refuses a class that is too small', () => {
    const dataset = new data.TensorDataset([1, 2, 3, 4], [0, 1, 0, 1]);
    const folds = new data.StratifiedKFold({ folds: 2 }).split(dataset.subset([3, 2, 1, 0]));
    expect(folds.map(({ test }) => [...test])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(() => new data.StratifiedKFold({ folds: 3 }).split(dataset)).toThrow(
      /class 0 has 2 rows, fewer than 3/,
    );
  });
});
