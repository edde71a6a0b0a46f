/// <reference lib="esnext.disposable" preserve="true" />
export type { BuildName } from './core/builds.js';
export { configure, runtimeInfo, type ConfigureOptions, type RuntimeInfo } from './core/engine.js';
export { getRandomState, manualSeed, setRandomState, type RandomState } from './core/random.js';
export { setWarningHandler, type WarningHandler } from './core/warn.js';
export * as data from './data/index.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export type { Shape } from './tensor/layout.js';
export { AnomalyError, detectAnomaly } from './tensor/anomaly.js';
export { capture } from './tensor/capture.js';
export type { CaptureOptions } from './tensor/captured.js';
export { defineOp, type BackwardContext, type ForwardResult, type OpDefinition } from './tensor/defineOp.js';
export {
  gradcheck,
  GradcheckError,
  type GradcheckElement,
  type GradcheckOptions,
  type GradcheckReport,
} from './tensor/gradcheck.js';
export { noGrad } from './tensor/noGrad.js';
export { concat, tensor, Tensor, type TensorOptions } from './tensor/tensor.js';
export { type NestedArray, type NumericArray, type TensorLike } from './tensor/numbers.js';
export * as metrics from './train/metrics/index.js';
export { evaluate, type EvaluateOptions, type Evaluation } from './train/evaluate.js';
export type { TrainingData } from './train/batchesOf.js';
export type { Callback, Training } from './train/callbacks/callback.js';
export * as callbacks from './train/callbacks/index.js';
export { crossValidate, type CrossValidateOptions, type CrossValidation } from './train/crossValidate.js';
export { deadUnits, type DeadUnits } from './train/deadUnits.js';
export { DivergenceError } from './train/divergenceError.js';
export { fit, type FitOptions } from './train/fit.js';
export type { BatchReport, EpochReport, EpochState, FitState, History } from './train/history.js';
export { layerStatistics, type LayerStatistics } from './train/layerStatistics.js';
export { lrRangeTest, type LrRange, type LrRangeOptions } from './train/lrRangeTest.js';
export type { MetricLike } from './train/metrics/byName.js';
export type { Schedule, ScheduleOption } from './train/schedule.js';
export type { Statistics } from './train/summary.js';
export type { Optimizer, StepOptions } from './train/trainingStep.js';
