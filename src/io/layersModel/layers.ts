import { show } from '../shown.js';
import type { LayerDescription, StoredLayer, StoredTensor } from '../storedModel.js';
import { isRecord, Options, type KerasLayer } from './json.js';
import type { Weights } from './weights.js';

/** Reads layers one after the other. */
export class LayerReader {
  /** Dimensions of what the next layer is given, the batch among them; undefined: not known. */
  private rank: number | undefined;

  constructor(private readonly weights: Weights) {}

  read(layer: KerasLayer): StoredLayer[] {
    const shape = layer.config.batch_input_shape ?? layer.config.batch_shape;
    if (Array.isArray(shape) && this.rank === undefined) this.rank = shape.length;
    const options = new Options(layer);
    const made = this.layer(layer, options);
    const { activation } = layer.config;
    if (layer.type !== 'Dense' || activation === undefined || activation === null) return made;
    return made.concat(activationOf(activation, options));
  }

  private layer({ type, name, config }: KerasLayer, options: Options): StoredLayer[] {
    switch (type) {
      case 'InputLayer':
        return [];
      case 'Dense':
        return [this.dense(name, options)];
      case 'BatchNormalization':
        return [this.batchNorm(name, options)];
      case 'LayerNormalization':
        return [this.layerNorm(name, options)];
      case 'Embedding': {
        const weight = this.weights.take(name, 'embeddings');
        const [numEmbeddings, embeddingDim] = weight.shape;
        if (this.rank !== undefined) this.rank++;
        return [
          {
            layer: { type, numEmbeddings, embeddingDim, paddingIdx: null },
            tensors: { weight },
          },
        ];
      }
      case 'Flatten':
        this.rank = 2;
        return [{ layer: { type } }];
      case 'Activation':
        return activationOf(config.activation, options);
      case 'Dropout':
      case 'AlphaDropout':
        return [{ layer: { type, p: options.number('rate', 0.5) } }];
      case 'ReLU':
        return [{ layer: relu(options) }];
      case 'LeakyReLU':
        return [
          { layer: { type, negativeSlope: options.number('negative_slope', options.number('alpha', 0.3)) } },
        ];
      case 'ELU':
        return [{ layer: { type, alpha: options.number('alpha', 1) } }];
      case 'Softmax':
        options.lastAxis(this.rank);
        return [{ layer: { type, dim: -1 } }];
      case 'PReLU': {
        const weight = this.weights.take(name, 'alpha');
        if (weight.shape.length !== 1)
          options.fail(`expected one slope for each feature, got [${weight.shape.join(', ')}]`);
        return [{ layer: { type, numParameters: weight.shape[0] }, tensors: { weight } }];
      }
      default:
        return options.fail('there is no layer for it here');
    }
  }

  /** The kernel is [in, out]. */
  private dense(name: string, options: Options): StoredLayer {
    this.expectRows(options);
    const { shape, values } = this.weights.take(name, 'kernel');
    if (shape.length !== 2) options.fail(`expected a kernel of two dimensions, got [${shape.join(', ')}]`);
    const [inFeatures, outFeatures] = shape;
    const turned = new Float32Array(values.length);
    // As many steps as there are numbers, whatever the shape claims.
    values.forEach((value, at) => {
      turned[(at % outFeatures) * inFeatures + Math.floor(at / outFeatures)] = value;
    });
    const bias = options.flag('use_bias', true);
    const tensors: Record<string, StoredTensor> = {
      weight: { shape: [outFeatures, inFeatures], values: turned },
    };
    if (bias) tensors.bias = this.weights.take(name, 'bias');
    return { layer: { type: 'Linear', inFeatures, outFeatures, bias }, tensors };
  }

  private batchNorm(name: string, options: Options): StoredLayer {
    this.expectRows(options);
    options.lastAxis(this.rank);
    const runningMean = this.weights.take(name, 'moving_mean');
    const [numFeatures] = runningMean.shape;
    const affine = options.flag('scale', true) || options.flag('center', true);
    return {
      layer: {
        type: 'BatchNorm1d',
        numFeatures,
        eps: options.number('epsilon', 0.001),
        // Keras counts what is kept of the old statistics, PyTorch what comes from the new ones.
        momentum: Number((1 - options.number('momentum', 0.99)).toPrecision(7)),
        affine,
        trackRunningStats: true,
      },
      tensors: {
        ...(affine ? this.affine(name, numFeatures, options) : {}),
        runningMean,
        runningVar: this.weights.take(name, 'moving_variance'),
        numBatchesTracked: { shape: [], values: new Float32Array(1) },
      },
    };
  }

  private layerNorm(name: string, options: Options): StoredLayer {
    options.lastAxis(this.rank);
    const [scale, bias] = [options.flag('scale', true), options.flag('center', true)];
    if (!scale && !bias) options.fail('without scale and center its number of features is not in the file');
    const [numFeatures] = this.weights.take(name, scale ? 'gamma' : 'beta').shape;
    const tensors = this.affine(name, numFeatures, options);
    const eps = options.number('epsilon', 0.001);
    return {
      layer: { type: 'LayerNorm', normalizedShape: [numFeatures], eps, elementwiseAffine: true, bias },
      tensors: bias ? tensors : { weight: tensors.weight },
    };
  }

  /** Scale and shift; where only one of them is there, the other changes nothing. */
  private affine(name: string, length: number, options: Options): Record<'weight' | 'bias', StoredTensor> {
    const shape = [length];
    return {
      weight: options.flag('scale', true)
        ? this.weights.take(name, 'gamma')
        : { shape, values: new Float32Array(length).fill(1) },
      bias: options.flag('center', true)
        ? this.weights.take(name, 'beta')
        : { shape, values: new Float32Array(length) },
    };
  }

  private expectRows(options: Options): void {
    if (this.rank !== undefined && this.rank !== 2) {
      options.fail(
        `expected rows of one dimension, got ${this.rank - 1}; only after Flatten can this be read`,
      );
    }
  }
}

/** https://keras.io/api/layers/activations/ */
const ACTIVATIONS: Readonly<Record<string, LayerDescription | null>> = {
  linear: null,
  relu: { type: 'ReLU' },
  relu6: { type: 'Hardtanh', min: 0, max: 6 },
  elu: { type: 'ELU', alpha: 1 },
  selu: { type: 'SELU' },
  gelu: { type: 'GELU' },
  silu: { type: 'SiLU' },
  swish: { type: 'SiLU' },
  mish: { type: 'Mish' },
  sigmoid: { type: 'Sigmoid' },
  tanh: { type: 'Tanh' },
  softplus: { type: 'Softplus', beta: 1, threshold: 20 },
  softmax: { type: 'Softmax', dim: -1 },
  log_softmax: { type: 'LogSoftmax', dim: -1 },
  // In TensorFlow.js.
  logSoftmax: { type: 'LogSoftmax', dim: -1 },
};

function activationOf(given: unknown, options: Options): StoredLayer[] {
  const name = isRecord(given) ? given.class_name : given;
  if (typeof name !== 'string' || !Object.hasOwn(ACTIVATIONS, name)) {
    options.fail(`there is no layer for the activation ${show(name)}`);
  }
  const layer = ACTIVATIONS[name];
  return layer ? [{ layer }] : [];
}

function relu(options: Options): LayerDescription {
  const [max, slope] = [options.number('max_value', Infinity), options.number('negative_slope', 0)];
  if (options.number('threshold', 0) !== 0) options.fail('a threshold cannot be read');
  if (max !== Infinity && slope !== 0) options.fail('max_value and negative_slope together cannot be read');
  if (max !== Infinity) return { type: 'Hardtanh', min: 0, max };
  return slope === 0 ? { type: 'ReLU' } : { type: 'LeakyReLU', negativeSlope: slope };
}
