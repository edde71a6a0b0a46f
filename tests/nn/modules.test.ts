import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, manualSeed, nn, noGrad, tensor, type Tensor } from 'wasmgrad';
import { Array64, logSoftmax64 } from '../support/float64.js';
import { unaryReferences } from '../support/functions.js';
import { checkGradients } from '../support/gradients.js';
import { product, randomFloats } from '../support/numbers.js';

const RUNS = { seed: 21, numRuns: 20 };
const size = fc.integer({ min: 1, max: 9 });
const seed = fc.integer({ min: 1, max: 1e6 });
const input = (shape: number[], by: number) => ({ shape, values: randomFloats(product(shape), by) });

describe('Linear', () => {
  it.each([true, false])('computes x · weightᵀ + bias and its gradients (bias: %s)', (bias) => {
    fc.assert(
      fc.property(size, size, size, seed, (batch, inFeatures, outFeatures, by) => {
        const layer = new nn.Linear(inFeatures, outFeatures, { bias });
        const weight = new Array64(layer.weight.shape, layer.weight.data);
        const offset = bias ? layer.bias!.data : new Float32Array(outFeatures);
        checkGradients({
          inputs: [input([batch, inFeatures], by)],
          run: ([x]) => layer.forward(x),
          reference: ([x]) =>
            x.matmul(weight.transpose(0, 1)).zip(new Array64([outFeatures], offset), (a, b) => a + b),
          terms: inFeatures,
        });
        // The gradients of the parameters, against the products that define them.
        const seedGradient = new Array64([batch, outFeatures], randomFloats(batch * outFeatures, by + 1));
        layer.weight.grad = null;
        const x = input([batch, inFeatures], by);
        layer
          .forward(tensor(x.values, { shape: x.shape }))
          .backward(tensor(Float32Array.from(seedGradient.values), { shape: [batch, outFeatures] }));
        const expected = seedGradient.transpose(0, 1).matmul(new Array64(x.shape, x.values));
        const actual = layer.weight.grad!.data;
        expected.values.forEach((value, i) =>
          expect(Math.abs(actual[i] - value)).toBeLessThan(1e-5 * (1 + batch)),
        );
      }),
      RUNS,
    );
  });

  it('begins as in PyTorch, uniform in ±1/√inFeatures, from manualSeed', () => {
    manualSeed(5);
    const layer = new nn.Linear(100, 400);
    const weights = layer.weight.data;
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(0.1);
    expect(Math.max(...layer.bias!.data)).toBeGreaterThan(0.099);
    const variance = weights.reduce((sum, w) => sum + w * w, 0) / weights.length;
    expect(Math.abs(variance / (0.01 / 3) - 1)).toBeLessThan(0.02);
    manualSeed(5);
    expect(new nn.Linear(100, 400).weight.data).toEqual(weights);
    expect(new nn.Linear(100, 400).weight.data).not.toEqual(weights);
  });

  it.each([
    [() => new nn.Linear(0, 1), /Linear: expected inFeatures to be a positive integer, got 0/],
    [() => new nn.Linear(1, 2.5), /outFeatures/],
    [() => new nn.Linear(1, 2, { bais: false } as never), /unknown option 'bais'/],
    [
      () => new nn.Linear(784, 128).forward(tensor(new Float32Array(32 * 783), { shape: [32, 783] })),
      /^linear\(784 → 128\): expected x \[batch, 784\], got \[32, 783\]$/,
    ],
    [() => new nn.Linear(3, 1).forward(tensor([1, 2, 3])), /expected x \[batch, 3\], got \[3\]/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});

describe('activations', () => {
  it.each([
    [new nn.ReLU(), 'RELU', [0, 0]],
    [new nn.LeakyReLU(0.3), 'LEAKY_RELU', [0.3, 0]],
    [new nn.ELU(0.5), 'ELU', [0.5, 0]],
    [new nn.Sigmoid(), 'SIGMOID', [0, 0]],
    [new nn.Tanh(), 'TANH', [0, 0]],
    [new nn.GELU(), 'GELU', [0, 0]],
    [new nn.SiLU(), 'SILU', [0, 0]],
    [new nn.Softplus(), 'SOFTPLUS', [1, 20]],
    [new nn.Softplus(2, 3), 'SOFTPLUS with beta 2, threshold 3', [2, 3]],
    [new nn.Mish(), 'MISH', [0, 0]],
    [new nn.Hardtanh(-0.5, 1.25), 'HARDTANH', [-0.5, 1.25]],
  ] as const)('%o', (layer, name, [s0, s1]) => {
    checkGradients({
      inputs: [input([4, 5], 3)],
      run: ([x]) => layer.forward(x),
      reference: ([x]) => x.map((value) => unaryReferences[name].f(value, s0, s1)),
    });
  });

  it.each([
    [new nn.LogSoftmax(), logSoftmax64],
    [new nn.Softmax(), (row: number[]) => logSoftmax64(row).map(Math.exp)],
  ] as const)('%o', (layer, f) => {
    checkGradients({
      inputs: [input([4, 5], 3)],
      run: ([x]) => layer.forward(x),
      reference: ([x]) => x.along(1, f),
      terms: 5,
    });
  });

  it('Flatten', () => {
    checkGradients({
      inputs: [input([4, 5, 2], 3)],
      run: ([x]) => new nn.Flatten().forward(x),
      reference: ([x]) => x.reshape([4, 10]),
    });
  });
});

describe('Dropout', () => {
  it('scales what it keeps in training, and its gradient alike; does nothing in evaluation', () => {
    const layer = new nn.Dropout(0.25);
    const x = tensor(new Float32Array(1000).fill(1), { requiresGrad: true });
    const y = layer.forward(x);
    const values = y.data;
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    y.sum().backward();
    expect(x.grad!.data).toEqual(values);
    layer.eval();
    expect(layer.forward(x)).toBe(x);
    expect(() => new nn.Dropout(1)).toThrow(/p to be a number in \[0, 1\), got 1/);
  });

  it('draws the same after manualSeed', () => {
    const layer = new nn.Dropout();
    const x = tensor(new Float32Array(100).fill(1));
    const draw = () => {
      manualSeed(9);
      return [layer.forward(x).data, layer.forward(x).data];
    };
    const [first, second] = draw();
    expect(first).not.toEqual(second);
    expect(draw()).toEqual([first, second]);
  });
});

class Branches extends nn.Module {
  first = new nn.Linear(2, 3);
  scale = new nn.Parameter([2, 3, 4]);
  list = [new nn.Linear(3, 1), new nn.Linear(3, 1)];
  tied = this.first;

  override forward(x: Tensor): Tensor {
    const h = this.first.forward(x).mul(this.scale);
    return this.list[0].forward(h).add(this.list[1].forward(h));
  }
}

describe('own modules', () => {
  it('have their parameters found by name, nested, each once', () => {
    const model = new nn.Sequential(new Branches(), new nn.Linear(1, 1, { bias: false }));
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      '0.scale',
      '0.first.weight',
      '0.first.bias',
      '0.list.0.weight',
      '0.list.0.bias',
      '0.list.1.weight',
      '0.list.1.bias',
      '1.weight',
    ]);
    expect(model.parameters()).toHaveLength(8);
    model
      .forward(tensor([[1, 2]]))
      .sum()
      .backward();
    for (const parameter of model.parameters()) expect(parameter.grad).not.toBeNull();
  });

  it('switch between training and evaluation as one', () => {
    const model = new nn.Sequential(new nn.Sequential(new nn.Dropout()));
    expect(model.modules().every((module) => module.training)).toBe(true);
    model.eval();
    expect(model.modules().some((module) => module.training)).toBe(false);
    model.train();
    expect(model.modules().every((module) => module.training)).toBe(true);
  });
});

describe('state', () => {
  it('is a copy that can be loaded into another model', () => {
    const a = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
    const b = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
    const state = a.stateDict();
    b.loadStateDict(state);
    expect(b.predict([[1, 2]])).toEqual(a.predict([[1, 2]]));
    const before = state['0.weight'].data;
    a.loadStateDict({ ...state, '0.weight': new Float32Array(6) });
    expect(state['0.weight'].data).toEqual(before);
    expect(a.parameters()[0].data).toEqual(new Float32Array(6));
  });

  it.each([
    [(s: nn.StateDict) => ({ weight: s.weight }), /loadStateDict: missing bias/],
    [(s: nn.StateDict) => ({ ...s, other: s.bias }), /unknown other/],
    [(s: nn.StateDict) => ({ ...s, weight: tensor([1]) }), /expected weight \[1, 2\], got \[1\]/],
    [() => ({ weight: tensor([[9, 9]]), bias: tensor([[1]]) }), /expected bias \[1\], got \[1, 1\]/],
  ])('that does not fit is refused and changes nothing', (change, message) => {
    const model = new nn.Linear(2, 1);
    const before = model.weight.data;
    expect(() => model.loadStateDict(change(model.stateDict()) as nn.StateDict)).toThrow(message);
    expect(model.weight.data).toEqual(before);
  });
});

describe('predict', () => {
  const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Dropout(), new nn.Linear(4, 3));

  it('takes nested arrays, one row, typed arrays and tensors, and gives plain values', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ];
    const expected = noGrad(() => model.eval().forward(tensor(rows))).toArray() as number[][];
    model.train();
    expect(model.predict(rows)).toEqual(expected);
    expect(model.predict(rows[1])).toEqual((model.predict([rows[1]]) as number[][])[0]);
    expect(model.predict(Float32Array.from(rows.flat()))).toEqual(Float32Array.from(expected.flat()));
    expect(model.predict(tensor(rows))).toEqual(expected);
    expect(model.modules().every((module) => module.training)).toBe(true);
  });

  it('gives probabilities where the loss makes the outputs logits', () => {
    const before = model.predict([1, 2]) as number[];
    model.output = 'softmax';
    const after = model.predict([1, 2]) as number[];
    model.output = 'raw';
    logSoftmax64(before).forEach((value, i) => expect(after[i]).toBeCloseTo(Math.exp(value), 6));
  });

  it('refuses rows that do not fit', () => {
    expect(() => model.predict([1, 2, 3])).toThrow(/linear\(2 → 4\): expected x \[batch, 2\], got \[1, 3\]/);
    expect(() => model.predict(new Float32Array(3))).toThrow(
      /expected rows of 2 numbers, got 3 numbers in all/,
    );
  });
});

describe('losses', () => {
  it('MSELoss is mean((target − prediction)²)', () => {
    fc.assert(
      fc.property(size, size, seed, (rows, columns, by) => {
        const target = new Array64([rows, columns], randomFloats(rows * columns, by + 1));
        const mean = (group: number[]) => group.reduce((a, b) => a + b, 0) / group.length;
        checkGradients({
          inputs: [
            input([rows, columns], by),
            { shape: [rows, columns], values: Float32Array.from(target.values) },
          ],
          run: ([x, y]) => new nn.MSELoss().forward(x, y),
          reference: ([x, y]) => x.zip(y, (a, b) => (b - a) ** 2).reduce([0, 1], mean),
          terms: rows * columns,
        });
      }),
      RUNS,
    );
  });

  it('CrossEntropyLoss takes class indices', () => {
    fc.assert(
      fc.property(size, size, seed, (rows, classes, by) => {
        const labels = Array.from({ length: rows }, (_, i) => (i * 7 + by) % classes);
        checkGradients({
          inputs: [input([rows, classes], by)],
          run: ([x]) => new nn.CrossEntropyLoss().forward(x, labels),
          reference: ([x]) => {
            const log = x.along(1, logSoftmax64);
            return new Array64([], [labels.reduce((sum, label, i) => sum - log.at([i, label]) / rows, 0)]);
          },
          terms: rows * classes,
        });
      }),
      RUNS,
    );
  });

  it('CrossEntropyLoss takes probabilities', () => {
    fc.assert(
      fc.property(size, size, seed, (rows, classes, by) => {
        const shares = randomFloats(rows * classes, by + 1).map(Math.abs);
        const target = new Array64([rows, classes], shares);
        checkGradients({
          inputs: [input([rows, classes], by)],
          run: ([x]) => new nn.CrossEntropyLoss().forward(x, tensor(shares, { shape: [rows, classes] })),
          reference: ([x]) =>
            x
              .along(1, logSoftmax64)
              .zip(target, (a, b) => (-a * b) / rows)
              .reduce([0, 1], (g) => g.reduce((a, b) => a + b, 0)),
          terms: rows * classes,
        });
      }),
      RUNS,
    );
  });

  it.each([
    [
      () => new nn.MSELoss().forward(tensor([1, 2]), tensor([1])),
      /MSELoss: expected target \[2\], got \[1\]/,
    ],
    [
      () => new nn.CrossEntropyLoss().forward(tensor([1, 2]), [1]),
      /expected logits \[batch, classes\], got \[2\]/,
    ],
    [
      () => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), [1, 0]),
      /expected targets \[1\] \(class indices\) or \[1, 2\] \(probabilities\), got \[2\]/,
    ],
    [() => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), [2]), /expected class indices/],
    [() => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), [0.5]), /expected class indices/],
    [() => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), [NaN]), /expected class indices/],
    [() => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), [-1]), /expected class indices/],
    [() => new nn.Sequential(3 as never), /layer 0 is not a module/],
    [() => new data.TensorDataset([[1]], [1, 2]), /as many targets as inputs/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});
