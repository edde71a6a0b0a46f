import { describe, expect, it } from 'vitest';
import { nn, tensor, type Tensor } from 'wasmgrad';

// Five rows, of which two are left out: whatever they hold, nothing of it may be found in the loss or in a gradient.
const OUT = [1, 3];
const COUNTS = [1, 0, 2, 0, 0.5];
const HELD: [string, number][] = [
  ['NaN', NaN],
  ['infinity', Infinity],
  ['minus infinity', -Infinity],
  ['numbers', 3],
];
const rows = Array.from({ length: 5 }, (_, i) => [Math.sin(i + 1), Math.cos(2 * i), Math.sin(3 * i)]);
const shares = rows.map((row) => row.map((x) => Math.exp(x) / row.reduce((sum, y) => sum + Math.exp(y), 0)));
const signs = rows.map((row) => row.map((x) => (x > 0 ? 1 : -1)));

type Forward = (options: nn.LossOptions, inputs: Tensor[], call: nn.LossCall) => Tensor;
/** A loss, its inputs, and how many of these a gradient flows to. */
type Case = [name: string, forward: Forward, inputs: (number[] | number[][])[], learning: number];

const elements =
  (Loss: new (options: nn.LossOptions) => Pick<nn.MSELoss, 'forward'>): Forward =>
  (options, [x, y], call) =>
    new Loss(options).forward(x, y, call);

const BY_WEIGHT: Case[] = [
  ['MSELoss', elements(nn.MSELoss), [rows, shares], 1],
  ['L1Loss', elements(nn.L1Loss), [rows, shares], 1],
  ['HuberLoss', elements(nn.HuberLoss), [rows, shares], 1],
  ['SmoothL1Loss', elements(nn.SmoothL1Loss), [rows, shares], 1],
  ['BCELoss', elements(nn.BCELoss), [shares, shares], 1],
  ['BCEWithLogitsLoss', elements(nn.BCEWithLogitsLoss), [rows, shares], 1],
  [
    'BCEWithLogitsLoss with posWeight',
    (options, [x, y], call) => new nn.BCEWithLogitsLoss({ ...options, posWeight: 3 }).forward(x, y, call),
    [rows, shares],
    1,
  ],
  ['HingeLoss', elements(nn.HingeLoss), [rows, signs], 1],
  ['HingeEmbeddingLoss', elements(nn.HingeEmbeddingLoss), [rows, signs], 1],
  ['KLDivLoss', elements(nn.KLDivLoss), [rows, shares], 1],
  [
    'KLDivLoss of logarithms',
    (options, [x, y], call) => new nn.KLDivLoss({ ...options, logTarget: true }).forward(x, y, call),
    [rows, rows],
    1,
  ],
  ['CrossEntropyLoss of shares', elements(nn.CrossEntropyLoss), [rows, shares], 1],
  [
    'CosineEmbeddingLoss',
    (options, [a, b, y], call) => new nn.CosineEmbeddingLoss(options).forward(a, b, y, call),
    [rows, shares, [1, -1, 1, 1, -1]],
    2,
  ],
  [
    'TripletMarginLoss',
    (options, [a, b, c], call) => new nn.TripletMarginLoss(options).forward(a, b, c, call),
    [rows, shares, signs],
    3,
  ],
];

const labelled =
  (make: (options: nn.LossOptions) => nn.Loss, labels: number[]): Forward =>
  (options, [x]) =>
    make(options).forward(x, tensor(x.shape[0] === 5 ? labels : labels.filter((_, i) => !OUT.includes(i))));
const BY_LABEL: Case[] = [
  [
    'CrossEntropyLoss, ignored',
    labelled((options) => new nn.CrossEntropyLoss({ ...options, ignoreIndex: 255 }), [0, 255, 2, 255, 1]),
    [rows],
    1,
  ],
  [
    'CrossEntropyLoss, ignored and smoothed',
    labelled(
      (options) => new nn.CrossEntropyLoss({ ...options, ignoreIndex: 1, labelSmoothing: 0.1 }),
      [0, 1, 2, 1, 0],
    ),
    [rows],
    1,
  ],
  [
    'CrossEntropyLoss, a class of weight 0',
    labelled((options) => new nn.CrossEntropyLoss({ ...options, weight: [2, 0, 1] }), [0, 1, 2, 1, 0]),
    [rows],
    1,
  ],
  [
    'CrossEntropyLoss, both',
    labelled(
      (options) => new nn.CrossEntropyLoss({ ...options, weight: [2, 0, 1], ignoreIndex: -1 }),
      [0, 1, 2, -1, 0],
    ),
    [rows],
    1,
  ],
  [
    'NLLLoss, ignored',
    labelled((options) => new nn.NLLLoss({ ...options, ignoreIndex: -1 }), [0, -1, 2, -1, 1]),
    [rows],
    1,
  ],
  [
    'NLLLoss, a class of weight 0',
    labelled((options) => new nn.NLLLoss({ ...options, weight: [2, 0, 1] }), [0, 1, 2, 1, 0]),
    [rows],
    1,
  ],
];

const CASES = [
  ...BY_WEIGHT.map((item) => [...item, COUNTS] as const),
  ...BY_LABEL.map((item) => [...item, undefined] as const),
];

describe.each(CASES)('%s', (_, forward, inputs, learning, weights) => {
  const run = (
    given: (number[] | number[][])[],
    reduction: nn.LossReduction,
    counts: number[] | undefined,
  ) => {
    const tensors = given.map((values, i) => tensor(values, { requiresGrad: i < learning }));
    const loss = forward({ reduction }, tensors, counts ? { weights: counts } : {});
    const value = loss.toArray();
    loss.sum().backward();
    return { value, grads: tensors.slice(0, learning).map((x) => x.grad!.toArray() as number[][]) };
  };
  const without = <T>(list: readonly T[]): T[] => list.filter((_item, i) => !OUT.includes(i));

  it.each(
    HELD.flatMap(([name, held]) => (['mean', 'sum', 'none'] as const).map((by) => [name, held, by] as const)),
  )('rows that are left out may hold %s: %#', (_name, held, reduction) => {
    const holding = inputs.map((values) =>
      (values as (number | number[])[]).map((row, i) =>
        OUT.includes(i) ? (Array.isArray(row) ? row.map(() => held) : held) : row,
      ),
    ) as typeof inputs;
    const got = run(holding, reduction, weights);
    const wanted = run(
      inputs.map((values) => without(values as number[][])),
      reduction,
      weights && without(weights),
    );
    const kept = reduction === 'none' ? without(got.value as number[]) : got.value;
    const flat = (values: unknown): number[] => [values].flat(3) as number[];
    flat(kept).forEach((value, i) => expect(value).toBeCloseTo(flat(wanted.value)[i], 5));
    if (reduction === 'none') {
      for (const i of OUT) expect(flat((got.value as number[])[i]).every((value) => value === 0)).toBe(true);
    }
    got.grads.forEach((grad, k) => {
      for (const i of OUT) expect(grad[i].map(Math.abs)).toEqual([0, 0, 0]);
      without(grad).forEach((row, i) =>
        row.forEach((value, j) => expect(value).toBeCloseTo(wanted.grads[k][i][j], 5)),
      );
    });
  });

  it.runIf(weights)('gives gradients of 0 where no row counts', () => {
    const tensors = inputs.map((values, i) => tensor(values, { requiresGrad: i < learning }));
    const loss = forward({}, tensors, { weights: [0, 0, 0, 0, 0] });
    expect(loss.item()).toBeNaN();
    loss.backward();
    for (const x of tensors.slice(0, learning)) expect(x.grad!.data.every((slope) => slope === 0)).toBe(true);
  });
});

describe('where no row counts', () => {
  it.each([
    ['ignored', new nn.CrossEntropyLoss({ ignoreIndex: 1 })],
    ['ignored and smoothed', new nn.CrossEntropyLoss({ ignoreIndex: 1, labelSmoothing: 0.1 })],
    ['a class of weight 0', new nn.CrossEntropyLoss({ weight: [1, 0, 1] })],
    ['a class of weight 0, smoothed', new nn.CrossEntropyLoss({ weight: [1, 0, 1], labelSmoothing: 0.1 })],
    ['ignored by NLLLoss', new nn.NLLLoss({ ignoreIndex: 1 })],
    ['a class of weight 0 of NLLLoss', new nn.NLLLoss({ weight: [1, 0, 1] })],
  ])('the mean is NaN and its gradient 0: %s', (_, loss) => {
    const x = tensor(rows, { requiresGrad: true });
    const value = loss.forward(x, tensor([1, 1, 1, 1, 1]));
    expect(value.item()).toBeNaN();
    value.backward();
    expect(x.grad!.data.every((slope) => slope === 0)).toBe(true);
  });
});

describe('a class of weight 0 with smoothing', () => {
  it('adds nothing where its logit is −∞, to rows of other classes neither', () => {
    const loss = new nn.CrossEntropyLoss({ weight: [1, 0, 2], labelSmoothing: 0.3 });
    const x = tensor(
      [
        [1, -Infinity, 2],
        [0, -Infinity, 1],
      ],
      { requiresGrad: true },
    );
    const value = loss.forward(x, [0, 2]);
    expect(Number.isFinite(value.item())).toBe(true);
    value.backward();
    expect(x.grad!.data.every(Number.isFinite)).toBe(true);
    expect(Number.isFinite(loss.forward(x.detach(), [0, 1]).item())).toBe(true);
  });
});
