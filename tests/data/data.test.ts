import { describe, expect, it } from 'vitest';
import { data, manualSeed, tensor } from 'wasmgrad';

const rows = Array.from({ length: 10 }, (_, i) => [i, i * 10]);
const dataset = () =>
  new data.TensorDataset(
    rows,
    rows.map(([i]) => i % 3),
  );
const firsts = (loader: data.DataLoader): number[][] =>
  [...loader].map(([inputs]) => (inputs.toArray() as number[][]).map(([first]) => first));

describe('TensorDataset', () => {
  it('takes nested arrays, typed arrays, flat numbers with a shape, and tensors', () => {
    const expected = [
      [
        [1, 2],
        [3, 4],
      ],
      [0, 1],
    ];
    for (const inputs of [
      [
        [1, 2],
        [3, 4],
      ],
      tensor([
        [1, 2],
        [3, 4],
      ]),
      { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      { data: [1, 2, 3, 4], shape: [2, 2] },
    ]) {
      const [x, y] = new data.TensorDataset(inputs, Uint8Array.of(0, 1)).batch([0, 1]);
      expect([x.toArray(), y.toArray()]).toEqual(expected);
    }
  });

  it('gathers rows in any order', () => {
    const [x, y] = dataset().batch([7, 0, 7]);
    expect(x.toArray()).toEqual([
      [7, 70],
      [0, 0],
      [7, 70],
    ]);
    expect(y.toArray()).toEqual([1, 0, 1]);
    expect(x.mul(2).toArray()).toEqual([
      [14, 140],
      [0, 0],
      [14, 140],
    ]);
    expect(dataset().subset([9, 8]).batch([1])[0].toArray()).toEqual([[8, 80]]);
  });

  it.each([
    [() => new data.TensorDataset([], []), /at least one row/],
    [() => new data.TensorDataset([[1]], [1, 2]), /as many targets as inputs, got shapes \[1, 1\] and \[2\]/],
    [() => new data.TensorDataset([[1], [NaN]], [1, 2]), /NaN in row 1 of the inputs/],
    [() => new data.TensorDataset([[1], [2]], [1, NaN]), /NaN in row 1 of the targets/],
    [() => new data.TensorDataset([[1], [2, 3]], [1, 2]), /TensorDataset inputs: ragged/],
    [
      () => new data.TensorDataset({ data: [1, 2, 3], shape: [2, 2] }, [1, 2]),
      /3 numbers do not fill shape \[2, 2\]/,
    ],
    [() => new data.TensorDataset(1, 2), /as many targets/],
    [() => dataset().batch([10]), /row 10 is not in \[0, 10\)/],
    [() => dataset().subset([1.5]), /row 1.5 is not in/],
    [() => new data.DataLoader(dataset(), { batchSize: 0 }), /batchSize to be a positive integer, got 0/],
    [() => new data.DataLoader(dataset(), { batchsize: 2 } as never), /unknown option 'batchsize'/],
    [() => new data.DataLoader(dataset(), { batchSize: 11, dropLast: true }), /10 rows give no batch of 11/],
    [() => new data.DataLoader(dataset(), { seed: -1 }), /seed/],
    [() => new data.DataLoader(rows as never), /expected a TensorDataset/],
    [() => data.trainTestSplit(dataset(), { testSize: 10 }), /leaves one part empty/],
    [() => data.trainTestSplit(dataset(), { testSize: 0.01 }), /leaves one part empty/],
    [() => data.trainTestSplit(dataset(), { test: 1 } as never), /unknown option 'test'/],
    [() => manualSeed(1.5), /manualSeed: expected seed to be a non-negative integer/],
  ])('%s is refused', (action, message) => expect(action).toThrow(message));
});

describe('DataLoader', () => {
  it('keeps or drops the last partial batch', () => {
    const kept = new data.DataLoader(dataset(), { batchSize: 4 });
    expect(firsts(kept)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect([kept.length, kept.rows]).toEqual([3, 10]);
    const dropped = new data.DataLoader(dataset(), { batchSize: 4, dropLast: true });
    expect(firsts(dropped)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect([dropped.length, dropped.rows]).toEqual([2, 8]);
  });

  it('mixes the rows anew in each epoch, the same ones for the same seed', () => {
    const epochs = (seed?: number) => {
      const loader = new data.DataLoader(dataset(), { batchSize: 10, shuffle: true, seed });
      return [firsts(loader)[0], firsts(loader)[0]];
    };
    const [first, second] = epochs(4);
    expect(first).not.toEqual(second);
    expect(first.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(epochs(4)).toEqual([first, second]);
    expect(epochs(5)).not.toEqual([first, second]);
    manualSeed(6);
    const seeded = epochs();
    manualSeed(6);
    expect(epochs()).toEqual(seeded);
  });

  it('mixes without bias', () => {
    const loader = new data.DataLoader(dataset(), { batchSize: 10, shuffle: true, seed: 1 });
    const counts = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
    const rounds = 4000;
    for (let i = 0; i < rounds; i++) firsts(loader)[0].forEach((row, place) => counts[place][row]++);
    for (const count of counts.flat()) {
      expect(Math.abs(count - rounds / 10)).toBeLessThan(5 * Math.sqrt(rounds * 0.1 * 0.9));
    }
  });
});

describe('trainTestSplit', () => {
  it('splits by share and by number, each row in one part', () => {
    for (const [testSize, expected] of [
      [0.3, 3],
      [4, 4],
      [undefined, 3],
    ]) {
      const [train, test] = data.trainTestSplit(dataset(), { testSize, seed: 2 });
      expect([train.length, test.length]).toEqual([10 - expected!, expected]);
      const all = [train, test].flatMap((part) =>
        firsts(new data.DataLoader(part, { batchSize: 10 })).flat(),
      );
      expect(all.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it('keeps the order on demand', () => {
    const [train, test] = data.trainTestSplit(dataset(), { testSize: 2, shuffle: false });
    expect(firsts(new data.DataLoader(train, { batchSize: 10 }))[0]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(firsts(new data.DataLoader(test, { batchSize: 10 }))[0]).toEqual([8, 9]);
  });
});
