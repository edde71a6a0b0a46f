import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capture, data, evaluate, fit, manualSeed, nn, noGrad, optim, tensor, type Tensor } from 'wasmgrad';
import { Array64 } from '../support/float64.js';
import { checkGradients } from '../support/gradients.js';
import { product, randomFloats } from '../support/numbers.js';

const RUNS = { seed: 22, numRuns: 15 };
const size = fc.integer({ min: 2, max: 9 });
const seed = fc.integer({ min: 1, max: 1e6 });
const input = (shape: number[], by: number) => ({ shape, values: randomFloats(product(shape), by) });
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** (x − mean) / √(variance + eps) of some numbers. */
function normal(values: number[], eps: number, centred = true): number[] {
  const middle = centred ? mean(values) : 0;
  const variance = mean(values.map((value) => (value - middle) ** 2));
  return values.map((value) => (value - middle) / Math.sqrt(variance + eps));
}

/** Sets weight and bias to numbers other than 1 and 0, and gives them in float64. */
function randomize(layer: { weight?: nn.Parameter; bias?: nn.Parameter } & nn.Module, by: number) {
  const state = layer.stateDict();
  const given = Object.fromEntries(
    Object.entries(state).map(([name, value]) => [
      name,
      ['weight', 'bias'].includes(name)
        ? tensor(randomFloats(value.size, by), { shape: value.shape })
        : value,
    ]),
  );
  layer.loadStateDict(given);
  return {
    weight: new Array64(layer.weight!.shape, layer.weight!.data),
    bias: layer.bias && new Array64(layer.bias.shape, layer.bias.data),
  };
}

describe('normalisation, against central differences', () => {
  it('BatchNorm1d', () => {
    fc.assert(
      fc.property(size, size, seed, (batch, features, by) => {
        const layer = new nn.BatchNorm1d(features, { eps: 0.1 });
        const { weight, bias } = randomize(layer, by);
        checkGradients({
          inputs: [input([batch, features], by + 1)],
          run: ([x]) => layer.forward(x),
          reference: ([x]) =>
            x
              .along(0, (column) => normal(column, 0.1))
              .zip(weight, (a, b) => a * b)
              .zip(bias!, (a, b) => a + b),
          terms: 3 * batch,
        });
      }),
      RUNS,
    );
  });

  it('LayerNorm and RMSNorm', () => {
    fc.assert(
      fc.property(size, size, seed, fc.boolean(), (batch, features, by, centred) => {
        const layer = centred
          ? new nn.LayerNorm(features, { eps: 0.1 })
          : new nn.RMSNorm(features, { eps: 0.1 });
        const { weight, bias = new Array64([], [0]) } = randomize(layer, by);
        checkGradients({
          inputs: [input([batch, 2, features], by + 1)],
          run: ([x]) => layer.forward(x),
          reference: ([x]) =>
            x
              .along(2, (row) => normal(row, 0.1, centred))
              .zip(weight, (a, b) => a * b)
              .zip(bias, (a, b) => a + b),
          terms: 3 * features,
        });
      }),
      RUNS,
    );
  });

  it('BatchNorm1d keeps what is far from 0', () => {
    // With squares minus the squared mean, nothing would be left of the differences.
    const rows = [[10_000], [10_001], [10_002], [10_003]];
    const values = new nn.BatchNorm1d(1, { affine: false }).forward(tensor(rows)).data;
    normal([0, 1, 2, 3], 1e-5).forEach((value, i) => expect(values[i]).toBeCloseTo(value, 5));
  });
});

describe('BatchNorm1d', () => {
  it.each([
    ['nn.BatchNorm1d', false],
    ['its replay', true],
  ])('keeps nothing of running statistics with momentum 1: %s', (_, replayed) => {
    const layer = new nn.BatchNorm1d(1, { momentum: 1 });
    const step = (x: Tensor): Tensor => layer.forward(x);
    const forward = replayed ? capture(step) : step;
    for (const bad of [NaN, Infinity, 5]) {
      forward(tensor([[bad], [3]]));
      forward(tensor([[1], [3]]));
    }
    expect(layer.runningMean!.item()).toBe(2);
    expect(layer.runningVar!.item()).toBe(2);
  });

  it('has running statistics that training moves, and evaluation uses', () => {
    const layer = new nn.BatchNorm1d(2);
    const rows = tensor([
      [1, 10],
      [3, 30],
    ]);
    layer.forward(rows);
    const [moved, variance] = [layer.runningMean!.data, layer.runningVar!.data];
    expect([...moved]).toEqual([0.2, 2].map(Math.fround));
    // Unbiased: 2 and 200.
    expect(variance[1]).toBeCloseTo(0.9 + 0.1 * 200, 4);
    expect(layer.numBatchesTracked!.item()).toBe(1);
    layer.eval();
    layer.forward(rows);
    noGrad(() => layer.forward(rows));
    expect(layer.runningMean!.data).toEqual(moved);
    expect(layer.numBatchesTracked!.item()).toBe(1);
    // One row is enough for evaluation.
    expect(layer.forward(tensor([[0.2, 2]])).toArray()).toEqual([[0, 0]]);
    expect(layer.parameters()).toEqual([layer.weight, layer.bias]);
    expect(layer.namedBuffers().map(([name]) => name)).toEqual([
      'runningMean',
      'runningVar',
      'numBatchesTracked',
    ]);
  });

  it('is restored with its state', () => {
    const make = () => new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.Linear(4, 1));
    const [a, b] = [make(), make()];
    for (let i = 1; i < 4; i++) a.forward(tensor(randomFloats(18, i), { shape: [6, 3] }));
    const state = a.stateDict();
    expect(Object.keys(state)).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.runningMean',
      '1.runningVar',
      '1.numBatchesTracked',
      '2.weight',
      '2.bias',
    ]);
    b.loadStateDict(state);
    expect(b.predict([1, 2, 3])).toEqual(a.predict([1, 2, 3]));
    // A copy: it does not change when the model does.
    const before = [...state['1.runningMean'].data];
    a.forward(tensor(randomFloats(18, 9), { shape: [6, 3] }));
    expect([...state['1.runningMean'].data]).toEqual(before);
    const { '1.runningVar': _, ...rest } = state;
    expect(() => b.loadStateDict(rest)).toThrow(/missing 1\.runningVar/);
    expect(() => b.loadStateDict({ ...state, '1.runningVar': [1] })).toThrow(
      /expected 1\.runningVar \[4\], got \[1\]/,
    );
    expect(b.predict([1, 2, 3])).not.toEqual(a.predict([1, 2, 3]));
    b.loadStateDict(a.stateDict());
    expect(b.predict([1, 2, 3])).toEqual(a.predict([1, 2, 3]));
  });

  it.each([
    [() => new nn.BatchNorm1d(0), /BatchNorm1d: expected numFeatures to be a positive integer, got 0/],
    [() => new nn.BatchNorm1d(2, { momentum: 2 }), /expected momentum to be a number in \[0, 1\], got 2/],
    [() => new nn.BatchNorm1d(2, { eps: -1 }), /expected eps to be a finite number ≥ 0, got -1/],
    [() => new nn.BatchNorm1d(2, { momentun: 1 } as never), /unknown option 'momentun'/],
    [
      () => new nn.BatchNorm1d(2).forward(tensor([[1, 2, 3]])),
      /^BatchNorm1d\(2\): expected x \[batch, 2\] or \[batch, 2, length\], got \[1, 3\]$/,
    ],
    [() => new nn.BatchNorm1d(2).forward(tensor([1, 2])), /got \[2\]/],
    [() => new nn.LayerNorm([]), /LayerNorm: expected at least one dimension, got none/],
    [() => new nn.LayerNorm(3).forward(tensor([[1, 2]])), /^LayerNorm: expected x \[…, 3\], got \[1, 2\]$/],
    [() => new nn.RMSNorm([2, 3]).forward(tensor([1, 2, 3])), /^RMSNorm: expected x \[…, 2, 3\], got \[3\]$/],
    [() => new nn.RMSNorm(1.5), /RMSNorm: expected normalizedShape to be a positive integer, got 1\.5/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));

  it('refuses a batch of one row in training, and nothing has moved', () => {
    const layer = new nn.BatchNorm1d(2);
    expect(() => layer.forward(tensor([[1, 2]]))).toThrow(
      /more than one value of each feature.*dropLast: true/,
    );
    expect(() => layer.forward(tensor([[[1], [2]]]))).toThrow(/got x \[1, 2, 1\]/);
    expect([...layer.runningMean!.data]).toEqual([0, 0]);
    expect(layer.numBatchesTracked!.item()).toBe(0);
  });
});

/** A model with every layer that has a state or draws, for rows of three letters. */
function letters(momentum = 0.5) {
  manualSeed(4);
  const model = new nn.Sequential(
    new nn.Embedding(7, 4, { paddingIdx: 0 }),
    new nn.Flatten(),
    new nn.Concat(
      new nn.Sequential(new nn.Linear(12, 6), new nn.BatchNorm1d(6), new nn.PReLU(6)),
      new nn.Sequential(new nn.Linear(12, 5), new nn.LayerNorm(5), new nn.SELU(), new nn.AlphaDropout(0.2)),
    ),
    new nn.Residual(new nn.Sequential(new nn.RMSNorm(11), new nn.Linear(11, 11), new nn.Mish())),
    new nn.BatchNorm1d(11, { momentum: null }),
    new nn.Linear(11, 3),
  );
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum });
  const rows = Array.from({ length: 44 }, (_, i) => [i % 7, (i * 3) % 7, (i * i) % 7]);
  const classes = rows.map(([a, b, c]) => (a + 2 * b + c) % 3);
  const loader = new data.DataLoader(new data.TensorDataset(rows, classes), {
    batchSize: 8,
    shuffle: true,
    seed: 3,
  });
  return { model, optimizer, loader };
}
const stateOf = (model: nn.Module): Record<string, number[]> =>
  Object.fromEntries(Object.entries(model.stateDict()).map(([name, value]) => [name, [...value.data]]));

describe('a replay', () => {
  // Without momentum steps are taken where the gradients are computed.
  it.each([0, 0.5])(
    'gives the bits of the loop spelled out, running statistics too (momentum %s)',
    async (momentum) => {
      const loss = new nn.CrossEntropyLoss({ labelSmoothing: 0.1, weight: [1, 2, 0.5] });
      const a = letters(momentum);
      const losses: number[] = [];
      for (let epoch = 0; epoch < 3; epoch++) {
        for (const [inputs, labels] of a.loader) {
          a.optimizer.zeroGrad();
          const value = loss.forward(a.model.forward(inputs), labels);
          value.backward();
          a.optimizer.step();
          losses.push(value.item());
        }
      }
      const b = letters(momentum);
      const seen: number[] = [];
      await fit(b.model, {
        data: b.loader,
        loss,
        optimizer: b.optimizer,
        epochs: 3,
        onBatch: (r) => seen.push(r.loss),
      });
      expect(seen).toEqual(losses);
      expect(stateOf(b.model)).toEqual(stateOf(a.model));
      expect(stateOf(b.model)['4.numBatchesTracked']).toEqual([18]);
      expect(stateOf(b.model)['0.weight'].slice(0, 4)).toEqual([0, 0, 0, 0]);
    },
  );

  it('of an evaluation uses the statistics as they are, and leaves them', async () => {
    const { model, optimizer, loader } = letters();
    const loss = new nn.CrossEntropyLoss();
    const history = await fit(model, { data: loader, loss, optimizer, epochs: 4, validation: loader });
    const before = stateOf(model);
    const { loss: value } = await evaluate(model, loader, { loss });
    expect(stateOf(model)).toEqual(before);
    expect(value).toBeCloseTo(history.epochs[3].validationLoss!, 5);
    model.eval();
    const [rows, labels] = loader.dataset.batch(Array.from({ length: 44 }, (_, i) => i));
    expect(loss.forward(model.forward(rows), labels).item()).toBeCloseTo(value, 5);
    // Each epoch saw other statistics.
    expect(new Set(history.epochs.map(({ validationLoss }) => validationLoss)).size).toBe(4);
  });

  it('stops at an index that is none, before any weight is changed', async () => {
    const { model, optimizer } = letters();
    const loader = new data.DataLoader(new data.TensorDataset([[1, 2, 7]], [0]));
    const before = stateOf(model);
    const run = fit(model, { data: loader, loss: new nn.CrossEntropyLoss(), optimizer, epochs: 1 });
    await expect(run).rejects.toThrow(/Embedding: expected indices of an embedding, integers from 0/);
    expect(stateOf(model)).toEqual(before);
  });
});

describe('Embedding', () => {
  it('begins normal, from manualSeed, with zeros for the padding', () => {
    manualSeed(3);
    const layer = new nn.Embedding(500, 41, { paddingIdx: 2 });
    const values = [...layer.weight.data];
    expect(values.slice(82, 123).every((value) => value === 0)).toBe(true);
    const n = values.length;
    // Five standard deviations of mean and variance of n draws.
    expect(Math.abs(mean(values))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean(values.map((value) => value ** 2)) - (n - 41) / n)).toBeLessThan(
      5 * Math.sqrt(2 / n),
    );
    manualSeed(3);
    expect(new nn.Embedding(500, 41, { paddingIdx: 2 }).weight.data).toEqual(layer.weight.data);
  });

  it('takes indices of any shape, and adds up the gradients of one that comes again', () => {
    const layer = new nn.Embedding(4, 2);
    expect(layer.forward(3).shape).toEqual([2]);
    expect(layer.forward(tensor([[[1], [2]]])).shape).toEqual([1, 2, 1, 2]);
    layer.forward([3, 1, 3]).backward([
      [1, 2],
      [3, 4],
      [10, 20],
    ]);
    expect(layer.weight.grad!.toArray()).toEqual([
      [0, 0],
      [3, 4],
      [0, 0],
      [11, 22],
    ]);
    layer.forward([1]).sum().backward();
    expect(layer.weight.grad!.toArray()).toEqual([
      [0, 0],
      [4, 5],
      [0, 0],
      [11, 22],
    ]);
  });

  it.each([
    [() => new nn.Embedding(4, 0), /Embedding: expected embeddingDim to be a positive integer, got 0/],
    [
      () => new nn.Embedding(4, 2, { paddingIdx: 4 }),
      /expected paddingIdx to be an integer in \[0, 4\), got 4/,
    ],
    [() => new nn.Embedding(4, 2).forward([4]), /^Embedding: expected indices of an embedding/],
    [() => new nn.Embedding(4, 2).forward([0.5]), /expected indices/],
    [() => new nn.Embedding(4, 2).forward([NaN]), /expected indices/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});

describe('AlphaDropout', () => {
  it('keeps mean and variance of what SELU gives, and drops the share p', () => {
    manualSeed(8);
    const n = 40_000;
    // Mean 0 and variance 1.
    const x = tensor(randomFloats(n, 3, Math.sqrt(3)), { requiresGrad: true });
    const layer = new nn.AlphaDropout(0.3);
    const y = layer.forward(x);
    const values = [...y.data];
    expect(Math.abs(mean(values))).toBeLessThan(0.03);
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(0.05);
    y.sum().backward();
    const slopes = [...x.grad!.data];
    const lowest = 1.6732632423543772 * 1.0507009873554805;
    const a = 1 / Math.sqrt((lowest ** 2 * 0.3 + 1) * 0.7);
    expect([...new Set(slopes)].toSorted((p, q) => p - q)).toEqual([0, expect.closeTo(a, 6)]);
    const dropped = values.filter((_, i) => slopes[i] === 0);
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(dropped.length - 0.3 * n)).toBeLessThan(5 * Math.sqrt(n * 0.3 * 0.7));
    expect(new Set(dropped).size).toBe(1);
    expect(dropped[0]).toBeCloseTo(-a * lowest + a * lowest * 0.3, 5);
    layer.eval();
    expect(layer.forward(x)).toBe(x);
    expect(() => new nn.AlphaDropout(1)).toThrow(
      /AlphaDropout: expected p to be a number in \[0, 1\), got 1/,
    );
  });
});

describe('Standardize', () => {
  const rows = [
    [1, 100, 5],
    [2, 300, 5],
    [6, 200, 5],
  ];

  it('learns mean and scale of the rows, and leaves a constant feature its size', () => {
    const layer = nn.Standardize.fit(rows);
    expect(layer.mean.toArray()).toEqual([3, 200, 5]);
    expect([...layer.scale.data]).toEqual([Math.sqrt(14 / 3), Math.sqrt(20_000 / 3), 1].map(Math.fround));
    expect(layer.parameters()).toEqual([]);
    const dataset = new data.TensorDataset(rows, [0, 1, 0]);
    expect(stateOf(nn.Standardize.fit(dataset))).toEqual(stateOf(layer));
    expect(nn.Standardize.fit(dataset.subset([1, 2])).mean.toArray()).toEqual([4, 250, 5]);
    expect(stateOf(nn.Standardize.fit(tensor(rows)))).toEqual(stateOf(layer));
    // Rounded, the mean of a constant column is not the constant.
    const tenths = Array.from({ length: 1000 }, () => [0.1]);
    expect(nn.Standardize.fit(tenths).scale.toArray()).toEqual([1]);
  });

  it('goes with the model: raw rows in, wherever it was loaded', () => {
    manualSeed(1);
    const model = new nn.Sequential(nn.Standardize.fit(rows), new nn.Linear(3, 1));
    const other = new nn.Sequential(new nn.Standardize(3), new nn.Linear(3, 1));
    expect(other.predict(rows)).not.toEqual(model.predict(rows));
    other.loadStateDict(model.stateDict());
    expect(other.predict(rows)).toEqual(model.predict(rows));
    expect(other.predict(Float32Array.from(rows.flat())).length).toBe(3);
  });

  it.each([
    [() => nn.Standardize.fit([1, 2]), /Standardize\.fit: expected rows \[rows, features\], got \[2\]/],
    [() => nn.Standardize.fit([]), /expected rows/],
    [() => new nn.Standardize(2, { mean: [1] }), /Standardize: expected mean \[2\], got \[1\]/],
    [() => new nn.Standardize(2, { scale: [1, 0] }), /the scale of feature 1 is 0/],
    [
      () => new nn.Standardize(2).forward(tensor([[1]])),
      /Standardize\(2\): expected x \[…, 2\], got \[1, 1\]/,
    ],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});

describe('structure', () => {
  it.each([
    [() => new nn.Residual(3 as never), /Residual: expected a module/],
    [
      () => new nn.Residual(new nn.Linear(2, 1)).forward(tensor([[1, 2]])),
      /Residual: expected the module inside to keep the shape \[1, 2\], got \[1, 1\]/,
    ],
    [() => new nn.Concat(), /Concat: expected at least one branch, got none/],
    [() => new nn.Concat(3 as never), /Concat: branch 0 is not a module/],
    [() => new nn.PReLU(2.5), /PReLU: expected numParameters to be a positive integer, got 2\.5/],
    [
      () => new nn.PReLU(2).forward(tensor([[1, 2, 3]])),
      /PReLU\(2\): expected x \[batch, 2, …\], got \[1, 3\]/,
    ],
    [() => new nn.Softplus(0), /Softplus: expected beta to be a finite number above 0, got 0/],
    [() => new nn.Hardtanh(1, 1), /Hardtanh: expected max to be a number above 1, got 1/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});

describe('summary', () => {
  it('counts the layers of a model, its own ones too', () => {
    class Scaled extends nn.Module {
      inner = new nn.Linear(4, 4);
      scale = new nn.Parameter([1, 1, 1, 1]);
      override forward(x: Tensor): Tensor {
        return this.inner.forward(x).mul(this.scale);
      }
    }
    const twice = new nn.ReLU();
    const model = new nn.Sequential(
      new nn.Linear(3, 4),
      new nn.BatchNorm1d(4),
      twice,
      new Scaled(),
      twice,
      new nn.Linear(4, 2, { bias: false }),
    );
    model.layers[0].parameters()[0].requiresGrad = false;
    const before = stateOf(model);
    const found = nn.summary(model, [5, 3]);
    expect(
      found.layers.map(({ name, type, outputShape, parameters, bytes, flops }) => [
        name,
        type,
        outputShape,
        parameters,
        bytes,
        flops,
      ]),
    ).toEqual([
      ['0', 'Linear', [5, 4], 16, 64, 2 * 5 * 3 * 4 + 20],
      // Three passes over the rows, and two over the features for the scale.
      ['1', 'BatchNorm1d', [5, 4], 8, (8 + 9) * 4, 4 * 20 + 8],
      ['2', 'ReLU', [5, 4], 0, 0, 20],
      ['3.inner', 'Linear', [5, 4], 20, 80, 2 * 5 * 4 * 4 + 20],
      ['3', 'Scaled', [5, 4], 4, 16, 20],
      ['2', 'ReLU', [5, 4], 0, 0, 20],
      ['5', 'Linear', [5, 2], 8, 32, 2 * 5 * 4 * 2],
    ]);
    expect(found.parameters).toBe(56);
    expect(found.trainableParameters).toBe(44);
    expect(found.bytes).toBe((56 + 9) * 4);
    expect(found.flops).toBe(found.layers.reduce((sum, { flops }) => sum + flops, 0));
    // Nothing has changed.
    expect(stateOf(model)).toEqual(before);
    expect(model.modules().every((module) => module.training && !Object.hasOwn(module, 'forward'))).toBe(
      true,
    );
    expect(nn.summary(model).inputShape).toEqual([1, 3]);
  });

  it('is a table', () => {
    const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
    expect(String(nn.summary(model))).toBe(
      [
        'layer    type    output    parameters    bytes    FLOPs',
        '-------------------------------------------------------',
        '(input)          [1, 784]',
        '0        Linear  [1, 128]     100,480  401,920  200,832',
        '1        ReLU    [1, 128]           0        0      128',
        '2        Linear  [1, 10]        1,290    5,160    2,570',
        '-------------------------------------------------------',
        'total                         101,770  407,080  203,530',
      ].join('\n'),
    );
  });

  it('refuses what it cannot know', () => {
    expect(() => nn.summary(new nn.ReLU())).toThrow(/summary: expected a shape of the input/);
    expect(() => nn.summary(3 as never)).toThrow(/expected a model/);
    const model = new nn.Sequential(new nn.Linear(3, 4));
    expect(() => nn.summary(model, [1, 2])).toThrow(/linear\(3 → 4\)/);
    expect(Object.hasOwn(model, 'forward')).toBe(false);
    expect(model.training).toBe(true);
  });
});
