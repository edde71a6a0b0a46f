import type { DescriptionOf, LayerType } from '../layers.js';
import { toPyTorch } from '../names.js';
import { show } from '../shown.js';
import type { LayerDescription, StoredModel, StoredTensor } from '../storedModel.js';
import { GraphWriter, type Dim, type Output } from './graphWriter.js';

export interface WriteOnnxOptions {
  /** Shape of a row; by default the number of features that the first layer takes. */
  inputShape?: readonly number[];
  /** Whether the graph ends in the softmax or sigmoid that `predict` ends in, where it does; true by default. */
  probabilities?: boolean;
  /** Name of the graph's input; `input` by default. What else has the name is renamed. */
  inputName?: string;
  /** Name of the graph's output; `output` by default, and `output_1` if the input is called that. */
  outputName?: string;
}

/** What a layer is written with: its numbers, and nodes named after it. */
interface Place {
  readonly graph: GraphWriter;
  readonly path: string;
  readonly tensors: (name: string) => StoredTensor;
  /** Adds a node that keeps the shape. */
  readonly node: (
    op: string,
    inputs: readonly (Output | string)[],
    attributes?: Parameters<GraphWriter['node']>[4],
  ) => Output;
  /** A parameter or buffer, under the name that PyTorch has for it. */
  readonly tensor: (name: string, shape?: readonly number[]) => string;
  readonly scalar: (name: string, value: number) => string;
}

type Writer<T extends LayerType> = (layer: DescriptionOf<T>, x: Output, place: Place) => Output;

const unary =
  (op: string) =>
  (_: unknown, x: Output, { node }: Place): Output =>
    node(op, [x]);

const same = (_: unknown, x: Output): Output => x;

/** Every layer in operators of opset 13: https://onnx.ai/onnx/operators/ */
const LAYERS: { readonly [T in LayerType]: Writer<T> } = {
  Identity: same,
  // In inference nothing is dropped.
  Dropout: same,
  AlphaDropout: same,

  ReLU: unary('Relu'),
  SELU: unary('Selu'),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  LeakyReLU: ({ negativeSlope }, x, { node }) => node('LeakyRelu', [x], { alpha: { float: negativeSlope } }),
  ELU: ({ alpha }, x, { node }) => node('Elu', [x], { alpha: { float: alpha } }),
  Softmax: ({ dim }, x, { node }) => node('Softmax', [x], { axis: dim }),
  LogSoftmax: ({ dim }, x, { node }) => node('LogSoftmax', [x], { axis: dim }),
  Hardtanh: ({ min, max }, x, { node, scalar }) => node('Clip', [x, scalar('min', min), scalar('max', max)]),
  SiLU: (_, x, { node }) => node('Mul', [x, node('Sigmoid', [x])]),
  // The operators Mish and Gelu are younger.
  Mish: (_, x, { node }) => node('Mul', [x, node('Tanh', [node('Softplus', [x])])]),
  GELU(_, x, { node, scalar }) {
    const erf = node('Erf', [node('Div', [x, scalar('sqrt2', Math.SQRT2)])]);
    return node('Mul', [node('Mul', [x, node('Add', [erf, scalar('one', 1)])]), scalar('half', 0.5)]);
  },

  Softplus({ beta, threshold }, x, { node, scalar }) {
    const scaled = beta === 1 ? x : node('Mul', [x, scalar('beta', beta)]);
    const soft = node('Softplus', [scaled]);
    const curve = beta === 1 ? soft : node('Div', [soft, scalar('beta', beta)]);
    // Above 20 both are the same float32.
    if (threshold === 20) return curve;
    return node('Where', [node('Greater', [scaled, scalar('threshold', threshold)]), x, curve]);
  },

  PReLU({ numParameters }, x, { node, tensor }) {
    // Of the features in dimension 1: the slope is broadcast from the right.
    const ones = numParameters > 1 ? x.dims.slice(2).map(() => 1) : [];
    return node('PRelu', [x, tensor('weight', [numParameters, ...ones])]);
  },

  Linear({ inFeatures, outFeatures, bias }, x, { graph, path, tensor }) {
    const [batch, features] = x.dims;
    if (x.dims.length !== 2 || (typeof features === 'number' && features !== inFeatures)) {
      throw new RangeError(
        `encodeOnnx: ${path}: Linear takes rows of ${inFeatures} features, and is given [${x.dims.join(', ')}]`,
      );
    }
    const inputs = [x, tensor('weight'), ...(bias ? [tensor('bias')] : [])];
    return graph.node(path, 'Gemm', inputs, [batch, outFeatures], { transB: 1 });
  },

  Embedding: ({ embeddingDim }, x, { graph, path, node, tensor }) =>
    // TensorProto.DataType: 7 is int64.
    graph.node(path, 'Gather', [tensor('weight'), node('Cast', [x], { to: 7 })], [...x.dims, embeddingDim], {
      axis: 0,
    }),

  Standardize: (_, x, { node, tensor }) => node('Div', [node('Sub', [x, tensor('mean')]), tensor('scale')]),

  BatchNorm1d({ numFeatures, eps, momentum, affine, trackRunningStats }, x, { graph, path, node, tensor }) {
    if (!trackRunningStats) {
      throw new RangeError(
        `encodeOnnx: ${path}: BatchNorm1d without running statistics gives each row what depends on the others; ` +
          'ONNX has no operator for that',
      );
    }
    const constant = (name: string, value: number): string =>
      graph.tensor(`${path}.${name}`, {
        shape: [numFeatures],
        values: new Float32Array(numFeatures).fill(value),
      });
    const weight = affine ? tensor('weight') : constant('weight', 1);
    const bias = affine ? tensor('bias') : constant('bias', 0);
    const attributes = {
      epsilon: { float: eps },
      ...(momentum === null ? {} : { momentum: { float: 1 - momentum } }),
    };
    return node(
      'BatchNormalization',
      [x, weight, bias, tensor('runningMean'), tensor('runningVar')],
      attributes,
    );
  },

  LayerNorm({ normalizedShape, eps, elementwiseAffine, bias }, x, place) {
    const { node, tensor } = place;
    const axes = lastAxes(normalizedShape);
    const centred = node('Sub', [x, node('ReduceMean', [x], { axes })]);
    const normal = node('Div', [centred, deviation(centred, axes, eps, place)]);
    const scaled = elementwiseAffine ? node('Mul', [normal, tensor('weight')]) : normal;
    return elementwiseAffine && bias ? node('Add', [scaled, tensor('bias')]) : scaled;
  },

  RMSNorm({ normalizedShape, eps, elementwiseAffine }, x, place) {
    const normal = place.node('Div', [x, deviation(x, lastAxes(normalizedShape), eps, place)]);
    return elementwiseAffine ? place.node('Mul', [normal, place.tensor('weight')]) : normal;
  },

  Flatten(_, x, { graph, path }) {
    const row = x.dims.slice(1);
    const size = row.every((length) => typeof length === 'number')
      ? row.reduce((product, length) => product * length, 1)
      : 'features';
    return graph.node(path, 'Flatten', [x], [x.dims[0], size], { axis: 1 });
  },

  Sequential: ({ layers }, x, place) =>
    layers.reduce((value, layer, i) => write(place, layer, `${i}`, value), x),

  Residual: ({ inner }, x, place) => place.node('Add', [x, write(place, inner, 'inner', x)]),

  Concat({ branches }, x, place) {
    const outputs = branches.map((branch, i) => write(place, branch, `${i}`, x));
    const widths = outputs.map(({ dims }) => dims.at(-1));
    const width = widths.every((length) => typeof length === 'number')
      ? widths.reduce((sum, length) => sum + length, 0)
      : 'columns';
    return place.graph.node(place.path, 'Concat', outputs, [...outputs[0].dims.slice(0, -1), width], {
      axis: -1,
    });
  },
};

/**
 * The model as an ONNX file that takes any number of rows: opset 13 and IR version 7, which every runtime since 2020 reads.
 * Input and output are float32; indices for an embedding are cast to int64. Dropout is left out.
 *
 * @throws RangeError where a layer has no meaning in ONNX, or the file would have 2 GiB
 */
export function writeOnnx(model: StoredModel, options: WriteOnnxOptions = {}): Uint8Array<ArrayBuffer> {
  const { inputShape, probabilities = true } = options;
  if (inputShape !== undefined && !isShape(inputShape)) {
    throw new RangeError(
      `encodeOnnx: expected inputShape as a list of positive integers, such as [3, 28], got ${show(inputShape)}`,
    );
  }
  const told = inputShape ?? rowOf(model.architecture);
  const row: readonly Dim[] = isShape(told) ? told : ['columns'];
  const input = { name: nameOf(options, 'input'), dims: ['batch', ...row] };
  const graph = new GraphWriter(input, nameOf(options, 'output'));
  const tensors = (name: string): StoredTensor => {
    const tensor = model.state.get(name);
    if (!tensor) throw new RangeError(`encodeOnnx: the model has no ${name}`);
    return tensor;
  };
  let output = write({ graph, path: '', tensors }, model.architecture, '', input);
  if (probabilities && model.output !== 'raw') {
    output =
      model.output === 'softmax'
        ? graph.node('', 'Softmax', [output], output.dims, { axis: -1 })
        : graph.node('', 'Sigmoid', [output], output.dims);
  }
  return graph.finish(output, model.metadata);
}

function isShape(shape: unknown): shape is number[] {
  return Array.isArray(shape) && shape.every((length) => Number.isSafeInteger(length) && Number(length) > 0);
}

/** What the input or the output is to be called. An empty name means in ONNX that there is nothing. */
function nameOf(options: WriteOnnxOptions, end: 'input' | 'output'): string {
  const name: unknown = options[`${end}Name`] ?? end;
  if (typeof name !== 'string') {
    throw new TypeError(`encodeOnnx: expected ${end}Name to be a text, got ${show(name)}`);
  }
  return name || end;
}

function write(
  { graph, path, tensors }: Pick<Place, 'graph' | 'path' | 'tensors'>,
  layer: LayerDescription,
  name: string,
  x: Output,
): Output {
  const here = path === '' ? name : `${path}.${name}`;
  const place: Place = {
    graph,
    path: here,
    tensors,
    node: (op, inputs, attributes) => graph.node(here, op, inputs, x.dims, attributes),
    tensor(key, shape) {
      const own = here === '' ? key : `${here}.${key}`;
      return graph.tensor(toPyTorch(own), tensors(own), shape);
    },
    scalar: (key, value) => graph.scalar(`/${here.replaceAll('.', '/')}/${key}`, value),
  };
  return (LAYERS[layer.type] as Writer<LayerType>)(layer as never, x, place);
}

/** √(mean(x²) + eps) of the last dimensions. */
function deviation(x: Output, axes: readonly number[], eps: number, { node, scalar }: Place): Output {
  const square = node('ReduceMean', [node('Mul', [x, x])], { axes });
  return node('Sqrt', [node('Add', [square, scalar('eps', eps)])]);
}

function lastAxes(shape: readonly number[]): number[] {
  return shape.map((_, i) => i - shape.length);
}

/** How many features there are behind some layers, of a row of as many as are not known yet: times · row + more. */
interface Width {
  readonly times: number;
  readonly more: number;
  /** Each column of the row is several numbers, side by side in a dimension of their own. */
  readonly apart?: boolean;
}

/** Shape of a row, told by the first layer with a say in it; until there is one, the width behind the layer. */
function rowOf(layer: LayerDescription, width: Width = { times: 1, more: 0 }): readonly Dim[] | Width {
  const { times, more, apart } = width;
  const row = (features: number): readonly Dim[] | Width => (apart ? width : [(features - more) / times]);
  if (layer.type === 'Linear') return row(layer.inFeatures);
  if (layer.type === 'BatchNorm1d' || layer.type === 'Standardize') return row(layer.numFeatures);
  if (layer.type === 'PReLU' && layer.numParameters > 1) return row(layer.numParameters);
  if (layer.type === 'LayerNorm' || layer.type === 'RMSNorm') {
    const { normalizedShape } = layer;
    return normalizedShape.length > 1 && !apart ? normalizedShape : row(normalizedShape[0]);
  }
  if (layer.type === 'Embedding') {
    return { times: times * layer.embeddingDim, more: more * layer.embeddingDim, apart: true };
  }
  if (layer.type === 'Flatten') return { times, more };
  if (layer.type === 'Residual') return rowOf(layer.inner, width);
  if (layer.type === 'Sequential') {
    let now = width;
    for (const child of layer.layers) {
      const found = rowOf(child, now);
      if (!('times' in found)) return found;
      now = found;
    }
    return now;
  }
  if (layer.type !== 'Concat') return width;
  const joined = { times: 0, more: 0, apart };
  for (const branch of layer.branches) {
    const found = rowOf(branch, width);
    if (!('times' in found)) return found;
    joined.times += found.times;
    joined.more += found.more;
  }
  return joined;
}
