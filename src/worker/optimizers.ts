import type { Module } from '../nn/module.js';
import { Adadelta } from '../optim/adadelta.js';
import { Adagrad } from '../optim/adagrad.js';
import { Adam, AdamW } from '../optim/adam.js';
import { EMA, type EMAState } from '../optim/ema.js';
import { Lion } from '../optim/lion.js';
import { NAdam } from '../optim/nadam.js';
import type { Optimizer } from '../optim/optimizer.js';
import { RMSprop } from '../optim/rmsprop.js';
import type { OptimizerState } from '../optim/saved.js';
import { SGD } from '../optim/sgd.js';
import type { Tensor } from '../tensor/tensor.js';
import { className } from './table.js';

const OPTIMIZERS: Readonly<Record<string, unknown>> = {
  Adadelta,
  Adagrad,
  Adam,
  AdamW,
  Lion,
  NAdam,
  RMSprop,
  SGD,
};

/** An optimizer with what it remembers; parameters by their names in the model. */
export interface DescribedOptimizer {
  readonly type: string;
  readonly groups: readonly ({ readonly params: readonly string[] } & Readonly<Record<string, unknown>>)[];
  readonly state: OptimizerState;
}

/** @throws TypeError where it is none of optim, RangeError where it moves what is no parameter of the model */
export function describeOptimizer(optimizer: Optimizer, model: Module): DescribedOptimizer {
  const type = Object.keys(OPTIMIZERS).find((name) => OPTIMIZERS[name] === optimizer.constructor);
  if (type === undefined) throw new TypeError(className(optimizer));
  const groups = optimizer.paramGroups.map(({ params, ...options }) => ({
    ...(options as object),
    params: namesOf(params, model, 'the optimizer'),
  }));
  return { type, groups, state: optimizer.stateDict() };
}

export function buildOptimizer({ type, groups }: DescribedOptimizer, model: Module): Optimizer {
  const make = OPTIMIZERS[type] as new (groups: unknown, options: unknown) => Optimizer;
  const made = groups.map(({ params, ...options }) => ({ ...options, params: parametersOf(params, model) }));
  // Some options have no default.
  return new make(made, { lr: made[0]?.['lr' as never] });
}

export interface DescribedEMA {
  readonly params: readonly string[];
  readonly state: EMAState;
}

/** @throws TypeError where it is no optim.EMA */
export function describeEMA(ema: object, model: Module): DescribedEMA {
  if (!(ema instanceof EMA)) throw new TypeError(className(ema));
  return { params: namesOf(ema.parameters, model, 'ema'), state: ema.stateDict() };
}

export function buildEMA({ params, state }: DescribedEMA, model: Module): EMA {
  const ema = new EMA(parametersOf(params, model), { decay: state.decay });
  ema.loadStateDict(state);
  return ema;
}

function namesOf(parameters: readonly Tensor[], model: Module, who: string): string[] {
  const names = new Map<Tensor, string>(model.namedParameters().map(([name, one]) => [one, name]));
  return parameters.map((parameter) => {
    const name = names.get(parameter);
    if (name === undefined) {
      throw new RangeError(`trainInWorker: ${who} has a tensor that is no parameter of the model`);
    }
    return name;
  });
}

function parametersOf(names: readonly string[], model: Module): Tensor[] {
  const all = new Map<string, Tensor>(model.namedParameters());
  return names.map((name) => all.get(name)!);
}
