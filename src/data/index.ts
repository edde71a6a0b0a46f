export { DataLoader, type DataLoaderOptions, type LoaderState } from './dataLoader.js';
export { TensorDataset, trainTestSplit, type Rows, type SplitOptions } from './dataset.js';
export { readIdx, type IdxArray } from './idx.js';
export { KFold, StratifiedKFold, type Fold, type KFoldOptions } from './kFold.js';
export type { Labels } from './labels.js';
export {
  balancedWeights,
  WeightedRandomSampler,
  type Sampler,
  type WeightedRandomSamplerOptions,
} from './sampler.js';
export { Stream, type StreamItem, type StreamOptions, type StreamSource } from './stream.js';
