import { describe, expect, it } from 'vitest';
import { nn, tensor, type Tensor } from 'wasmgrad';
import golden from '../reference/layers.json' with { type: 'json' };
import { mismatch } from '../support/machine.js';
import { EPSILON } from '../support/numbers.js';

interface Stored {
  shape: number[];
  data: number[];
}
interface Step {
  mode: string;
  input: Stored;
  output: Stored;
  seed: Stored;
  inputGradient: Stored | null;
  gradients: Record<string, Stored>;
}
interface ModuleRecord {
  start: Record<string, Stored>;
  steps: Step[];
  end: Record<string, Stored>;
}

const records = golden.modules as unknown as Record<string, ModuleRecord>;
const stored = ({ shape, data }: Stored, requiresGrad = false): Tensor =>
  tensor(Float32Array.from(data), { shape, requiresGrad });

/** The modules of tests/reference/layers.py. */
const modules: Record<string, () => nn.Module> = {
  batchNorm: () => new nn.BatchNorm1d(5),
  'batchNorm momentum': () => new nn.BatchNorm1d(5, { eps: 0.01, momentum: 0.3 }),
  'batchNorm mean over all': () => new nn.BatchNorm1d(5, { momentum: null }),
  'batchNorm plain': () => new nn.BatchNorm1d(5, { affine: false }),
  'batchNorm untracked': () => new nn.BatchNorm1d(5, { trackRunningStats: false }),
  'batchNorm of signals': () => new nn.BatchNorm1d(3),
  layerNorm: () => new nn.LayerNorm(7),
  'layerNorm of two dimensions': () => new nn.LayerNorm([3, 4], { eps: 0.01 }),
  'layerNorm plain': () => new nn.LayerNorm(7, { elementwiseAffine: false }),
  rmsNorm: () => new nn.RMSNorm(7),
  'rmsNorm eps': () => new nn.RMSNorm(7, { eps: 0.1 }),
  embedding: () => new nn.Embedding(6, 5),
  'embedding with padding': () => new nn.Embedding(6, 5, { paddingIdx: 3 }),
  prelu: () => new nn.PReLU(),
  'prelu of features': () => new nn.PReLU(5),
  'prelu of signals': () => new nn.PReLU(3),
  elu: () => new nn.ELU(0.7),
  selu: () => new nn.SELU(),
  leakyRelu: () => new nn.LeakyReLU(0.2),
  gelu: () => new nn.GELU(),
  silu: () => new nn.SiLU(),
  mish: () => new nn.Mish(),
  softplus: () => new nn.Softplus(),
  'softplus beta': () => new nn.Softplus(2, 3),
  hardtanh: () => new nn.Hardtanh(),
  'hardtanh bounds': () => new nn.Hardtanh(-0.5, 1.5),
  softmax: () => new nn.Softmax(),
  'softmax down': () => new nn.Softmax(0),
  logSoftmax: () => new nn.LogSoftmax(),
  flatten: () => new nn.Flatten(),
  identity: () => new nn.Identity(),
  residual: () => new nn.Residual(new nn.Sequential(new nn.Linear(5, 5), new nn.Tanh())),
  concat: () => new nn.Concat(new nn.Linear(5, 2), new nn.Identity(), new nn.Linear(5, 3)),
  linear: () => new nn.Linear(5, 3),
  'linear without bias': () => new nn.Linear(5, 3, { bias: false }),
  relu: () => new nn.ReLU(),
  sigmoid: () => new nn.Sigmoid(),
  tanh: () => new nn.Tanh(),
  sequential: () => new nn.Sequential(new nn.Linear(5, 4), new nn.ReLU(), new nn.Linear(4, 2)),
  // Mean and scale are scikit-learn's, and these rows those that it saw.
  standardize: () => nn.Standardize.fit(stored(records.standardize.steps[0].input)),
};

/** What PyTorch draws otherwise: tests/nn/modules.test.ts and layers.test.ts have their distribution. */
const RANDOM = ['Dropout', 'AlphaDropout'];

/** Roundings of a pass: the longest reduction, 20 values of a feature in a batch, and those of the functions, on both sides. */
const PASS = 2 * (20 + 20) * EPSILON;

function expectClose(actual: ArrayLike<number>, { data }: Stored, room: number, what: string): void {
  const size = Math.max(...data.map(Math.abs));
  expect(mismatch(actual, { expected: data, tolerance: data.map(() => room * size) }), what).toBeNull();
}

describe('modules are as PyTorch computes them', () => {
  it('all of them', () => {
    expect(Object.keys(modules)).toEqual(Object.keys(records));
    const known = Object.entries(nn).filter(
      ([name, value]) => Object.getPrototypeOf(value) === nn.Module && !RANDOM.includes(name),
    );
    const made = new Set(Object.values(modules).map((make) => make().constructor));
    expect(known.filter(([, value]) => !made.has(value as never)).map(([name]) => name)).toEqual([]);
    expect(known.length).toBeGreaterThan(20);
  });

  it.each(Object.keys(modules))('%s', (name) => {
    const { start, steps, end } = records[name];
    const module = modules[name]();
    if (module instanceof nn.Standardize) {
      expectClose(module.mean.data, start.mean, EPSILON, 'mean');
      expectClose(module.scale.data, start.scale, EPSILON, 'scale');
    }
    module.loadStateDict(
      Object.fromEntries(Object.entries(start).map(([key, value]) => [key, stored(value)])),
    );
    for (const [i, step] of steps.entries()) {
      module.train(step.mode === 'train');
      for (const parameter of module.parameters()) parameter.grad = null;
      const x = stored(step.input, step.inputGradient !== null);
      const y = module.forward(x);
      expect(y.shape).toEqual(step.output.shape);
      expectClose(y.data, step.output, PASS, `output ${i}`);
      if (!y.requiresGrad) continue;
      y.backward(stored(step.seed));
      // The input itself where nothing was computed.
      if (step.inputGradient) expectClose(x.grad!.data, step.inputGradient, 4 * PASS, `input gradient ${i}`);
      for (const [key, parameter] of module.namedParameters()) {
        expectClose(parameter.grad!.data, step.gradients[key], 4 * PASS, `gradient of ${key} ${i}`);
      }
    }
    const state = module.stateDict();
    expect(Object.keys(state)).toEqual(Object.keys(end));
    for (const [key, value] of Object.entries(state)) {
      expect(value.shape).toEqual(end[key].shape);
      expectClose(value.data, end[key], PASS, key);
    }
  });
});
