import type { nn, Tensor } from 'wasmgrad';
import { check, checkGradient, input, resultOf, type Input } from './checks.js';
import type { Case, Wasmgrad } from './suite.js';

interface Row {
  readonly make: (modules: Wasmgrad['nn']) => nn.Module;
  /** [4, 6] without it. */
  readonly input?: Input;
  /** Its output in training is random: the gradient is checked in evaluation. */
  readonly random?: true;
  /** Its input has no gradient, as that of a table of rows. */
  readonly constantInput?: true;
}

/** By the name of the class; what follows a space tells instances apart. */
export const MODULES: Record<string, Row> = {
  Linear: { make: ({ Linear }) => new Linear(6, 5) },
  'Linear without bias': { make: ({ Linear }) => new Linear(6, 5, { bias: false }) },
  Sequential: {
    make: ({ Linear, ReLU, Sequential }) => new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 3)),
  },
  Residual: { make: ({ Linear, Residual }) => new Residual(new Linear(6, 6)) },
  Concat: { make: ({ Concat, Identity, Linear }) => new Concat(new Identity(), new Linear(6, 2)) },
  Identity: { make: ({ Identity, Sequential }) => new Sequential(new Identity()) },
  Flatten: { make: ({ Flatten }) => new Flatten(), input: input([2, 3, 4]) },
  Embedding: {
    make: ({ Embedding }) => new Embedding(5, 3),
    input: { shape: [4], values: Float32Array.of(0, 3, 3, 1) },
    constantInput: true,
  },
  Standardize: {
    make: ({ Standardize }) =>
      new Standardize(6, { mean: [1, 0, -1, 2, 0.5, 0], scale: [1, 2, 3, 0.5, 4, 1] }),
  },
  BatchNorm1d: { make: ({ BatchNorm1d }) => new BatchNorm1d(6) },
  LayerNorm: { make: ({ LayerNorm }) => new LayerNorm(6) },
  RMSNorm: { make: ({ RMSNorm }) => new RMSNorm(6) },
  Dropout: { make: ({ Dropout }) => new Dropout(0.4), random: true },
  AlphaDropout: { make: ({ AlphaDropout }) => new AlphaDropout(0.4), random: true },
  ELU: { make: ({ ELU }) => new ELU() },
  GELU: { make: ({ GELU }) => new GELU() },
  Hardtanh: { make: ({ Hardtanh }) => new Hardtanh() },
  LeakyReLU: { make: ({ LeakyReLU }) => new LeakyReLU(0.1) },
  LogSoftmax: { make: ({ LogSoftmax }) => new LogSoftmax() },
  Mish: { make: ({ Mish }) => new Mish() },
  PReLU: { make: ({ PReLU }) => new PReLU(6) },
  ReLU: { make: ({ ReLU }) => new ReLU() },
  SELU: { make: ({ SELU }) => new SELU() },
  Sigmoid: { make: ({ Sigmoid }) => new Sigmoid() },
  SiLU: { make: ({ SiLU }) => new SiLU() },
  Softmax: { make: ({ Softmax }) => new Softmax() },
  Softplus: { make: ({ Softplus }) => new Softplus() },
  Tanh: { make: ({ Tanh }) => new Tanh() },
};

/** Every parameter of a module and all inside it, and a way to put a tensor in its place. */
function slotsOf(
  { Parameter }: Wasmgrad['nn'],
  module: nn.Module,
): { value: nn.Parameter; put(x: Tensor): void }[] {
  return module.modules().flatMap((part) => {
    const fields = part as unknown as Record<string, unknown>;
    return Object.keys(fields).flatMap((key) => {
      const value = fields[key];
      return value instanceof Parameter ? [{ value, put: (x: Tensor) => void (fields[key] = x) }] : [];
    });
  });
}

function caseOf({ make, input: given = input([4, 6]), random, constantInput }: Row): Case {
  return (wasmgrad) => {
    wasmgrad.manualSeed(5);
    const module = make(wasmgrad.nn);
    const slots = slotsOf(wasmgrad.nn, module);
    check(slots.length === module.parameters().length, 'a parameter was not found');
    const weights = slots.map(({ value }) => ({ shape: value.shape, values: value.data }));
    const fixed = wasmgrad.tensor(given.values, { shape: [...given.shape] });
    const forward = (...tensors: Tensor[]): Tensor => {
      const x = constantInput ? fixed : tensors.shift()!;
      slots.forEach(({ put }, i) => put(tensors[i]));
      return module.forward(x);
    };
    const inputs = constantInput ? weights : [given, ...weights];
    if (!random) return checkGradient(wasmgrad, forward, inputs);
    module.eval();
    const numbers = checkGradient(wasmgrad, forward, inputs);
    module.train();
    return [...numbers, ...resultOf(wasmgrad, forward, inputs)];
  };
}

export const modules: Record<string, Case> = Object.fromEntries(
  Object.entries(MODULES).map(([name, row]) => [`module ${name}`, caseOf(row)]),
);
