/// <reference lib="esnext.disposable" preserve="true" />
export type { BuildName } from './core/builds.js';
export { configure, runtimeInfo, type ConfigureOptions, type RuntimeInfo } from './core/engine.js';
export { manualSeed } from './core/random.js';
export * as data from './data/index.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export type { Shape } from './tensor/layout.js';
export { AnomalyError, detectAnomaly } from './tensor/anomaly.js';
export { capture, type CaptureOptions } from './tensor/capture.js';
export {
  defineOp,
  type BackwardContext,
  type ForwardResult,
  type OpDefinition,
} from './tensor/defineOp.js';
export {
  gradcheck,
  GradcheckError,
  type GradcheckElement,
  type GradcheckOptions,
  type GradcheckReport,
} from './tensor/gradcheck.js';
export { noGrad } from './tensor/noGrad.js';
export {
  concat,
  tensor,
  Tensor,
  type NestedArray,
  type NumericArray,
  type TensorLike,
  type TensorOptions,
} from './tensor/tensor.js';
export { evaluate, type EvaluateOptions, type Evaluation } from './train/evaluate.js';
export { DivergenceError, fit, type FitOptions, type Optimizer } from './train/fit.js';
export type { BatchReport, EpochReport, History } from './train/history.js';
