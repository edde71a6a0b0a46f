export { BCELoss, BCEWithLogitsLoss, type BCEWithLogitsLossOptions } from '../losses/binaryCrossEntropy.js';
export {
  CrossEntropyLoss,
  NLLLoss,
  type CrossEntropyLossOptions,
  type NLLLossOptions,
} from '../losses/crossEntropy.js';
export {
  CosineEmbeddingLoss,
  TripletMarginLoss,
  type CosineEmbeddingLossOptions,
  type TripletMarginLossOptions,
} from '../losses/distance.js';
export { HingeEmbeddingLoss, HingeLoss, type MarginOptions } from '../losses/hinge.js';
export { KLDivLoss, type KLDivLossOptions } from '../losses/klDiv.js';
export {
  HuberLoss,
  L1Loss,
  SmoothL1Loss,
  type HuberLossOptions,
  type SmoothL1LossOptions,
} from '../losses/l1.js';
export type { Loss, LossCall, LossFunction, LossOptions, LossReduction, LossWeight } from '../losses/loss.js';
export { MSELoss } from '../losses/mse.js';
export {
  ELU,
  GELU,
  Hardtanh,
  LeakyReLU,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activations.js';
export { AlphaDropout, Dropout } from './dropout.js';
export { Embedding, type EmbeddingOptions } from './embedding.js';
export { Flatten } from './flatten.js';
export * as init from './initialisers.js';
export { Linear, type LinearOptions } from './linear.js';
export {
  Buffer,
  Module,
  Parameter,
  type LoadOptions,
  type LoadResult,
  type OutputKind,
  type SavedTensor,
  type StateDict,
} from './module.js';
export {
  BatchNorm1d,
  LayerNorm,
  RMSNorm,
  type BatchNorm1dOptions,
  type LayerNormOptions,
  type RMSNormOptions,
} from './norm.js';
export { Sequential } from './sequential.js';
export { Standardize, type RowSet, type StandardizeOptions } from './standardize.js';
export { Concat, Identity, Residual } from './structure.js';
export { Summary, summary, type LayerSummary } from './summary.js';
