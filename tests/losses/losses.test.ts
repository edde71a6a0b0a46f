import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, nn, optim, tensor, type Tensor } from 'wasmgrad';
import { Opcode } from '../../assembly/opcodes.js';
import { Captured } from '../../src/tensor/captured.js';
import { Array64, logSoftmax64 } from '../support/float64.js';
import { checkGradients } from '../support/gradients.js';
import { product, randomFloats } from '../support/numbers.js';

const RUNS = { seed: 23, numRuns: 15 };
const size = fc.integer({ min: 1, max: 7 });
const seed = fc.integer({ min: 1, max: 1e6 });
const input = (shape: number[], by: number) => ({ shape, values: randomFloats(product(shape), by) });
const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe('losses of elements, against central differences', () => {
  const losses: Record<string, [nn.Loss, (x: number, t: number) => number]> = {
    MSELoss: [new nn.MSELoss({ reduction: 'sum' }), (x, t) => (x - t) ** 2],
    L1Loss: [new nn.L1Loss({ reduction: 'sum' }), (x, t) => Math.abs(x - t)],
    HuberLoss: [
      new nn.HuberLoss({ delta: 0.75, reduction: 'sum' }),
      (x, t) => (Math.abs(x - t) < 0.75 ? (x - t) ** 2 / 2 : 0.75 * (Math.abs(x - t) - 0.375)),
    ],
    SmoothL1Loss: [
      new nn.SmoothL1Loss({ beta: 0.5, reduction: 'sum' }),
      (x, t) => (Math.abs(x - t) < 0.5 ? (x - t) ** 2 : Math.abs(x - t) - 0.25),
    ],
    BCEWithLogitsLoss: [
      new nn.BCEWithLogitsLoss({ reduction: 'sum' }),
      (x, t) => -t * Math.log(sigmoid(x)) - (1 - t) * Math.log(sigmoid(-x)),
    ],
    'BCEWithLogitsLoss with posWeight': [
      new nn.BCEWithLogitsLoss({ reduction: 'sum', posWeight: 2.5 }),
      (x, t) => -2.5 * t * Math.log(sigmoid(x)) - (1 - t) * Math.log(sigmoid(-x)),
    ],
    HingeLoss: [new nn.HingeLoss({ margin: 0.25, reduction: 'sum' }), (x, t) => Math.max(0, 0.25 - t * x)],
  };
  it.each(Object.entries(losses))('%s', (_, [loss, f]) => {
    fc.assert(
      fc.property(size, size, seed, (rows, columns, by) => {
        const [x, t] = [input([rows, columns], by), input([rows, columns], by + 1)];
        checkGradients({
          inputs: [x],
          run: ([prediction]) => loss.forward(prediction, tensor(t.values, { shape: t.shape })),
          reference: ([prediction]) =>
            prediction.zip(new Array64(t.shape, t.values), f).reduce([0, 1], total),
          terms: rows * columns,
        });
      }),
      RUNS,
    );
  });
});

describe('CrossEntropyLoss, against central differences', () => {
  it('with every option at once', () => {
    fc.assert(
      fc.property(size, size, seed, (rows, classes, by) => {
        const labels = Array.from({ length: rows }, (_, i) =>
          (i + by) % 4 === 3 ? -1 : (i * 7 + by) % classes,
        );
        labels[0] = 0;
        const weight = [...randomFloats(classes, by + 1)].map((value) => Math.abs(value) + 0.1);
        const weights = [...randomFloats(rows, by + 2)].map((value) => Math.abs(value) + 0.1);
        const smoothing = 0.2;
        const loss = new nn.CrossEntropyLoss({ weight, ignoreIndex: -1, labelSmoothing: smoothing });
        const mass = total(labels.map((label, i) => (label < 0 ? 0 : weight[label] * weights[i])));
        checkGradients({
          inputs: [input([rows, classes], by)],
          run: ([x]) => loss.forward(x, labels, { weights }),
          reference: ([x]) => {
            const log = x.along(1, logSoftmax64);
            let sum = 0;
            labels.forEach((label, i) => {
              if (label < 0) return;
              for (let c = 0; c < classes; c++) {
                const share = (c === label ? 1 - smoothing : 0) + smoothing / classes;
                sum -= (weights[i] * share * weight[c] * log.at([i, c])) / mass;
              }
            });
            return new Array64([], [sum]);
          },
          terms: 4 * rows * classes,
        });
      }),
      RUNS,
    );
  });

  it('is finite where a logit is −∞ and its class is not the label', () => {
    const logits = tensor([[1, -Infinity, 2]], { requiresGrad: true });
    for (const options of [{}, { ignoreIndex: -1 }, { weight: [1, 1, 1] }]) {
      logits.grad = null;
      const loss = new nn.CrossEntropyLoss(options).forward(logits, [2]);
      expect(loss.item()).toBeCloseTo(Math.log1p(Math.exp(-1)), 6);
      loss.backward();
      expect(logits.grad!.data[1]).toBeCloseTo(0, 12);
      expect(logits.grad!.data[0]).toBeCloseTo(sigmoid(-1), 6);
    }
  });

  it('is the mean of nothing, NaN, where every label is ignored', () => {
    const loss = new nn.CrossEntropyLoss({ ignoreIndex: 7 });
    expect(loss.forward(tensor([[1, 2]]), [7]).item()).toBeNaN();
    expect(
      new nn.CrossEntropyLoss({ ignoreIndex: 7, reduction: 'sum' }).forward(tensor([[1, 2]]), [7]).item(),
    ).toBe(0);
  });
});

describe('the plain losses', () => {
  it('keep their few instructions', () => {
    const opcodes = (loss: nn.Loss, target: Tensor): Opcode[] => {
      const x = tensor(
        [
          [1, 2],
          [3, 4],
        ],
        { requiresGrad: true },
      );
      const captured = new Captured('test', (t: Tensor) => {
        x.grad = null;
        const value = loss.forward(x, t);
        value.backward();
        return [value];
      });
      return captured
        .run([target])
        .tape.program.read()
        .map(({ opcode }) => opcode);
    };
    expect(
      opcodes(
        new nn.MSELoss(),
        tensor([
          [1, 2],
          [3, 5],
        ]),
      ),
    ).toEqual([Opcode.REDUCE, Opcode.BINARY_GRADIENT]);
    expect(opcodes(new nn.CrossEntropyLoss(), tensor([0, 1]))).toEqual([Opcode.CROSS_ENTROPY, Opcode.REDUCE]);
    // The gradient 1 of the sum is copied to the rows.
    expect(opcodes(new nn.CrossEntropyLoss({ reduction: 'sum' }), tensor([0, 1]))).toEqual([
      Opcode.CROSS_ENTROPY,
      Opcode.REDUCE,
      Opcode.COPY,
      Opcode.CROSS_ENTROPY_GRADIENT,
    ]);
  });
});

describe('a function of tensors', () => {
  it('is a loss for fit() and evaluate()', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => [Math.sin(i), Math.cos(i)]);
    // The second column weighs the row.
    const targets = rows.map(([a, b], i) => [a - 2 * b, i % 2]);
    const setUp = () => {
      manualSeed(2);
      const model = new nn.Linear(2, 1);
      const loader = new data.DataLoader(new data.TensorDataset(rows, targets), { batchSize: 8 });
      return { model, optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }), data: loader };
    };
    const mse = new nn.MSELoss();
    const loss = (output: Tensor, target: Tensor): Tensor =>
      mse.forward(output, target.slice(1, 0, 1), { weights: target.slice(1, 1, 2).reshape(-1) });
    const a = setUp();
    const losses: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      for (const [inputs, wanted] of a.data) {
        a.optimizer.zeroGrad();
        const value = loss(a.model.forward(inputs), wanted);
        value.backward();
        a.optimizer.step();
        losses.push(value.item());
      }
    }
    const b = setUp();
    const seen: number[] = [];
    await fit(b.model, {
      data: b.data,
      optimizer: b.optimizer,
      loss,
      epochs: 3,
      validation: b.data,
      onBatch: (report) => seen.push(report.loss),
    });
    expect(seen).toEqual(losses);
    expect(b.model.weight.data).toEqual(a.model.weight.data);
    expect((await evaluate(b.model, b.data, { loss })).loss).toBeLessThan(losses[0]);
  });
});

describe('losses', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  it.each([
    [
      () => new nn.MSELoss({ reduction: 'avg' as never }),
      /MSELoss: expected reduction 'mean', 'sum' or 'none', got string "avg"/,
    ],
    [() => new nn.MSELoss({ reducton: 'sum' } as never), /MSELoss: unknown option 'reducton'/],
    [() => new nn.L1Loss().forward(x, [1, 2]), /^L1Loss: expected target \[2, 2\], got \[2\]$/],
    [
      () => new nn.L1Loss().forward(x, x, { weights: [1] }),
      /^L1Loss: expected weights \[2\], one for each row, got \[1\]$/,
    ],
    [() => new nn.L1Loss().forward(x, x, { weight: [1, 2] } as never), /L1Loss: unknown option 'weight'/],
    [() => new nn.MSELoss().forward(x, x, { weight: [1, 2] } as never), /MSELoss: unknown option 'weight'/],
    [() => new nn.CrossEntropyLoss().forward(x, [0, 1], { weight: 1 } as never), /unknown option 'weight'/],
    [() => new nn.HuberLoss({ delta: 0 }), /HuberLoss: expected delta to be a number above 0, got 0/],
    [() => new nn.SmoothL1Loss({ beta: -1 }), /SmoothL1Loss: expected beta to be a finite number ≥ 0/],
    [() => new nn.HingeLoss({ margin: NaN }), /HingeLoss: expected margin .* got NaN/],
    [
      () => new nn.CrossEntropyLoss({ labelSmoothing: 2 }),
      /expected labelSmoothing to be a number in \[0, 1\], got 2/,
    ],
    [() => new nn.CrossEntropyLoss({ ignoreIndex: 0.5 }), /expected ignoreIndex to be an integer, got 0\.5/],
    [
      () => new nn.CrossEntropyLoss({ weight: [1, 2, 3] }).forward(x, [0, 1]),
      /CrossEntropyLoss: expected weight \[2\], one for each class, got \[3\]/,
    ],
    [() => new nn.CrossEntropyLoss({ ignoreIndex: 1 }).forward(x, x), /ignoreIndex is for class indices/],
    [
      () => new nn.CrossEntropyLoss({ ignoreIndex: -1 }).forward(x, [0, 2]),
      /CrossEntropyLoss: expected class indices/,
    ],
    [
      () => new nn.CrossEntropyLoss({ reduction: 'none' }).forward(x, [0, 2]),
      /CrossEntropyLoss: expected class indices/,
    ],
    [
      () => new nn.CrossEntropyLoss({ reduction: 'none' }).forward(x, [0]),
      /expected targets \[2\] \(class indices\)/,
    ],
    [
      () => new nn.NLLLoss().forward(tensor([1]), [0]),
      /NLLLoss: expected logProbabilities \[batch, classes\], got \[1\]/,
    ],
    [() => new nn.NLLLoss().forward(x, [0]), /NLLLoss: expected targets \[2\] \(class indices\), got \[1\]/],
    [() => new nn.NLLLoss().forward(x, [0, -1]), /NLLLoss: expected class indices/],
    [
      () => new nn.BCEWithLogitsLoss({ posWeight: [1, 2, 3] }).forward(x, x),
      /BCEWithLogitsLoss: expected posWeight \[1\] or \[2\], got \[3\]/,
    ],
    [() => new nn.KLDivLoss({ reduction: 'batch' as never }), /KLDivLoss: expected reduction/],
    [
      () => new nn.CosineEmbeddingLoss({ margin: 2 }),
      /CosineEmbeddingLoss: expected margin to be a number in \[-1, 1\], got 2/,
    ],
    [
      () => new nn.CosineEmbeddingLoss().forward(x, tensor([[1]]), [1, 1]),
      /expected second \[2, 2\], got \[1, 1\]/,
    ],
    [
      () => new nn.CosineEmbeddingLoss().forward(x, x, [1]),
      /CosineEmbeddingLoss: expected targets \[2\], got \[1\]/,
    ],
    [
      () => new nn.TripletMarginLoss({ p: 0.5 }),
      /TripletMarginLoss: expected p to be a finite number ≥ 1, got 0\.5/,
    ],
    [
      () => new nn.TripletMarginLoss().forward(x, x, tensor([[1]])),
      /expected negative \[2, 2\], got \[1, 1\]/,
    ],
  ])('refuse %s', (action, message) => expect(action).toThrow(message));
});
