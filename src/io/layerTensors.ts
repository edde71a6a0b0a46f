import { childrenOf, type DescriptionOf, type LayerType } from './layers.js';
import type { LayerDescription } from './storedModel.js';

type Shapes = Record<string, readonly number[] | undefined>;

/** Shapes of the parameters and buffers of the layers that have some; undefined where one is absent. */
const TENSORS: { readonly [T in LayerType]?: (layer: DescriptionOf<T>) => Shapes } = {
  Linear: ({ inFeatures, outFeatures, bias }) => ({
    weight: [outFeatures, inFeatures],
    bias: bias ? [outFeatures] : undefined,
  }),
  BatchNorm1d: ({ numFeatures, affine, trackRunningStats }) => ({
    weight: affine ? [numFeatures] : undefined,
    bias: affine ? [numFeatures] : undefined,
    runningMean: trackRunningStats ? [numFeatures] : undefined,
    runningVar: trackRunningStats ? [numFeatures] : undefined,
    numBatchesTracked: trackRunningStats ? [] : undefined,
  }),
  LayerNorm: ({ normalizedShape, elementwiseAffine, bias }) => ({
    weight: elementwiseAffine ? normalizedShape : undefined,
    bias: elementwiseAffine && bias ? normalizedShape : undefined,
  }),
  RMSNorm: ({ normalizedShape, elementwiseAffine }) => ({
    weight: elementwiseAffine ? normalizedShape : undefined,
  }),
  Embedding: ({ numEmbeddings, embeddingDim }) => ({ weight: [numEmbeddings, embeddingDim] }),
  Standardize: ({ numFeatures }) => ({ mean: [numFeatures], scale: [numFeatures] }),
  PReLU: ({ numParameters }) => ({ weight: [numParameters] }),
};

/** Every parameter and buffer of a checked description, with its shape. */
export function* stateOf(
  layer: LayerDescription,
  prefix = '',
): Generator<readonly [name: string, shape: readonly number[]]> {
  const own = (TENSORS[layer.type] as ((layer: LayerDescription) => Shapes) | undefined)?.(layer) ?? {};
  for (const [name, shape] of Object.entries(own)) if (shape) yield [prefix + name, shape];
  for (const [name, child] of childrenOf(layer)) yield* stateOf(child, `${prefix}${name}.`);
}
