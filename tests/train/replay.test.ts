import { describe, expect, it } from 'vitest';
import { data, fit, manualSeed, nn, optim, type Tensor } from 'wasmgrad';
import { randomFloats } from '../support/numbers.js';

// Every module and every loss in fit(): its replay has the bits of the loop spelled out. Losses of the steps tell of the
// forward pass, the weights of every gradient. Batches of 8 and one of 3.

const ROWS = 19;
const WIDTH = 6;

/** What is trained, on rows of numbers or of indices; the targets are numbers [rows, 4], or what the loss wants. */
interface Case {
  model: () => nn.Module;
  loss: (output: Tensor, target: Tensor) => Tensor;
  inputs?: number[][];
  targets?: number[] | number[][];
}

const table = (width: number, seed: number): number[][] => {
  const values = randomFloats(ROWS * width, seed);
  return Array.from({ length: ROWS }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
};
const numbers = table(4, 2);
const indices = numbers.map((_, i) => [i % 7, (3 * i) % 7, (i * i) % 7]);
const labels = numbers.map((_, i) => (i * i) % 4);
const shares = numbers.map((row) => {
  const powers = row.map(Math.exp);
  return powers.map((power) => power / powers.reduce((sum, value) => sum + value, 0));
});
const signs = numbers.map((row) => row.map((value) => (value > 0 ? 1 : -1)));
const binary = numbers.map((row) => row.map((value) => (value > 0 ? 1 : 0)));

async function compare({ model: make, loss, inputs = table(WIDTH, 1), targets = numbers }: Case) {
  const setUp = () => {
    manualSeed(5);
    const model = make();
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
    const loader = new data.DataLoader(new data.TensorDataset(inputs, targets), { batchSize: 8 });
    return { model, optimizer, loader, seen: [] as number[] };
  };
  const eager = setUp();
  for (let epoch = 0; epoch < 2; epoch++) {
    for (const [x, wanted] of eager.loader) {
      eager.optimizer.zeroGrad();
      const value = loss(eager.model.forward(x), wanted);
      value.backward();
      eager.optimizer.step();
      eager.seen.push(value.item());
    }
  }
  const replayed = setUp();
  await fit(replayed.model, {
    data: replayed.loader,
    loss,
    optimizer: replayed.optimizer,
    epochs: 2,
    onBatch: (report) => replayed.seen.push(report.loss),
  });
  const stateOf = (model: nn.Module) => model.stateDict();
  const [a, b] = [eager, replayed].map(({ model }) =>
    Object.entries(stateOf(model)).map(([name, value]) => [name, ...value.data]),
  );
  expect(replayed.seen).toEqual(eager.seen);
  expect(new Set(replayed.seen).size).toBe(6);
  expect(b).toEqual(a);
}

/** Each in the middle of a network, so that it has a gradient to hand on. */
const inside = (make: () => nn.Module, width = WIDTH) =>
  new nn.Sequential(new nn.Linear(WIDTH, WIDTH), make(), new nn.Linear(width, 4));

const MODULES: Record<string, () => nn.Module> = {
  AlphaDropout: () => inside(() => new nn.AlphaDropout(0.3)),
  BatchNorm1d: () => inside(() => new nn.BatchNorm1d(WIDTH)),
  Concat: () => inside(() => new nn.Concat(new nn.Linear(WIDTH, 3), new nn.Identity()), WIDTH + 3),
  Dropout: () => inside(() => new nn.Dropout(0.3)),
  ELU: () => inside(() => new nn.ELU(0.7)),
  Embedding: () => new nn.Sequential(new nn.Embedding(7, 2), new nn.Flatten(), new nn.Linear(6, 4)),
  Flatten: () => inside(() => new nn.Flatten()),
  GELU: () => inside(() => new nn.GELU()),
  Hardtanh: () => inside(() => new nn.Hardtanh(-0.5, 0.5)),
  Identity: () => inside(() => new nn.Identity()),
  LayerNorm: () => inside(() => new nn.LayerNorm(WIDTH)),
  LeakyReLU: () => inside(() => new nn.LeakyReLU(0.2)),
  Linear: () => inside(() => new nn.Linear(WIDTH, WIDTH, { bias: false })),
  LogSoftmax: () => inside(() => new nn.LogSoftmax()),
  Mish: () => inside(() => new nn.Mish()),
  PReLU: () => inside(() => new nn.PReLU(WIDTH)),
  ReLU: () => inside(() => new nn.ReLU()),
  Residual: () => inside(() => new nn.Residual(new nn.Linear(WIDTH, WIDTH))),
  RMSNorm: () => inside(() => new nn.RMSNorm(WIDTH)),
  SELU: () => inside(() => new nn.SELU()),
  Sequential: () => inside(() => new nn.Sequential(new nn.Linear(WIDTH, 5), new nn.Tanh()), 5),
  Sigmoid: () => inside(() => new nn.Sigmoid()),
  SiLU: () => inside(() => new nn.SiLU()),
  Softmax: () => inside(() => new nn.Softmax()),
  Softplus: () => inside(() => new nn.Softplus(2, 1)),
  Standardize: () => inside(() => nn.Standardize.fit(table(WIDTH, 3))),
  Tanh: () => inside(() => new nn.Tanh()),
};

const mse = new nn.MSELoss();
const elements = (loss: { forward(output: Tensor, target: Tensor): Tensor }, rest: Partial<Case> = {}) => ({
  loss: (output: Tensor, target: Tensor) => loss.forward(output, target),
  ...rest,
});
const cosine = new nn.CosineEmbeddingLoss();
const triplet = new nn.TripletMarginLoss();

const LOSSES: Record<string, Omit<Case, 'model'>> = {
  BCELoss: {
    loss: (output, target) => new nn.BCELoss().forward(output.sigmoid(), target),
    targets: binary,
  },
  BCEWithLogitsLoss: elements(new nn.BCEWithLogitsLoss({ posWeight: 2 }), { targets: binary }),
  CosineEmbeddingLoss: {
    loss: (output, target) =>
      cosine.forward(output.slice(1, 0, 2), output.slice(1, 2, 4), target.slice(1, 0, 1).reshape(-1)),
    targets: signs,
  },
  CrossEntropyLoss: elements(new nn.CrossEntropyLoss({ labelSmoothing: 0.1, weight: [1, 2, 3, 4] }), {
    targets: labels,
  }),
  HingeEmbeddingLoss: elements(new nn.HingeEmbeddingLoss(), { targets: signs }),
  HingeLoss: elements(new nn.HingeLoss(), { targets: signs }),
  HuberLoss: elements(new nn.HuberLoss({ delta: 0.5 })),
  KLDivLoss: {
    loss: (output, target) => new nn.KLDivLoss().forward(output.logSoftmax(-1), target),
    targets: shares,
  },
  L1Loss: elements(new nn.L1Loss()),
  MSELoss: elements(mse),
  NLLLoss: {
    loss: (output, target) => new nn.NLLLoss().forward(output.logSoftmax(-1), target),
    targets: labels,
  },
  SmoothL1Loss: elements(new nn.SmoothL1Loss()),
  TripletMarginLoss: {
    loss: (output, target) => triplet.forward(output, target, output.mul(-1)),
  },
};

describe('a replay has the bits of the loop spelled out', () => {
  it('for every module and every loss', () => {
    const exported = Object.entries(nn).filter(([, value]) => Object.getPrototypeOf(value) === nn.Module);
    expect(exported.map(([name]) => name).toSorted()).toEqual(Object.keys(MODULES).toSorted());
    const losses = Object.keys(nn).filter((name) => name.endsWith('Loss'));
    expect(losses.toSorted()).toEqual(Object.keys(LOSSES).toSorted());
  });

  it.each(Object.entries(MODULES))('%s', async (name, model) => {
    const inputs = name === 'Embedding' ? indices : undefined;
    await compare({ model, loss: (output, target) => mse.forward(output, target), inputs });
  });

  it.each(Object.entries(LOSSES))('%s', async (_, rest) => {
    await compare({ model: () => inside(() => new nn.Tanh()), ...rest });
  });
});
