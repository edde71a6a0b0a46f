import { shown } from '../core/shown.js';
import { checkCounts, checkNumber, refuse } from '../core/checks.js';
import { checkOptions } from '../core/options.js';
import { warn } from '../core/warn.js';
import { Module, modulesOf } from '../nn/module.js';
import type { Tensor } from '../tensor/tensor.js';
import type { FitOptions } from './fit.js';
import { steppedBy, type Schedule } from './schedule.js';
import type { Optimizer, StepOptions } from './trainingStep.js';

/** Names of {@link StepOptions}. */
export const STEP_OPTIONS = [
  'loss',
  'optimizer',
  'keepGradients?',
  'clipGradNorm',
  'clipGradValue',
  'accumulate',
  'ema',
  'anomaly?',
];

/**
 * Throws where a class is given and an object of it is wanted.
 *
 * @param name how the error begins
 */
export function refuseClass(name: string, what: string, value: unknown): void {
  if (typeof value !== 'function') return;
  // Of a class the prototype cannot be replaced; functions have another one, or none.
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false) return;
  throw new TypeError(
    `${name}: expected ${what} to be an object, got the class ${value.name}; make one with new`,
  );
}

/** Throws if this is no model. */
export function checkModel(name: string, model: unknown): void {
  refuseClass(name, 'model', model);
  if (!(model instanceof Module)) {
    throw new TypeError(`${name}: expected a model that extends nn.Module, got ${shown(model)}`);
  }
}

/** Throws if this is neither absent nor an AbortSignal. */
export function checkSignal(name: string, signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function')
    refuse(name, 'signal', 'an AbortSignal', signal);
}

/** Throws if this is no batch. */
export function checkBatch(name: string, batch: unknown): void {
  if (!Array.isArray(batch) || batch.length !== 2)
    throw new TypeError(`${name}: expected a batch [inputs, targets], got ${shown(batch)}`);
}

/** Throws where an optimizer or an average holds other parameters than those of the model, warns where it holds old ones. */
function checkParameters(name: string, model: Module, what: string, holder: unknown): void {
  const { parameters } = Object(holder) as { parameters?: Iterable<Tensor> };
  if (typeof parameters?.[Symbol.iterator] !== 'function') return;
  const held = new Set(parameters);
  const own = model.namedParameters();
  const ours = own.filter(([, parameter]) => held.has(parameter));
  if (own.length === 0 || ours.length === held.size) return;
  if (ours.length === 0) {
    throw new RangeError(
      `${name}: ${what} holds none of the model's parameters; make it of model.parameters()`,
    );
  }
  const missing = own.filter(([, parameter]) => parameter.requiresGrad && !held.has(parameter));
  if (missing.length === 0) return;
  const [path] = missing[0];
  warn(
    `${name}: ${what} holds ${held.size - ours.length} parameters that are not the model's, and not its '${path}'; ` +
      `were layers replaced after ${what} was made?`,
  );
}

export function checkStep(name: string, model: Module, options: StepOptions): void {
  const { loss, optimizer, accumulate = 1, ema } = options;
  for (const [what, value] of Object.entries({ loss, optimizer, ema })) refuseClass(name, what, value);
  checkModel(name, model);
  // Names of fields are checked on the way.
  modulesOf(model);
  if (typeof loss !== 'function' && typeof loss?.forward !== 'function')
    throw new TypeError(`${name}: expected a loss, such as new nn.MSELoss()`);
  if (typeof optimizer?.step !== 'function' || typeof optimizer.zeroGrad !== 'function') {
    throw new TypeError(
      `${name}: expected an optimizer, such as new optim.SGD(model.parameters(), { lr: 0.01 })`,
    );
  }
  checkCounts(name, { accumulate });
  for (const option of ['clipGradNorm', 'clipGradValue'] as const) {
    const value = options[option];
    if (value !== undefined) checkNumber(name, option, value, { least: 0, most: Infinity });
  }
  if (ema !== undefined && typeof ema?.update !== 'function') {
    throw new TypeError(`${name}: expected ema to be an optim.EMA, got ${shown(ema)}`);
  }
  checkParameters(name, model, 'the optimizer', optimizer);
  checkParameters(name, model, 'ema', ema);
}

const OPTIONS = [
  'data',
  ...STEP_OPTIONS,
  'epochs',
  'validation',
  'metrics',
  'callbacks',
  'onBatch',
  'onEpoch',
  'resume',
  'budgetMs',
  'signal',
  'schedule',
  'progress?',
];

/** Throws where fit() could not begin. */
export function checkFit(model: Module, options: FitOptions): void {
  checkOptions('fit', options, OPTIONS);
  checkSignal('fit', options.signal);
  for (const name of ['onBatch', 'onEpoch'] as const) {
    const called = options[name];
    if (called !== undefined && typeof called !== 'function') refuse('fit', name, 'a function', called);
  }
  checkTraining('fit', model, options);
}

/** What {@link checkTraining} looks at: data may be anything that becomes data later. */
export interface TrainingOptions extends Omit<FitOptions, 'data' | 'validation'> {
  data: unknown;
  validation?: unknown;
}

/**
 * Throws where a model cannot be trained with these options of fit().
 *
 * @param name how the error begins
 */
export function checkTraining(name: string, model: Module, options: TrainingOptions): void {
  const { epochs, callbacks = [], data, validation, schedule } = options;
  const { scheduler, every } = schedule === undefined ? { every: 'epoch' } : steppedBy(schedule);
  for (const [what, value] of Object.entries({ data, validation, scheduler })) refuseClass(name, what, value);
  if (!Array.isArray(callbacks)) throw new TypeError(`${name}: expected callbacks to be an array`);
  callbacks.forEach((callback, i) => refuseClass(name, `callback ${i}`, callback));
  checkStep(name, model, options);
  checkNumber(name, 'epochs', epochs, { least: 0, whole: true });
  if (options.metrics && !validation) {
    throw new RangeError(`${name}: metrics are figures of the validation; give that, too`);
  }
  const { budgetMs } = options;
  if (budgetMs !== undefined) checkNumber(name, 'budgetMs', budgetMs, { least: 0, most: Infinity });
  if (schedule !== undefined) checkSchedule(name, model, scheduler, options.optimizer);
  if (every !== 'epoch' && every !== 'batch') {
    throw new RangeError(`${name}: expected every to be 'epoch' or 'batch', got ${shown(every)}`);
  }
}

/** Throws where it is no schedule, or one of an optimizer that does not train. */
function checkSchedule(
  name: string,
  model: Module,
  scheduler: Schedule | undefined,
  optimizer: Optimizer,
): void {
  if (typeof scheduler?.step !== 'function') {
    throw new TypeError(
      `${name}: expected schedule to be one of optim, such as new optim.StepLR(optimizer, { stepSize: 10 })`,
    );
  }
  // One of the caller's own may know of no optimizer, or of one that the caller's optimizer steps.
  const { optimizer: stepped } = scheduler as { optimizer?: unknown };
  checkParameters(name, model, "the schedule's optimizer", stepped);
  const [own, given] = [stepped, optimizer].map(
    (one) => (Object(one) as { paramGroups?: unknown }).paramGroups,
  );
  if (own && given && own !== given) {
    throw new RangeError(
      `${name}: the schedule is one of another optimizer; make it of the one that is given`,
    );
  }
}
