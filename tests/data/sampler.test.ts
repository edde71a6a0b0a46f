import { describe, expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';

const rows = Array.from({ length: 10 }, (_, i) => [i]);
const dataset = new data.TensorDataset(rows, [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]);
const drawn = (loader: data.DataLoader): number[] =>
  [...loader].flatMap(([inputs]) => (inputs.toArray() as number[][]).map(([row]) => row));

/** Five standard deviations of a count of `draws` with probability p: exceeded once in two million. */
const within = (count: number, draws: number, p: number): void =>
  expect(Math.abs(count - draws * p)).toBeLessThanOrEqual(5 * Math.sqrt(draws * p * (1 - p)) + 1e-9);

describe('WeightedRandomSampler', () => {
  // As all are multiplied alike, nothing changes but what float64 cannot hold.
  const SCALES = [1, 1e-310, 2 ** -1074, 1e-300, 1e300, 4e307];
  it.each(SCALES)('draws the same rows by weights [1, 2, 3] times %d', (scale) => {
    const draws = 6000;
    const weights = [1, 2, 3, 0].map((weight) => weight * scale);
    const shares = [1, 2, 3, 0].map((weight) => weight / 6);
    const counts = (rows: Iterable<number>): number[] => {
      const by = [0, 0, 0, 0];
      for (const row of rows) by[row]++;
      return by;
    };
    const drawnBy = counts(new data.WeightedRandomSampler(weights, { numSamples: draws, seed: 3 }).order());
    drawnBy.forEach((count, row) => within(count, draws, shares[row]));
    const one = new data.WeightedRandomSampler(weights, { replacement: false, numSamples: 1, seed: 4 });
    const first = counts(Array.from({ length: draws }, () => one.order()[0]));
    first.forEach((count, row) => within(count, draws, shares[row]));
    expect([drawnBy[3], first[3]]).toEqual([0, 0]);
  });

  it('never draws a row of weight 0, however small or large the others are', () => {
    for (const [weights, most] of [
      [[5e-324, 0], 1],
      [[0, 5e-324, 0, 1e308, 0], 2],
      [[0, 1e-300, 1e300, 0], 2],
      [[0, Number.MAX_VALUE, 0, Number.MAX_VALUE, Number.MAX_VALUE], 3],
    ] as const) {
      const wanted = weights.flatMap((weight, row) => (weight > 0 ? [row] : []));
      for (let seed = 0; seed < 50; seed++) {
        const sampler = new data.WeightedRandomSampler(weights, { seed, numSamples: 8 });
        for (const row of sampler.order()) expect(wanted).toContain(row);
        const all = new data.WeightedRandomSampler(weights, { seed, numSamples: most, replacement: false });
        expect([...all.order()].toSorted((a, b) => a - b)).toEqual(wanted);
      }
    }
  });

  it('draws each row in proportion to its weight', () => {
    const weights = [0, 1, 2, 3, 4, 0.5, 0, 8, 1e-9, 1.5];
    const total = weights.reduce((a, b) => a + b);
    const draws = 40_000;
    const sampler = new data.WeightedRandomSampler(weights, { numSamples: draws, seed: 7 });
    const counts = new Array<number>(10).fill(0);
    for (const row of sampler.order()) counts[row]++;
    counts.forEach((count, row) => within(count, draws, weights[row] / total));
    expect([counts[0], counts[6]]).toEqual([0, 0]);
  });

  it('draws without replacement: first in proportion, then among the rest, none twice', () => {
    const weights = [1, 2, 3, 0, 4];
    const rounds = 20_000;
    const sampler = new data.WeightedRandomSampler(weights, { replacement: false, numSamples: 3, seed: 8 });
    const first = new Array<number>(5).fill(0);
    const afterFour = new Array<number>(5).fill(0);
    let withFour = 0;
    for (let i = 0; i < rounds; i++) {
      const order = [...sampler.order()];
      expect(new Set(order).size).toBe(3);
      expect(order).not.toContain(3);
      first[order[0]]++;
      if (order[0] === 4) {
        withFour++;
        afterFour[order[1]]++;
      }
    }
    first.forEach((count, row) => within(count, rounds, weights[row] / 10));
    afterFour.slice(0, 3).forEach((count, row) => within(count, withFour, weights[row] / 6));
  });

  it('is drawn by a loader, also in fit and evaluate', async () => {
    const make = (seed: number) =>
      new data.DataLoader(dataset, {
        batchSize: 8,
        sampler: new data.WeightedRandomSampler(data.balancedWeights(dataset), { numSamples: 30, seed }),
      });
    const loader = make(1);
    expect([loader.length, loader.rows]).toEqual([4, 30]);
    const [a, b] = [drawn(loader), drawn(loader)];
    expect(a).toHaveLength(30);
    expect(a).not.toEqual(b);
    const again = make(1);
    expect([drawn(again), drawn(again)]).toEqual([a, b]);

    manualSeed(1);
    const model = new nn.Linear(1, 3);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    const loss = new nn.CrossEntropyLoss();
    const eager = new nn.Linear(1, 3);
    eager.loadStateDict(model.stateDict());
    const own = new optim.SGD(eager.parameters(), { lr: 0.01 });
    await fit(model, { data: make(2), loss, optimizer, epochs: 3 });
    const spelledOut = make(2);
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const [x, y] of spelledOut) {
        own.zeroGrad();
        loss.forward(eager.forward(x), y).backward();
        own.step();
      }
    }
    expect(model.weight.data).toEqual(eager.weight.data);
    expect((await evaluate(model, make(3), { loss })).loss).toBeGreaterThan(0);
  });

  it('works on a subset, by positions in it', () => {
    const part = dataset.subset([9, 8, 7]);
    const sampler = new data.WeightedRandomSampler([1, 0, 0], { numSamples: 4 });
    expect(drawn(new data.DataLoader(part, { sampler, batchSize: 4 }))).toEqual([9, 9, 9, 9]);
    expect(data.balancedWeights(part)).toEqual([1.5, 0.75, 0.75]);
  });

  it('takes a sampler of one’s own', () => {
    const backwards: data.Sampler = { length: 3, order: () => [2, 1, 0] };
    expect(drawn(new data.DataLoader(dataset, { sampler: backwards, batchSize: 2 }))).toEqual([2, 1, 0]);
    const beyond: data.Sampler = { length: 1, order: () => [10] };
    expect(() => drawn(new data.DataLoader(dataset, { sampler: beyond }))).toThrow(
      /sampler: row 10 is not in/,
    );
    const short: data.Sampler = { length: 3, order: () => [1] };
    expect(() => drawn(new data.DataLoader(dataset, { sampler: short }))).toThrow(
      /sampler: expected an order of 3 rows, got 1/,
    );
  });

  it.each([
    [() => new data.WeightedRandomSampler([1, -1]), /finite weights ≥ 0, got -1 for row 1/],
    [() => new data.WeightedRandomSampler([NaN]), /got NaN for row 0/],
    [() => new data.WeightedRandomSampler([0, 0]), /a weight above 0, got none/],
    [() => new data.WeightedRandomSampler([1, 0], { replacement: false }), /positive integer up to 1/],
    [() => new data.WeightedRandomSampler([1], { numSamples: 0 }), /numSamples/],
    [() => new data.WeightedRandomSampler([1], { seed: -1 }), /seed/],
    [() => new data.DataLoader(dataset, { sampler: 3 as never }), /expected a sampler/],
    [
      () => new data.DataLoader(dataset, { shuffle: true, sampler: { length: 1, order: () => [0] } }),
      /leave shuffle out/,
    ],
    [() => data.balancedWeights([]), /balancedWeights: expected a number for each row/],
    [
      () =>
        data.balancedWeights(
          new data.TensorDataset(
            [1, 2],
            [
              [1, 0],
              [0, 1],
            ],
          ),
        ),
      /one number as the target/,
    ],
  ])('%s is refused', (action, message) => expect(action).toThrow(message));
});
