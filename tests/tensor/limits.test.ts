import { describe, expect, it } from 'vitest';
import { nn, noGrad, tensor, type NestedArray, type Tensor } from 'wasmgrad';
import { call } from '../../src/tensor/tensor.js';
import { rowNorm, unitRows } from '../../src/tensor/operations/rows.js';
import { expectSamePredictions, forwardOf } from '../support/forward.js';

// What is computed on the way may be no float32 although the result is one, and what counts for nothing may be infinite.

const MOST = 3e38;
const NEVER = -Infinity;

type Of = (...x: Tensor[]) => Tensor;

/** Gradients of what `of` gives for some leaves, from one of the result. */
function slopes(of: Of, inputs: NestedArray[], dy: NestedArray | undefined): number[][] {
  const leaves = inputs.map((values) => tensor(values, { requiresGrad: true }));
  const y = of(...leaves);
  if (dy === undefined) y.backward();
  else y.backward(tensor(dy));
  return leaves.map((leaf) => [...leaf.grad!.data]);
}

function near(got: number, right: number): boolean {
  return got === right || Math.abs(got - right) <= 2e-6 * Math.abs(right);
}

function expectNear(got: readonly number[], right: readonly number[]): void {
  expect(
    got.length === right.length && right.every((x, i) => near(got[i], x)),
    `${got} instead of ${right}`,
  ).toBe(true);
}

describe('results that are float32 though something on the way is none', () => {
  it.each<[name: string, of: () => Tensor, right: number[]]>([
    ['MSELoss of far numbers', () => new nn.MSELoss().forward([3e19, 0, 0, 0], [0, 0, 0, 0]), [2.25e38]],
    [
      'MSELoss of seven',
      () => new nn.MSELoss().forward(new Float32Array(7).fill(1.5e19), new Float32Array(7)),
      [2.25e38],
    ],
    ['MSELoss on both sides', () => new nn.MSELoss().forward([1e19, -1e19, 0], [-1e19, 1e19, 0]), [8e38 / 3]],
    [
      'softplus, beta 100',
      () => tensor([1e38, -1e38, 1, -1]).softplus(100, Infinity),
      [1e38, 0, 1, 3.720076e-46],
    ],
    ['softplus, beta 2', () => tensor([MOST, 0]).softplus(2, Infinity), [MOST, Math.LN2 / 2]],
  ])('%s', (_, of, right) => {
    expectNear([...of().data], right.map(Math.fround));
  });

  it.each<[name: string, of: Of, inputs: NestedArray[], dy: NestedArray | undefined, right: number[][]]>([
    [
      'MSELoss',
      (x) => new nn.MSELoss().forward(x, [-MOST, 0, 0, 0]),
      [[MOST, 0, 0, 0]],
      undefined,
      [[MOST, 0, 0, 0]],
    ],
    [
      'MSELoss, by both',
      (x, y) => new nn.MSELoss().forward(x, y),
      [
        [1, 0, 0, 0],
        [3, 0, 0, 0],
      ],
      undefined,
      [
        [-1, 0, 0, 0],
        [1, 0, 0, 0],
      ],
    ],
    ['logSoftmax', (x) => x.logSoftmax(), [[0, 0]], [MOST, MOST], [[0, 0]]],
    ['logSoftmax, one of two', (x) => x.logSoftmax(), [[0, 0]], [MOST, -MOST], [[MOST, -MOST]]],
    [
      'logSoftmax, one sided',
      (x) => x.logSoftmax(),
      [[0, 0, 0, 0, 0]],
      [MOST, MOST, MOST, 0, 0],
      [[1.2e38, 1.2e38, 1.2e38, -1.8e38, -1.8e38]],
    ],
    [
      'logSoftmax, of columns',
      (x) => x.logSoftmax(0),
      [
        [
          [0, 0],
          [0, 0],
        ],
      ],
      [
        [MOST, 1e-20],
        [MOST, 3e-20],
      ],
      [[0, -1e-20, 0, 1e-20]],
    ],
    [
      'softmax',
      (x) => x.softmax(),
      [[Math.log(0.1), Math.log(0.9)]],
      [MOST, -MOST],
      [[0.18 * MOST, -0.18 * MOST]],
    ],
    ['div, a large dividend', (a, b) => a.div(b), [[1e30], [1e-5]], [1e-5], [[1], [-1e35]]],
    ['div, a small one', (a, b) => a.div(b), [[1e-30], [1e10]], [1e30], [[1e20], [-1e-20]]],
    ['div, a small divisor', (a, b) => a.div(b), [[1e-30], [1e-25]], [1e-10], [[1e15], [-1e10]]],
    [
      'div, as usual',
      (a, b) => a.div(b),
      [
        [3, -1, 2, 5, 7],
        [2, 4, -8, 10, 1],
      ],
      [1, 2, 3, 4, 5],
      [
        [0.5, 0.5, -0.375, 0.4, 5],
        [-0.75, 0.125, -0.09375, -0.2, -35],
      ],
    ],
    ['pow, a number', (x) => x.pow(-3), [[1e-10]], [1e-10], [[-3e30]]],
    ['pow, a fraction', (x) => x.pow(-3.5), [[1e-10]], [1e-10], [[-3.5e35]]],
    ['pow, a tensor', (x) => x.pow(tensor([-3])), [[1e-10]], [1e-10], [[-3e30]]],
    ['pow, the exponent', (y) => tensor([1e10]).pow(y), [[4]], [1e-10], [[1e30 * Math.log(1e10)]]],
    ['pow, vanishing', (x) => x.pow(5), [[1e-12]], [1e30], [[5e-18]]],
    ['pow, several', (x) => x.pow(3), [[1, 2, 3, -4, 5]], [1, 1, 2, 1, 1], [[3, 12, 54, 48, 75]]],
    [
      'elu',
      (x) => x.elu(),
      [[-1, -10, -20, -80, 2]],
      [1, 1, 1, 1, 1],
      [[-1, -10, -20, -80, 0].map(Math.exp)],
    ],
    ['elu, alpha 3', (x) => x.elu(3), [[-15, 1e-8, -1e-8]], [1, 1, 1], [[3 * Math.exp(-15), 1, 3]]],
    [
      'SELU',
      (x) => new nn.SELU().forward(x),
      [[-12]],
      [1],
      [[1.0507009873554805 * 1.6732632423543772 * Math.exp(-12)]],
    ],
  ])('the gradient of %s', (_, of, inputs, dy, right) => {
    slopes(of, inputs, dy).forEach((got, i) => expectNear(got, right[i].map(Math.fround)));
  });
});

describe('groups without spread and eps 0', () => {
  const bn = () => new nn.BatchNorm1d(1, { eps: 0 });
  const zeros = (values: number[]) => values.every((value) => value === 0);
  it.each<[name: string, layer: () => nn.Module, x: number[][]]>([
    ['RMSNorm', () => new nn.RMSNorm(2, { eps: 0 }), [[0, 0]]],
    ['LayerNorm', () => new nn.LayerNorm(2, { eps: 0 }), [[1, 1]]],
    ['LayerNorm of five', () => new nn.LayerNorm(5, { eps: 0 }), [[0.1, 0.1, 0.1, 0.1, 0.1]]],
    ['BatchNorm1d', bn, [[1], [1]]],
    [
      'BatchNorm1d of five columns',
      () => new nn.BatchNorm1d(5, { eps: 0 }),
      [
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
      ],
    ],
  ])('%s gives zeros, and gradients of 0', (_, layer, x) => {
    const norm = layer();
    const leaf = tensor(x, { requiresGrad: true });
    const y = norm.forward(leaf);
    expect(zeros([...y.data])).toBe(true);
    y.mul(tensor(x.map((row) => row.map((_value, i) => i + 2))))
      .sum()
      .backward();
    expect(zeros([...leaf.grad!.data])).toBe(true);
    for (const parameter of norm.parameters()) expect(parameter.grad!.data.every(Number.isFinite)).toBe(true);
  });

  it('leaves the other groups what they are', () => {
    noGrad(() => {
      const y = new nn.LayerNorm(2, { eps: 0 }).forward(
        tensor([
          [1, 1],
          [1, 3],
        ]),
      );
      expect(y.toArray()).toEqual([
        [0, 0],
        [-1, 1],
      ]);
    });
  });

  it('in an exported model, too', () => {
    const model = new nn.Sequential(new nn.LayerNorm(3, { eps: 0 }), new nn.RMSNorm(3, { eps: 0 }));
    const rows = [
      [1, 1, 1],
      [1, 2, 3],
      [0, 0, 0],
    ];
    const got = forwardOf(model, 3).predict(rows);
    expect([got].flat(3).every(Number.isFinite)).toBe(true);
    expectSamePredictions(model, got, rows);
  });
});

describe('where no gradient comes in none goes out', () => {
  const HELD = [Infinity, NEVER, NaN, 0, 3e38, -3e38, 1e-45, -1];
  const x = HELD;
  const others = [2, 0, Infinity, NaN, NEVER, -3];
  const a = HELD.flatMap((value) => others.map(() => value));
  const b = HELD.flatMap(() => others);
  const UNARY: Record<string, Of> = {
    neg: (t) => t.neg(),
    exp: (t) => t.exp(),
    log: (t) => t.log(),
    sqrt: (t) => t.sqrt(),
    abs: (t) => t.abs(),
    square: (t) => t.square(),
    relu: (t) => t.relu(),
    leakyRelu: (t) => t.leakyRelu(0.1),
    sigmoid: (t) => t.sigmoid(),
    tanh: (t) => t.tanh(),
    gelu: (t) => t.gelu(),
    silu: (t) => t.silu(),
    softplus: (t) => t.softplus(),
    softplusOften: (t) => t.softplus(100, Infinity),
    clamp: (t) => t.clamp(-1, 1),
    pow: (t) => t.pow(-2.5),
    cube: (t) => t.pow(3),
    elu: (t) => t.elu(),
    hardtanh: (t) => t.hardtanh(),
    mish: (t) => t.mish(),
    selu: (t) => new nn.SELU().forward(t),
    huber: (t) =>
      new nn.HuberLoss({ reduction: 'none' }).forward(
        t,
        HELD.map(() => 0),
      ),
    dropout: (t) => new nn.Dropout(0.5).forward(t),
    prelu: (t) => new nn.PReLU().forward(t),
  };
  const BINARY: Record<string, Of> = {
    add: (s, t) => s.add(t),
    sub: (s, t) => s.sub(t),
    mul: (s, t) => s.mul(t),
    div: (s, t) => s.div(t),
    pow: (s, t) => s.pow(t),
    maximum: (s, t) => s.maximum(t),
    minimum: (s, t) => s.minimum(t),
    squares: (s, t) => new nn.MSELoss({ reduction: 'none' }).forward(s, t),
    BCELoss: (s, t) => new nn.BCELoss({ reduction: 'none' }).forward(s, t.detach()),
    BCEWithLogitsLoss: (s, t) => new nn.BCEWithLogitsLoss({ reduction: 'none' }).forward(s, t.detach()),
  };
  const zero = (values: readonly number[]) => values.every((value) => value === 0);

  it.each(Object.entries(UNARY))('through %s', (_, of) => {
    expect(
      slopes(
        of,
        [x],
        x.map(() => 0),
      ).every(zero),
    ).toBe(true);
  });

  it.each(Object.entries(BINARY))('through %s', (name, of) => {
    const leaves = [a, b].map((values) => tensor(values, { requiresGrad: true }));
    of(...leaves).backward(tensor(a.map(() => 0)));
    for (const leaf of leaves)
      if (!name.startsWith('BCE') || leaf === leaves[0]) expect(zero([...leaf.grad!.data])).toBe(true);
  });

  const ROWS: Record<string, (width: number) => Of> = {
    softmax: () => (t) => t.softmax(),
    logSoftmax: () => (t) => t.logSoftmax(),
    LayerNorm: (width) => (t) => new nn.LayerNorm(width).forward(t),
    RMSNorm: (width) => (t) => new nn.RMSNorm(width).forward(t),
    'LayerNorm, eps 0': (width) => (t) => new nn.LayerNorm(width, { eps: 0 }).forward(t),
    'RMSNorm, eps 0': (width) => (t) => new nn.RMSNorm(width, { eps: 0 }).forward(t),
    rowNorm: () => (t) => call(rowNorm, [t], 3).reshape([t.shape[0], 1]),
    unitRows: () => (t) => call(unitRows, [t], undefined),
    max: () => (t) => t.max(1, true),
    mean: () => (t) => t.mean(1, true),
    'CrossEntropyLoss, labels': () => (t) =>
      new nn.CrossEntropyLoss({ reduction: 'none' }).forward(t, [0, 1]).reshape([2, 1]),
    'CrossEntropyLoss, probabilities': (width) => (t) =>
      new nn.CrossEntropyLoss({ reduction: 'none' })
        .forward(t, tensor(new Float32Array(2 * width).fill(1 / width), { shape: [2, width] }))
        .reshape([2, 1]),
  };
  for (const [name, make] of Object.entries(ROWS)) {
    for (const width of [2, 3, 5, 21]) {
      it.each(HELD)(`of a row of ${width} through ${name} that holds %s`, (held) => {
        const usual = Array.from({ length: width }, (_, i) => Math.sin(i + 1));
        for (const row of [[held, ...usual.slice(1)], usual.map(() => held)]) {
          const leaf = tensor([row, usual], { requiresGrad: true });
          const y = make(width)(leaf);
          y.backward(
            tensor([0, 1].map((value) => Array.from({ length: y.shape[1] }, (_, i) => value * (1 + i)))),
          );
          const slope = [...leaf.grad!.data];
          expect(zero(slope.slice(0, width)), `${slope}`).toBe(true);
          // The other row has what it has alone.
          const alone = tensor([usual, usual], { requiresGrad: true });
          make(width)(alone).backward(
            tensor([0, 1].map((value) => Array.from({ length: y.shape[1] }, (_, i) => value * (1 + i)))),
          );
          expect(slope.slice(width)).toEqual([...alone.grad!.data].slice(width));
        }
      });
    }
  }

  it.each(HELD)('of columns through BatchNorm1d of which one holds %s', (held) => {
    for (const features of [1, 2, 5]) {
      const leaf = tensor(
        Array.from({ length: 3 }, (_, i) =>
          Array.from({ length: features }, (_c, j) => (j === 0 && i === 1 ? held : i * j)),
        ),
        { requiresGrad: true },
      );
      new nn.BatchNorm1d(features)
        .forward(leaf)
        .backward(
          tensor(
            Array.from({ length: 3 }, (_, i) =>
              Array.from({ length: features }, (_c, j) => (j === 0 ? 0 : i * i + j)),
            ),
          ),
        );
      const slope = [...leaf.grad!.data];
      expect(zero(slope.filter((_, i) => i % features === 0))).toBe(true);
      expect(slope.every(Number.isFinite)).toBe(true);
    }
  });
});
