import { describe, expect, it } from 'vitest';
import { capture, nn, optim, tensor, type Tensor } from 'wasmgrad';

const LN2 = Math.LN2;
const zeros = (rows: number): number[][] => Array.from({ length: rows }, () => [0]);

/** Relative to the largest number that is wanted. */
function near(got: readonly number[], wanted: readonly number[], off = 2 ** -21): void {
  const size = Math.max(...wanted.map(Math.abs));
  expect(got).toHaveLength(wanted.length);
  got.forEach((value, i) =>
    expect(Math.abs(value - wanted[i]) / size, `${got} for ${wanted}`).toBeLessThan(off),
  );
}

describe('a weighted mean that float32 can hold comes out right', () => {
  type Case = [name: string, losses: number[], weights: number[], mean: number];
  const BY_ROW: Case[] = [
    ['large weights', [1, 2], [3e38, 3e38], 1.5],
    ['large weights beside small ones', [1, 2, 5], [3e38, 1, 0], 1],
    ['a large loss', [3e38, 3e38], [1, 1], 3e38],
    ['a large loss that counts less', [3e38, 1e38], [0.25, 0.75], 1.5e38],
    ['large losses with large weights', [3e38, 3e38], [3e38, 3e38], 3e38],
    ['a large loss with weights above 1', [1e38, 1e38, 1e38], [70, 80, 90], 1e38],
    ['small weights', [1, 3], [1e-38, 1e-38], 2],
    ['small weights and losses', [1e-20, 3e-20], [1e-38, 1e-38], 2e-20],
    ['subnormal weights', [1, 3], [1e-40, 1e-40], 2],
    ['weights of both signs', [1, 3], [3e38, -1e38], 0],
    ['ordinary weights', [1, 2, 4], [1, 2, 1], 2.25],
  ];
  it.each(BY_ROW)('%s', (_, losses, weights, mean) => {
    const x = tensor(
      losses.map((loss) => [loss]),
      { requiresGrad: true },
    );
    const value = new nn.L1Loss().forward(x, zeros(losses.length), { weights });
    near([value.item()], [mean || Number.MIN_VALUE], mean === 0 ? Infinity : undefined);
    if (mean === 0) expect(value.item()).toBe(0);
    value.backward();
    const most = Math.max(...weights.map(Math.abs));
    const total = weights.reduce((sum, weight) => sum + weight / most, 0);
    near(
      [...x.grad!.data],
      weights.map((weight) => weight / most / total),
    );
  });

  const wide = (fill: number): number[][] => [
    [fill, fill, fill],
    [fill, fill, fill],
  ];
  it('of rows of several elements', () => {
    const loss = new nn.L1Loss();
    near([loss.forward(wide(3e38), wide(0), { weights: [2e38, 2e38] }).item()], [3e38]);
  });

  it.each([
    ['CrossEntropyLoss', new nn.CrossEntropyLoss({ weight: [2e38, 2e38] })],
    ['CrossEntropyLoss, smoothed', new nn.CrossEntropyLoss({ weight: [3e38, 3e38], labelSmoothing: 0.5 })],
    ['CrossEntropyLoss, small', new nn.CrossEntropyLoss({ weight: [1e-38, 1e-38] })],
    [
      'CrossEntropyLoss, an ignored label',
      new nn.CrossEntropyLoss({ weight: [3e38, 3e38], ignoreIndex: -1 }),
    ],
  ])('class weights of %s', (_, loss) => {
    const x = tensor(
      [
        [0, 0],
        [0, 0],
      ],
      { requiresGrad: true },
    );
    const value = loss.forward(x, [0, 1]);
    near([value.item()], [LN2]);
    value.backward();
    const slope = (1 - loss.labelSmoothing) / 4;
    near([...x.grad!.data], [-slope, slope, slope, -slope]);
  });

  it('class weights of NLLLoss', () => {
    const loss = new nn.NLLLoss({ weight: [3e38, 3e38] });
    const logs = [
      [-1, -2],
      [-3, -4],
    ];
    near([loss.forward(logs, [0, 1]).item()], [2.5]);
  });

  it('in a replay with other weights than those that were recorded', () => {
    const loss = new nn.L1Loss();
    const step = capture((x, weights) => loss.forward(x, zeros(2), { weights }));
    const x = tensor([[1], [2]]);
    for (const weights of [
      [1, 1],
      [3e38, 3e38],
      [1e-38, 1e-38],
      [0, 5],
    ]) {
      const [a, b] = weights.map((weight) => weight / Math.max(...weights));
      near([step(x, tensor(weights)).item()], [(a + 2 * b) / (a + b)]);
    }
    expect(step(x, tensor([0, 0])).item()).toBeNaN();
  });

  it('ordinary weights have the bits of the formula, whatever power of two they are multiplied by', () => {
    const losses = [1.25, 0.3, 7.7, 2.2, 0.1];
    const weights = [0.7, 1.3, 0.2, 3.1, 0.9].map(Math.fround);
    const f = Math.fround;
    const total = f(weights.reduce((sum, weight) => sum + weight, 0));
    const sum = f(losses.reduce((so, loss, i) => so + f(f(loss) * weights[i]), 0));
    for (const by of [1, 2 ** 100, 2 ** -90, 8]) {
      const value = new nn.L1Loss().forward(
        losses.map((loss) => [loss]),
        zeros(5),
        { weights: weights.map((weight) => weight * by) },
      );
      expect(value.item()).toBe(f(sum / total));
    }
  });
});

describe('weights that need a gradient get that of their row, those that are 0, too', () => {
  const logits = [
    [1, 0],
    [3, 1],
  ];
  const rows = [[1], [3]];
  const ce = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(2))];
  type Case = [
    name: string,
    forward: (reduction: nn.LossReduction, weights: Tensor) => Tensor,
    losses: number[],
  ];
  const CASES: Case[] = [
    [
      'MSELoss',
      (reduction, weights) => new nn.MSELoss({ reduction }).forward(rows, zeros(2), { weights }),
      [1, 9],
    ],
    [
      'L1Loss',
      (reduction, weights) => new nn.L1Loss({ reduction }).forward(rows, zeros(2), { weights }),
      [1, 3],
    ],
    [
      'CrossEntropyLoss',
      (reduction, weights) => new nn.CrossEntropyLoss({ reduction }).forward(logits, [0, 1], { weights }),
      ce,
    ],
    [
      'CrossEntropyLoss of probabilities',
      (reduction, weights) =>
        new nn.CrossEntropyLoss({ reduction }).forward(logits, tensor([[1, 0], [0, 1]]), { weights }), // prettier-ignore
      ce,
    ],
    [
      'NLLLoss',
      (reduction, weights) => new nn.NLLLoss({ reduction }).forward([[-1, -2], [-3, -4]], [0, 1], { weights }), // prettier-ignore
      [1, 4],
    ],
    [
      'TripletMarginLoss',
      (reduction, weights) =>
        new nn.TripletMarginLoss({ reduction, eps: 0 }).forward(rows, zeros(2), [[0], [2]], { weights }),
      [1, 3],
    ],
  ];
  for (const given of [
    [1, 0],
    [0, 0.5],
    [2, 3],
  ]) {
    it.each(CASES)(`%s, weights ${given.join(' and ')}`, (_, forward, losses) => {
      const weights = tensor(given, { requiresGrad: true });
      forward('sum', weights).backward();
      near([...weights.grad!.data], losses);
      weights.grad = null;
      forward('none', weights).sum().backward();
      near([...weights.grad!.data], losses);
      weights.grad = null;
      forward('mean', weights).backward();
      const total = given[0] + given[1];
      const mean = (given[0] * losses[0] + given[1] * losses[1]) / total;
      near(
        [...weights.grad!.data],
        losses.map((loss) => (loss - mean) / total),
      );
    });
  }

  it('and 0 where no row counts', () => {
    const weights = tensor([0, 0], { requiresGrad: true });
    const value = new nn.MSELoss().forward(rows, zeros(2), { weights });
    expect(value.item()).toBeNaN();
    value.backward();
    expect([...weights.grad!.data].map(Math.abs)).toEqual([0, 0]);
  });

  it('so weights are learnt: that of the worse row falls', () => {
    const weights = tensor([1, 1], { requiresGrad: true });
    const sgd = new optim.SGD([weights], { lr: 0.01 });
    new nn.MSELoss().forward(rows, zeros(2), { weights }).backward();
    sgd.step();
    expect(weights.toArray()).toEqual([Math.fround(1.02), Math.fround(0.98)]);
  });
});
