import { describe, expect, it } from 'vitest';
import {
  callbacks,
  capture,
  concat,
  data,
  detectAnomaly,
  metrics,
  nn,
  noGrad,
  optim,
  tensor,
} from 'wasmgrad';
import type { Tensor } from 'wasmgrad';

const x = tensor([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
const loader = (): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset([[1]], [1]), { shuffle: true, seed: 1 });
const sgd = (): optim.Optimizer => new optim.SGD([tensor([1], { requiresGrad: true })], { lr: 1 });

type Take = (value: never) => unknown;

/** What takes a number by position, or as an option, under the name that its error begins with. */
const TAKES: [name: string, take: Take][] = [
  ['sum', (v) => x.sum(v)],
  ['mean', (v) => x.mean(v)],
  ['max', (v) => x.max(v)],
  ['softmax', (v) => x.softmax(v)],
  ['logSoftmax', (v) => x.logSoftmax(v)],
  ['transpose', (v) => x.transpose(v)],
  ['transpose', (v) => x.transpose(0, v)],
  ['slice', (v) => x.slice(v, 0, 1)],
  ['slice', (v) => x.slice(0, v)],
  ['slice', (v) => x.slice(0, 0, v)],
  ['reshape', (v) => x.reshape(v, 6)],
  ['concat', (v) => concat([x, x], v)],
  ['pow', (v) => x.pow(v)],
  ['clamp', (v) => x.clamp(v)],
  ['clamp', (v) => x.clamp(0, v)],
  ['leakyRelu', (v) => x.leakyRelu(v)],
  ['elu', (v) => x.elu(v)],
  ['softplus', (v) => x.softplus(v)],
  ['softplus', (v) => x.softplus(1, v)],
  ['hardtanh', (v) => x.hardtanh(v)],
  ['hardtanh', (v) => x.hardtanh(-1, v)],
  ['LeakyReLU', (v) => new nn.LeakyReLU(v)],
  ['ELU', (v) => new nn.ELU(v)],
  ['Softplus', (v) => new nn.Softplus(v)],
  ['Softplus', (v) => new nn.Softplus(1, v)],
  ['Hardtanh', (v) => new nn.Hardtanh(v)],
  ['Hardtanh', (v) => new nn.Hardtanh(-1, v)],
  ['Dropout', (v) => new nn.Dropout(v)],
  ['AlphaDropout', (v) => new nn.AlphaDropout(v)],
  ['softmax', (v) => new nn.Softmax(v).forward(x)],
  ['logSoftmax', (v) => new nn.LogSoftmax(v).forward(x)],
  ['PReLU', (v) => new nn.PReLU(v)],
  ['Linear', (v) => new nn.Linear(v, 3)],
  ['Linear', (v) => new nn.Linear(3, v)],
  ['Embedding', (v) => new nn.Embedding(3, 2, { paddingIdx: v })],
  ['BatchNorm1d', (v) => new nn.BatchNorm1d(2, { eps: v })],
  ['BatchNorm1d', (v) => new nn.BatchNorm1d(2, { momentum: v })],
  ['LayerNorm', (v) => new nn.LayerNorm(2, { eps: v })],
  ['RMSNorm', (v) => new nn.RMSNorm(2, { eps: v })],
  ['CrossEntropyLoss', (v) => new nn.CrossEntropyLoss({ labelSmoothing: v })],
  ['CrossEntropyLoss', (v) => new nn.CrossEntropyLoss({ ignoreIndex: v })],
  ['HuberLoss', (v) => new nn.HuberLoss({ delta: v })],
  ['SmoothL1Loss', (v) => new nn.SmoothL1Loss({ beta: v })],
  ['CosineEmbeddingLoss', (v) => new nn.CosineEmbeddingLoss({ margin: v })],
  ['TripletMarginLoss', (v) => new nn.TripletMarginLoss({ p: v })],
  ['SGD', (v) => new optim.SGD([], { lr: v })],
  ['SGD', (v) => (sgd().paramGroups[0].lr = v)],
  ['Adam', (v) => new optim.Adam([], { betas: [0.9, v] })],
  ['Adam', (v) => new optim.Adam([], { betas: v })],
  ['EMA', (v) => new optim.EMA([], { decay: v })],
  ['clipGradNorm', (v) => optim.clipGradNorm([], v)],
  ['clipGradNorm', (v) => optim.clipGradNorm([], 1, { normType: v })],
  ['clipGradValue', (v) => optim.clipGradValue([], v)],
  ['StepLR', (v) => new optim.StepLR(sgd(), { stepSize: v })],
  ['OneCycleLR', (v) => new optim.OneCycleLR(sgd(), { maxLr: v, totalSteps: 3 })],
  ['Accuracy', (v) => new metrics.Accuracy({ threshold: v })],
  ['EarlyStopping', (v) => new callbacks.EarlyStopping({ minDelta: v })],
  ['DataLoader', (v) => new data.DataLoader(new data.TensorDataset([[1]], [1]), { batchSize: v })],
  ['calculateGain', (v) => nn.init.calculateGain('leakyRelu', v)],
  ['normal', (v) => nn.init.normal(new nn.Parameter([1]), { std: v })],
];

const NO_NUMBERS: [string, unknown][] = [
  ['a text', '1'],
  ['a bigint', 1n],
  ['a symbol', Symbol('x')],
  ['NaN', NaN],
  ['an object', { dim: 1 }],
  ['a boxed number', Object(1)],
  ['an object without a prototype', Object.create(null)],
  ['a truth', true],
  ['a function', () => 1],
  [
    'a getter that throws',
    Object.defineProperty({}, 'constructor', {
      get() {
        throw new Error('mine');
      },
    }),
  ],
];

describe.each(TAKES)('%s', (name, take) => {
  it.each(NO_NUMBERS)('refuses %s by its name', (_, value) => {
    expect(() => take(value as never)).toThrow(new RegExp(`^${name}: `));
    expect(() => take(value as never)).not.toThrow(/Cannot|undefined/);
  });
});

describe('keepDim', () => {
  it.each([{ keepDim: false }, 1, 'yes', null, Symbol('x')])('is no %o', (value) => {
    for (const name of ['sum', 'mean', 'max'] as const) {
      expect(() => x[name](1, value as never)).toThrow(`${name}: expected keepDim to be true or false`);
    }
  });
});

describe('functions', () => {
  it.each([undefined, null, 1, 'x', {}, Object.create(null), Symbol('x')])('are no %o', (value) => {
    for (const [name, take] of [
      ['noGrad', noGrad],
      ['capture', capture],
      ['detectAnomaly', detectAnomaly],
    ] as const) {
      expect(() => (take as Take)(value as never)).toThrow(new RegExp(`^${name}: expected a function, got `));
    }
  });
});

describe('infinite bounds', () => {
  it('are taken where they mean something', () => {
    expect(x.clamp(-Infinity, 2).toArray()).toEqual([[1, 2, 2], [2, 2, 2]]); // prettier-ignore
    expect(x.hardtanh(2, Infinity).toArray()).toEqual([[2, 2, 3], [4, 5, 6]]); // prettier-ignore
    expect(x.softplus(1, -Infinity).toArray()).toEqual(x.toArray());
    expect(x.pow(-Infinity).toArray()).toEqual([[1, 0, 0], [0, 0, 0]]); // prettier-ignore
    expect(() => optim.clipGradNorm([], Infinity, { normType: Infinity })).not.toThrow();
  });
});

describe('a state of a DataLoader', () => {
  it.each([null, undefined, 1, 'x', Symbol('x'), [], {}, Object.create(null), { generator: 1 }, { generator: [1] }, { generator: [1, 2, 3, 1n] }, { generator: [1, 2, 3, 4], sampler: [1, 2, 3, 4] }])('is no %o', (state) => {
    const own = loader();
    const before = own.getState();
    expect(() => own.setState(state as never)).toThrow(/^DataLoader: expected a state/);
    expect(own.getState()).toEqual(before);
  }); // prettier-ignore

  it('is taken as a whole or not at all', () => {
    const sampler = new data.WeightedRandomSampler([1, 1], { seed: 1 });
    const own = new data.DataLoader(new data.TensorDataset([[1], [2]], [1, 2]), { sampler, seed: 2 });
    const before = own.getState();
    const bad = { ...before, ...(before.generator && { generator: [1, 2, 3, 4] }), sampler: [1] };
    expect(() => own.setState(bad)).toThrow(/four 32-bit integers/);
    expect(own.getState()).toEqual(before);
  });
});

describe('PReLU', () => {
  it.each([0, -0, 0.5, -1])('with a weight of %o is right at infinity', (weight) => {
    const slope = new nn.PReLU();
    nn.init.constant(slope.weight, weight);
    const given: Tensor = tensor([-Infinity, -2, 0, 2, Infinity], { requiresGrad: true });
    const y = slope.forward(given);
    const below = weight === 0 ? [0, 0] : [-Infinity * weight, -2 * weight];
    expect(Array.from(y.data, (value) => value + 0)).toEqual([...below, 0, 2, Infinity]);
    y.sum().backward();
    expect(given.grad!.toArray()).toEqual([weight + 0, weight + 0, weight + 0, 1, 1]); // prettier-ignore
  });
});
