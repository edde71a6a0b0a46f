export { Adadelta, type AdadeltaOptions } from './adadelta.js';
export { Adagrad, type AdagradOptions } from './adagrad.js';
export { Adam, AdamW, type AdamOptions } from './adam.js';
export { clipGradNorm, clipGradValue, type ClipGradNormOptions } from './clip.js';
export { EMA, type EMAOptions, type EMAState } from './ema.js';
export type { Group, GroupOptions, ParameterGroup } from './group.js';
export { Lion, type LionOptions } from './lion.js';
export { NAdam, type NAdamOptions } from './nadam.js';
export { Optimizer, type Parameters } from './optimizer.js';
export { RMSprop, type RMSpropOptions } from './rmsprop.js';
export type { OptimizerState, SavedParameter } from './saved.js';
export {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingLROptions,
  type CosineAnnealingWarmRestartsOptions,
} from './schedules/cosine.js';
export { OneCycleLR, type OneCycleLROptions } from './schedules/oneCycle.js';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './schedules/plateau.js';
export { Scheduler, type SchedulerState } from './schedules/scheduler.js';
export { SequentialLR, type SequentialLROptions } from './schedules/sequential.js';
export {
  ExponentialLR,
  LambdaLR,
  LinearLR,
  MultiStepLR,
  StepLR,
  type ExponentialLROptions,
  type LambdaLROptions,
  type LinearLROptions,
  type MultiStepLROptions,
  type StepLROptions,
} from './schedules/steps.js';
export { SGD, type SGDOptions } from './sgd.js';
