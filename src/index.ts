/// <reference lib="esnext.disposable" preserve="true" />
export type { BuildName } from './core/builds.js';
export { configure, runtimeInfo, type ConfigureOptions, type RuntimeInfo } from './core/engine.js';
export { manualSeed } from './core/random.js';
export * as data from './data/index.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export type { Shape } from './tensor/layout.js';
export { capture, type CaptureOptions } from './tensor/capture.js';
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
export { DivergenceError, fit, type FitOptions } from './train/fit.js';
export type { BatchReport, EpochReport, History } from './train/history.js';
export { lrRangeTest, type LrRange, type LrRangeOptions } from './train/lrRangeTest.js';
export type { Schedule, ScheduleOption } from './train/schedule.js';
export type { Optimizer, StepOptions } from './train/trainingStep.js';
