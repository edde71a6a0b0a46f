import { Step } from '../../assembly/forward/format.js';
import { Norm, Softmax, Unary } from '../../assembly/opcodes.js';
import { sameShape, sizeOf } from '../tensor/layout.js';
import { SELU_ALPHA, SELU_SCALE } from '../tensor/selu.js';
import type { LayerDescription, StoredTensor } from '../io/storedModel.js';
import { numbersOf } from './numbersOf.js';
import { panels } from './panels.js';
import type { Constant, Plan, Register } from './plan.js';

/** What steps give for a row. */
export interface Value {
  readonly register: Register;
  /** Without the batch. */
  readonly shape: readonly number[];
}

export interface Context {
  readonly operation: string;
  readonly plan: Plan;
  /** Names of the tensors that are kept in 8 bits. */
  readonly eight: ReadonlySet<string>;
}

/** Products of a row in 8 bits by activations must stay below 2³¹ in sum. */
const levelsOf = (k: number): number => Math.min(32767, Math.floor((2 ** 31 - 1) / (128 * k)));

/** The functions of one number, with the fields of a layer, or the numbers, that they take. */
const UNARY: Readonly<Record<string, readonly [fn: Unary, ...scalars: (string | number)[]] | undefined>> = {
  ReLU: [Unary.RELU],
  LeakyReLU: [Unary.LEAKY_RELU, 'negativeSlope'],
  ELU: [Unary.ELU, 'alpha'],
  SELU: [Unary.ELU, SELU_ALPHA],
  Sigmoid: [Unary.SIGMOID],
  Tanh: [Unary.TANH],
  GELU: [Unary.GELU],
  SiLU: [Unary.SILU],
  Mish: [Unary.MISH],
  Softplus: [Unary.SOFTPLUS, 'beta', 'threshold'],
  Hardtanh: [Unary.HARDTANH, 'min', 'max'],
};

/**
 * Appends the steps of a layer. `prefix` stands before the names of its tensors.
 *
 * @param keep whether x is wanted afterwards: else its register may be written to, and is released
 */
export function layerSteps(
  context: Context,
  layer: LayerDescription,
  prefix: string,
  x: Value,
  keep: boolean,
): Value {
  const { operation, plan, eight } = context;
  const { shape } = x;
  const size = sizeOf(shape);
  const fail = (expected: string): never => {
    throw new RangeError(
      `${operation}: ${prefix === '' ? 'the model' : prefix.slice(0, -1)}, ${layer.type}: expected ${expected}, ` +
        `got [${['rows', ...shape].join(', ')}]`,
    );
  };
  const floats = (length: number, values: (tensor: (name: string) => StoredTensor) => Float32Array) =>
    plan.constant(length * 4, true, values);
  /** Says that the layer has a tensor of this shape; returns its whole name. */
  const named = (name: string, tensorShape: readonly number[]): string => {
    plan.tensors.set(prefix + name, tensorShape);
    return prefix + name;
  };
  /** A tensor of float32 as it is, where the layer has it. */
  const own = (name: string, tensorShape: readonly number[], has = true): Constant | undefined => {
    if (!has) return undefined;
    const whole = named(name, tensorShape);
    return floats(sizeOf(tensorShape), (tensor) => numbersOf(tensor(whole)));
  };
  const scaleOf = (name: string, rows: number): Constant =>
    floats(rows, (tensor) => tensor(prefix + name).scale!);
  /** Where a step that may write over what it reads writes. */
  const inPlace = (): Register => (keep ? plan.register(size) : x.register);
  const elsewhere = (width: number): Register => plan.register(width);
  const done = (register: Register, outShape: readonly number[] = shape): Value => {
    if (!keep && register !== x.register) plan.release(x.register);
    return { register, shape: outShape };
  };
  /** The input with other features as [outer, features, inner], vectors along features. */
  const affine = (
    from: Register,
    to: Register,
    dims: readonly number[],
    vectors: readonly (Constant | undefined)[],
    fn = 0,
  ): void => plan.add(Step.AFFINE, from, to, dims, vectors, [], { fn });

  const unary = UNARY[layer.type];
  if (unary) {
    const [fn, ...names] = unary;
    const fields = layer as unknown as Record<string, number>;
    const scalars = names.map((name) => (typeof name === 'number' ? name : fields[name]));
    const last = plan.steps.at(-1);
    const dense = last && (last.step === Step.DENSE || last.step === Step.DENSE_8);
    if (fn === Unary.RELU && !keep && dense && last.output === x.register && last.scalars[0] === -Infinity) {
      last.scalars = [0, ...last.scalars.slice(1)];
      return x;
    }
    const y = inPlace();
    plan.add(Step.UNARY, x.register, y, [size], [], scalars, { fn });
    if (layer.type === 'SELU')
      affine(y, y, [1, 1, size], [undefined, undefined, floats(1, () => Float32Array.of(SELU_SCALE))]);
    return done(y);
  }

  switch (layer.type) {
    case 'Linear': {
      const { inFeatures: k, outFeatures: n } = layer;
      if (shape.length !== 1 || shape[0] !== k) fail(`x [rows, ${k}]`);
      const name = named('weight', [n, k]);
      const y = elsewhere(n);
      if (eight.has(name)) {
        const integers = elsewhere(Math.ceil(k / 8) * 4 + 1);
        const weight = plan.constant(n * k, false, (tensor) => tensor(name).values);
        const operands = [weight, own('bias', [n], layer.bias), scaleOf('weight', n)];
        plan.add(Step.DENSE_8, x.register, y, [n, k], operands, [-Infinity, levelsOf(k)], {
          weight: name,
          other: integers,
        });
        plan.release(integers);
      } else {
        const weight = floats(n * k, (tensor) => panels(numbersOf(tensor(name)), n, k));
        plan.add(Step.DENSE, x.register, y, [n, k], [weight, own('bias', [n], layer.bias)], [-Infinity], {
          weight: name,
        });
      }
      return done(y, [n]);
    }
    case 'BatchNorm1d': {
      const { numFeatures: n, affine: has } = layer;
      if (shape.length > 2 || shape[0] !== n) fail(`x [rows, ${n}] or [rows, ${n}, length]`);
      if (!layer.trackRunningStats) {
        fail('running statistics: without them a prediction depends on the other rows of its batch, x');
      }
      // As the module computes it: √(variance + eps) in float32.
      const eps = Math.fround(layer.eps);
      const variance = named('runningVar', [n]);
      named('numBatchesTracked', []);
      const deviation = floats(n, (tensor) =>
        numbersOf(tensor(variance)).map((v) => Math.sqrt(Math.fround(v + eps))),
      );
      const y = inPlace();
      affine(
        x.register,
        y,
        [1, n, size / n],
        [own('runningMean', [n]), deviation, own('weight', [n], has), own('bias', [n], has)],
      );
      return done(y);
    }
    case 'LayerNorm':
    case 'RMSNorm': {
      const { normalizedShape, elementwiseAffine: has } = layer;
      const length = sizeOf(normalizedShape);
      if (!sameShape(shape.slice(-normalizedShape.length), normalizedShape)) {
        fail(`x [rows, …, ${normalizedShape.join(', ')}]`);
      }
      const groups = size / length;
      const y = inPlace();
      const fn = layer.type === 'RMSNorm' ? Norm.RMS : Norm.CENTRED;
      plan.add(Step.NORMALIZE, x.register, y, [groups, length], [], [layer.eps], { fn });
      const bias = layer.type === 'LayerNorm' && layer.bias;
      if (has)
        affine(
          y,
          y,
          [groups, length, 1],
          [undefined, undefined, own('weight', normalizedShape), own('bias', normalizedShape, bias)],
        );
      return done(y);
    }
    case 'Standardize': {
      const n = layer.numFeatures;
      if (shape.at(-1) !== n) fail(`x [rows, …, ${n}]`);
      const y = inPlace();
      affine(x.register, y, [size / n, n, 1], [own('mean', [n]), own('scale', [n])]);
      return done(y);
    }
    case 'PReLU': {
      const n = layer.numParameters;
      if (n > 1 && shape[0] !== n) fail(`x [rows, ${n}, …]`);
      // max(x, 0) + min(x, 0) · weight, as the module computes it.
      const below = plan.register(size);
      plan.add(Step.UNARY, x.register, below, [size], [], [-Infinity, 0], { fn: Unary.CLAMP });
      affine(below, below, [1, n, size / n], [undefined, undefined, own('weight', [n])], 1);
      const y = inPlace();
      plan.add(Step.UNARY, x.register, y, [size], [], [], { fn: Unary.RELU });
      plan.add(Step.ADD, y, y, [size], [], [], { other: below });
      plan.release(below);
      return done(y);
    }
    case 'Embedding': {
      const { numEmbeddings: rows, embeddingDim: width } = layer;
      const name = named('weight', [rows, width]);
      const y = elsewhere(size * width);
      const dims = [size, width, rows];
      if (eight.has(name)) {
        const table = plan.constant(rows * width, false, (tensor) => tensor(name).values);
        plan.add(Step.EMBEDDING_8, x.register, y, dims, [table, scaleOf('weight', rows)]);
      } else
        plan.add(Step.EMBEDDING, x.register, y, dims, [own('weight', [rows, width])], [], { weight: name });
      return done(y, [...shape, width]);
    }
    case 'Softmax':
    case 'LogSoftmax': {
      const at = layer.dim < 0 ? layer.dim + shape.length : layer.dim - 1;
      if (at < 0 || at >= shape.length) {
        fail(
          `dim ${layer.dim} to be one of a row: else a prediction depends on the other rows of its batch, x`,
        );
      }
      // The logarithm reads x again when y is written already.
      const y = layer.type === 'Softmax' ? inPlace() : elsewhere(size);
      const dims = [sizeOf(shape.slice(0, at)), shape[at], sizeOf(shape.slice(at + 1))];
      const fn = layer.type === 'Softmax' ? Softmax.PLAIN : Softmax.LOG;
      plan.add(Step.SOFTMAX, x.register, y, dims, [], [], { fn });
      return done(y);
    }
    case 'Flatten':
      plan.flat ??= plan.steps.every(({ step }) => step === Step.UNARY || step >= Step.EMBEDDING);
      return { register: x.register, shape: [size] };
    case 'Sequential': {
      let value = x;
      layer.layers.forEach((child, i) => {
        value = layerSteps(context, child, `${prefix}${i}.`, value, keep && value.register === x.register);
      });
      return value;
    }
    case 'Residual': {
      const inner = layerSteps(context, layer.inner, `${prefix}inner.`, x, true);
      if (!sameShape(inner.shape, shape))
        fail(`the layer inside to keep the shape, it gives [${inner.shape.join(', ')}], x`);
      const own = inner.register !== x.register;
      const y = own ? inner.register : elsewhere(size);
      plan.add(Step.ADD, x.register, y, [size], [], [], { other: inner.register });
      return done(y);
    }
    case 'Concat': {
      const parts = layer.branches.map((branch, i) => layerSteps(context, branch, `${prefix}${i}.`, x, true));
      const outer = parts[0].shape.slice(0, -1);
      const other = parts.find(({ shape: own }) => own.length === 0 || !sameShape(own.slice(0, -1), outer));
      if (other) {
        const shapes = `[${parts[0].shape.join(', ')}] and [${other.shape.join(', ')}]`;
        fail(`branches that differ in the last dimension alone, not ${shapes}; x`);
      }
      const total = parts.reduce((sum, part) => sum + part.shape.at(-1)!, 0);
      const y = elsewhere(sizeOf(outer) * total);
      let begin = 0;
      for (const part of parts) {
        const width = part.shape.at(-1)!;
        plan.add(Step.SPREAD, part.register, y, [sizeOf(outer), width, total], [begin * 4]);
        begin += width;
        if (part.register !== x.register) plan.release(part.register);
      }
      return done(y, [...outer, total]);
    }
    // Dropout, AlphaDropout, Identity: nothing, when predicting.
    default:
      return x;
  }
}
