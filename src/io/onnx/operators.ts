import type { LayerDescription, StoredLayer, StoredTensor } from '../storedModel.js';
import { gated, gelu, nodeOf, normal, type Match, type NodeView, type Normal } from './patterns.js';
import { isFloat } from './tensors.js';
import type { Constant, Value } from './values.js';

type Plain = 'ReLU' | 'Sigmoid' | 'Tanh' | 'Mish' | 'Flatten';

const plain =
  (type: Plain) =>
  (node: NodeView): Match => ({ input: node.live(0), layer: { type } });

/** What changes nothing. */
const passed = (node: NodeView): Match => ({ input: node.live(0) });

/**
 * The operators that can be read, each with the layer that it is; what some operators together are is told by the last
 * one. https://onnx.ai/onnx/operators/
 */
export const OPERATORS: Readonly<Record<string, (node: NodeView) => Match>> = {
  Identity: passed,
  Relu: plain('ReLU'),
  Sigmoid: plain('Sigmoid'),
  Tanh: plain('Tanh'),
  Mish: plain('Mish'),
  Elu: (node) => ({ input: node.live(0), layer: { type: 'ELU', alpha: node.float('alpha', 1) } }),
  LeakyRelu: (node) => ({
    input: node.live(0),
    layer: { type: 'LeakyReLU', negativeSlope: node.float('alpha', 0.01) },
  }),
  Softplus: (node) => ({ input: node.live(0), layer: { type: 'Softplus', beta: 1, threshold: 20 } }),
  Softmax: (node) => softmax(node, 'Softmax'),
  LogSoftmax: (node) => softmax(node, 'LogSoftmax'),

  Selu(node) {
    const [alpha, gamma] = [node.float('alpha', 1.6732632), node.float('gamma', 1.050701)];
    if (Math.abs(alpha - 1.6732632) > 1e-5 || Math.abs(gamma - 1.050701) > 1e-5) {
      node.fail(`expected the usual alpha and gamma, got ${alpha} and ${gamma}`);
    }
    return { input: node.live(0), layer: { type: 'SELU' } };
  },

  Gelu(node) {
    const approximate = node.node.attributes.get('approximate')?.s || 'none';
    if (approximate !== 'none') node.fail(`the approximation by ${approximate} cannot be read`);
    return { input: node.live(0), layer: { type: 'GELU' } };
  },

  Cast(node) {
    const to = node.int('to', 0);
    if (!isFloat(to)) node.fail(`numbers of type ${to} cannot be computed with`);
    return passed(node);
  },

  Dropout(node) {
    const p = node.has(1) ? (node.scalar(1) ?? node.fail('expected a ratio')) : node.float('ratio', 0.5);
    return p === 0 ? passed(node) : { input: node.live(0), layer: { type: 'Dropout', p } };
  },

  Clip(node) {
    const limit = (index: number, name: string, absent: number): number =>
      node.has(index)
        ? (node.scalar(index) ?? node.fail(`expected a number for ${name}`))
        : node.float(name, absent);
    const [min, max] = [limit(1, 'min', -Infinity), limit(2, 'max', Infinity)];
    const layer: LayerDescription =
      min === 0 && max === Infinity ? { type: 'ReLU' } : { type: 'Hardtanh', min, max };
    return { input: node.live(0), layer };
  },

  PRelu(node) {
    const slope = node.constant(1);
    const numParameters = slope.dims.reduce((a, b) => a * b, 1);
    // Of dimension 1: [n] where that is the last one, [n, 1, …] before others.
    const rank = rankOf(node.live(0));
    if (numParameters > 1 && slope.dims.at(1 - rank) !== numParameters) {
      node.fail(`expected a slope of each feature in dimension 1, got [${slope.dims.join(', ')}]`);
    }
    const weight = node.values.stored(slope, [numParameters]);
    return { input: node.live(0), layer: { type: 'PReLU', numParameters }, tensors: { weight } };
  },

  Flatten(node) {
    const axis = node.int('axis', 1);
    if (axis !== 1) node.fail(`expected axis 1, got ${axis}`);
    return plain('Flatten')(node);
  },

  Reshape(node) {
    const x = node.live(0);
    const [, size = 0, ...more] = reshapeTarget(node);
    const width = x.dims?.slice(1).reduce((a, b) => (a && b ? a * b : undefined), 1);
    if (more.length > 0 || (size !== -1 && size !== width)) {
      node.fail('expected a shape [batch, features] that keeps the rows apart');
    }
    return rankOf(x) === 2 ? passed(node) : plain('Flatten')(node);
  },

  Gemm(node) {
    const weight = node.constant(1);
    const byRow = node.int('transB', 0) === 1;
    if (node.int('transA', 0) !== 0) node.fail('transA cannot be read');
    const [alpha, beta] = [node.float('alpha', 1), node.float('beta', 1)];
    if (alpha !== 1 || (beta !== 1 && node.has(2))) {
      node.fail(`expected alpha and beta to be 1, got ${alpha} and ${beta}`);
    }
    return linear(
      node,
      node.live(0),
      byRow ? weight : transpose(weight),
      node.has(2) ? node.constant(2) : undefined,
    );
  },

  MatMul: (node) => linear(node, node.live(0), transpose(node.constant(1))),

  BatchNormalization(node) {
    const names = ['', 'weight', 'bias', 'runningMean', 'runningVar'];
    const numFeatures = node.constant(1).dims[0];
    const tensors: Record<string, StoredTensor> = {};
    for (let i = 1; i < 5; i++) tensors[names[i]] = node.values.stored(node.constant(i));
    tensors.numBatchesTracked = { shape: [], values: new Float32Array(1) };
    // ONNX counts what is kept of the old statistics, PyTorch what comes from the new ones.
    const momentum = Number((1 - node.float('momentum', 0.9)).toPrecision(7));
    const eps = node.float('epsilon', 1e-5);
    return {
      input: node.live(0),
      layer: { type: 'BatchNorm1d', numFeatures, eps, momentum, affine: true, trackRunningStats: true },
      tensors,
    };
  },

  LayerNormalization(node) {
    const weight = node.constant(1);
    const axis = node.int('axis', -1);
    const along = axis < 0 ? -axis : rankOf(node.live(0)) - axis;
    const core: Normal = { type: 'LayerNorm', input: node.live(0), eps: node.float('epsilon', 1e-5), along };
    return normalization(node, core, weight, node.has(2) ? node.constant(2) : undefined);
  },

  RMSNormalization(node) {
    const core: Normal = { type: 'RMSNorm', input: node.live(0), eps: node.float('epsilon', 1e-5), along: 1 };
    if (node.int('axis', -1) !== -1) node.fail('expected axis -1');
    return normalization(node, core, node.constant(1));
  },

  Gather(node) {
    const table = node.constant(0);
    if (node.int('axis', 0) !== 0 || table.dims.length !== 2) {
      node.fail('expected rows of a table of two dimensions');
    }
    const cast = nodeOf(node.values, node.live(1), ['Cast']);
    const [numEmbeddings, embeddingDim] = table.dims;
    return {
      input: cast ? cast.live(0) : node.live(1),
      layer: { type: 'Embedding', numEmbeddings, embeddingDim, paddingIdx: null },
      tensors: { weight: node.values.stored(table) },
    };
  },

  Add(node) {
    const [at, constant] = constantOf(node);
    const x = node.live(1 - at);
    const product = nodeOf(node.values, x, ['MatMul']);
    if (product) return linear(product, product.live(0), transpose(product.constant(1)), constant);
    const scaled = nodeOf(node.values, x, ['Mul']);
    if (scaled && scaled.inputs.some((value) => value?.constant)) {
      const [place, weight] = constantOf(scaled);
      const core = normal(nodeOf(node.values, scaled.inputs[1 - place], ['Div', 'Mul']));
      if (core?.type === 'LayerNorm') return normalization(node, core, weight, constant);
    }
    return standardize(node, x, constant, (shift) => [-shift, 1]);
  },

  Sub: (node) => standardize(node, node.live(0), node.constant(1), (shift) => [shift, 1]),

  Mul(node) {
    const x = gelu(node);
    if (x) return { input: x, layer: { type: 'GELU' } };
    const core = normal(node);
    if (core) return normalization(node, core);
    if (!node.inputs.some((value) => value?.constant)) {
      return gated(node) ?? node.fail('a product of two values that depend on the input cannot be read');
    }
    const [at, constant] = constantOf(node);
    const inner = normal(nodeOf(node.values, node.inputs[1 - at], ['Div', 'Mul']));
    if (inner) return normalization(node, inner, constant);
    return standardize(node, node.live(1 - at), constant, (factor) => [0, 1 / factor]);
  },

  Div(node) {
    const core = normal(node);
    if (core) return normalization(node, core);
    const x = node.live(0);
    const softened = softplus(node);
    if (softened)
      return { input: softened.input, layer: { type: 'Softplus', ...softened.options, threshold: 20 } };
    const divisor = node.constant(1);
    const shifted = nodeOf(node.values, x, ['Sub']);
    if (!shifted?.inputs[1]?.constant) return standardize(node, x, divisor, (scale) => [0, scale]);
    const mean = shifted.constant(1);
    return standardize(node, shifted.live(0), mean, (shift, scale) => [shift, scale], divisor);
  },

  Where(node) {
    const condition = nodeOf(node.values, node.live(0), ['Greater']);
    const softened = softplus(nodeOf(node.values, node.live(2), ['Div', 'Softplus']));
    const threshold = condition?.scalar(1);
    if (
      softened &&
      threshold !== undefined &&
      condition?.inputs[0] === softened.scaled &&
      node.live(1) === softened.input
    ) {
      return { input: softened.input, layer: { type: 'Softplus', ...softened.options, threshold } };
    }
    return node.fail('a choice between two values cannot be read');
  },

  // (x − offset) · scale
  'ai.onnx.ml.Scaler'(node) {
    const of = (name: string, absent: number): Constant => {
      const given = node.floats(name);
      const numbers = given.length > 0 ? given : [absent];
      return { dims: [numbers.length], tensor: { name, dims: [numbers.length], type: 1, numbers } };
    };
    return standardize(
      node,
      node.live(0),
      of('offset', 0),
      (shift, factor) => [shift, 1 / factor],
      of('scale', 1),
    );
  },
};

function rankOf({ dims }: Value): number {
  return dims?.length ?? 2;
}

const transpose = (constant: Constant): Constant => ({
  ...constant,
  dims: constant.dims.toReversed(),
  transposed: !constant.transposed,
});

/** The constant among two inputs, and which one it is. */
function constantOf(node: NodeView): [index: number, constant: Constant] {
  const at = node.inputs[0]?.constant ? 0 : 1;
  return [at, node.constant(at)];
}

/** Numbers for each of `features`, from as many or from one, whatever dimensions of length 1 they have before. */
function perFeature(node: NodeView, constant: Constant, features: number): Float32Array {
  const { dims } = constant;
  const length = dims.at(-1) ?? 1;
  if (dims.slice(0, -1).some((other) => other !== 1) || (length !== features && length !== 1)) {
    node.fail(`expected a number for each of ${features} features, got [${dims.join(', ')}]`);
  }
  const { values } = node.values.stored(constant);
  if (length === features && values instanceof Float32Array) return values;
  // Only claimed: no number of the file stands for each.
  node.values.spend(features);
  return new Float32Array(features).fill(values[0]);
}

/** @param weight [outFeatures, inFeatures] */
function linear(node: NodeView, input: Value, weight: Constant, bias?: Constant): Match {
  if (weight.dims.length !== 2)
    node.fail(`expected a weight of two dimensions, got [${weight.dims.join(', ')}]`);
  const [outFeatures, inFeatures] = weight.dims;
  const tensors: Record<string, StoredTensor> = { weight: node.values.stored(weight) };
  if (bias) tensors.bias = { shape: [outFeatures], values: perFeature(node, bias, outFeatures) };
  return { input, layer: { type: 'Linear', inFeatures, outFeatures, bias: Boolean(bias) }, tensors };
}

function normalization(node: NodeView, core: Normal, weight?: Constant, bias?: Constant): Match {
  const { type, input, eps, along } = core;
  const tensors: Record<string, StoredTensor> = {};
  const shape = weight?.dims ?? input.dims?.slice(-along);
  if (shape?.length !== along || shape.some((length) => length === undefined)) {
    node.fail(`expected ${along} dimensions of known length to normalise, got [${String(shape)}]`);
  }
  const normalizedShape = shape as number[];
  if (weight) tensors.weight = node.values.stored(weight);
  if (bias) tensors.bias = node.values.stored(bias);
  const elementwiseAffine = Boolean(weight);
  const layer: StoredLayer['layer'] =
    type === 'RMSNorm'
      ? { type, normalizedShape, eps, elementwiseAffine }
      : { type, normalizedShape, eps, elementwiseAffine, bias: Boolean(bias) };
  return { input, layer, tensors };
}

/** Arithmetic with constants, each feature by itself, as (x − mean) / scale. */
function standardize(
  node: NodeView,
  input: Value,
  first: Constant,
  meanAndScale: (a: number, b: number) => [mean: number, scale: number],
  second?: Constant,
): Match {
  const lengths = [first.dims.at(-1) ?? 1, second?.dims.at(-1) ?? 1, input.dims?.at(-1) ?? 1];
  const numFeatures = Math.max(...lengths);
  if (numFeatures === 1 && input.dims?.at(-1) !== 1) {
    node.fail('the number of features, which is needed here, is not known from the shape of the input');
  }
  const a = perFeature(node, first, numFeatures);
  const b = second ? perFeature(node, second, numFeatures) : a;
  const pairs = Array.from(a, (value, i) => meanAndScale(value, b[i]));
  const shape = [numFeatures];
  return {
    input,
    layer: { type: 'Standardize', numFeatures },
    tensors: {
      mean: { shape, values: Float32Array.from(pairs, ([mean]) => mean) },
      scale: { shape, values: Float32Array.from(pairs, ([, scale]) => scale) },
    },
  };
}

function softmax(node: NodeView, type: 'Softmax' | 'LogSoftmax'): Match {
  const rank = rankOf(node.live(0));
  const old = node.values.opset < 13;
  const axis = node.int('axis', old ? 1 : -1);
  const dim = axis === rank - 1 ? -1 : axis;
  // Before opset 13 all dimensions from the axis on were taken together.
  if (old && dim !== -1) node.fail(`expected the last axis, got ${axis} of ${rank} dimensions`);
  return { input: node.live(0), layer: { type, dim } };
}

/** softplus(beta · x) / beta, or softplus(x). */
function softplus(
  node: NodeView | undefined,
): { input: Value; scaled: Value; options: { beta: number } } | undefined {
  const curve = node?.op === 'Div' ? nodeOf(node.values, node.inputs[0], ['Softplus']) : node;
  if (!curve || curve.op !== 'Softplus') return undefined;
  const scaled = curve.live(0);
  if (curve === node) return { input: scaled, scaled, options: { beta: 1 } };
  const product = nodeOf(curve.values, scaled, ['Mul']);
  const beta = node?.scalar(1);
  for (const at of [0, 1]) {
    if (product && beta !== undefined && product.scalar(at) === beta) {
      return { input: product.live(1 - at), scaled, options: { beta } };
    }
  }
  return undefined;
}

/** The shape that a Reshape gives, with 0 for the length of the batch: from a constant, or from view(x.size(0), …). */
function reshapeTarget(node: NodeView): number[] {
  const { values } = node;
  const [, target] = node.inputs;
  if (target?.constant) return Array.from(values.numbers(target.constant));
  const parts = nodeOf(values, target, ['Concat'])?.inputs ?? [];
  const lengths = parts.map((part, i) => {
    if (part?.constant) return values.scalar(part);
    const gather = nodeOf(values, nodeOf(values, part, ['Unsqueeze'])?.inputs[0], ['Gather']);
    const shape = nodeOf(values, gather?.inputs[0], ['Shape']);
    return i === 0 && shape?.inputs[0] === node.inputs[0] && gather?.scalar(1) === 0 ? 0 : undefined;
  });
  if (lengths.length === 0 || lengths.includes(undefined))
    node.fail('a shape that is computed cannot be read');
  return lengths as number[];
}
