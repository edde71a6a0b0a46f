import type { DataLoader } from '../data/dataLoader.js';
import { build, describe } from '../io/architecture.js';
import type { StoredModel } from '../io/storedModel.js';
import { toLoss, type Loss } from '../losses/loss.js';
import { modulesOf, type Module } from '../nn/module.js';
import { Optimizer } from '../optim/optimizer.js';
import { checkTraining } from '../train/checks.js';
import type { FitOptions } from '../train/fit.js';
import { metricsOf } from '../train/metrics/byName.js';
import { checkResume } from '../train/resume.js';
import { steppedBy } from '../train/schedule.js';
import { clone } from './clone.js';
import { buildCallback, describeCallback, type DescribedCallback } from './callbacks.js';
import { batchesIn, buildData, describeData, type DescribedData, type WorkerData } from './data.js';
import { LOSSES } from './losses.js';
import {
  buildEMA,
  buildOptimizer,
  describeEMA,
  describeOptimizer,
  type DescribedEMA,
  type DescribedOptimizer,
} from './optimizers.js';
import { buildSchedule, describeSchedule, type DescribedSchedule } from './schedules.js';
import { className, type Described } from './table.js';

/** Options of fit() that are plain data and go as they are. */
const PLAIN = [
  'epochs',
  'keepGradients',
  'clipGradNorm',
  'clipGradValue',
  'accumulate',
  'anomaly',
  'metrics',
  'resume',
  'budgetMs',
] as const;

/** What fit() takes, as far as it can be described. */
export interface WorkerFitOptions extends Pick<FitOptions, (typeof PLAIN)[number]> {
  /** A loader, whose rows are copied, or rows: the buffers of typed arrays are transferred, see `copy`. */
  data: DataLoader | WorkerData;
  validation?: DataLoader | WorkerData;
  /** A loss of the library. */
  loss: Loss;
  /** An optimizer of the library, of parameters of the model. */
  optimizer: Optimizer;
  ema?: FitOptions['ema'];
  /** A schedule of the library without functions. */
  schedule?: FitOptions['schedule'];
  /** EarlyStopping and LRLogger. */
  callbacks?: FitOptions['callbacks'];
  /** Metrics by name. */
  metrics?: readonly string[];
}

/** A training on its way to a worker. */
export interface DescribedTraining {
  readonly model: StoredModel;
  readonly frozen: readonly string[];
  /** Places, among all modules, of those in evaluation mode. */
  readonly evaluating: readonly number[];
  readonly loss: Described;
  readonly optimizer: DescribedOptimizer;
  readonly data: DescribedData;
  readonly validation?: DescribedData;
  readonly ema?: DescribedEMA;
  readonly schedule?: { readonly made: DescribedSchedule; readonly every: 'epoch' | 'batch' };
  readonly callbacks: readonly DescribedCallback[];
  readonly plain: Pick<FitOptions, (typeof PLAIN)[number]>;
}

/** Model and options of fit(), in the worker. */
export interface Training {
  model: Module;
  options: FitOptions;
}

const ELSE = 'make it in the worker: see setup in the documentation of trainInWorker()';

/** Runs `work`; where it throws a TypeError with the name of a class, says what cannot go to a worker. */
function crossing<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(`trainInWorker: ${what} is ${error.message}, which cannot go to a worker; ${ELSE}`, {
      cause: error,
    });
  }
}

/**
 * Nothing of the caller's is taken away yet.
 *
 * @throws TypeError where something is code of the caller's, which cannot go to a worker; what fit() would throw at once
 */
export function describeTraining(model: Module, options: WorkerFitOptions, copy: boolean): DescribedTraining {
  const { loss, optimizer, ema, schedule, callbacks = [], metrics = [] } = options;
  for (const [name, value] of Object.entries({ loss, optimizer })) {
    // A loss may be a function, which is refused with a better reason.
    if (value === null || !['object', 'function'].includes(typeof value)) {
      throw new TypeError(
        `trainInWorker: expected ${name} to be one of the library, got ${className(value)}`,
      );
    }
  }
  for (const [name, value] of Object.entries({ callbacks, metrics })) {
    if (!Array.isArray(value)) {
      throw new TypeError(`trainInWorker: expected ${name} to be an array, got ${className(value)}`);
    }
  }
  let stored: StoredModel;
  try {
    stored = describe(model);
  } catch (cause) {
    throw new TypeError(
      `trainInWorker: the model cannot go to a worker (${(cause as Error).message.replace(/;.*/s, '')}); ${ELSE}`,
      { cause },
    );
  }
  const frozen = model.namedParameters().filter(([, { requiresGrad }]) => !requiresGrad);
  const described = LOSSES.describe(toLoss(loss));
  if (!described || typeof loss === 'function') {
    throw new TypeError(
      `trainInWorker: the loss is ${className(loss)}, which cannot go to a worker; ${ELSE}`,
    );
  }
  const own = metrics.find((metric) => typeof metric !== 'string');
  if (own !== undefined) {
    throw new TypeError(
      `trainInWorker: expected metrics by name, got ${className(own)}; name it, or ${ELSE}`,
    );
  }
  if (ema !== undefined && (typeof ema !== 'object' || ema === null)) {
    throw new TypeError(`trainInWorker: expected ema to be an optim.EMA, got ${className(ema)}`);
  }
  if (schedule !== undefined && (typeof schedule !== 'object' || schedule === null)) {
    throw new TypeError('trainInWorker: expected schedule to be one of optim');
  }
  const stepped = schedule && steppedBy(schedule);
  const training: DescribedTraining = {
    model: stored,
    frozen: frozen.map(([name]) => name),
    evaluating: modulesOf(model).flatMap(({ training }, i) => (training ? [] : [i])),
    loss: described,
    optimizer: crossing('the optimizer', () => describeOptimizer(optimizer, model)),
    ...(ema && { ema: crossing('ema', () => describeEMA(ema, model)) }),
    ...(stepped && {
      schedule: {
        made: crossing('the schedule', () => describeSchedule(stepped.scheduler)),
        every: stepped.every,
      },
    }),
    callbacks: callbacks.map((one, i) => crossing(`callback ${i}`, () => describeCallback(one))),
    plain: Object.fromEntries(
      PLAIN.filter((name) => options[name] !== undefined).map((name) => [name, clone(name, options[name])]),
    ) as DescribedTraining['plain'],
    data: describeData('data', options.data, copy),
    ...(options.validation && { validation: describeData('validation', options.validation, copy) }),
  };
  // What cannot go to a worker at all has the better reason.
  const { resume } = options;
  checkTraining('trainInWorker', model, options);
  metricsOf('trainInWorker', metrics);
  if (resume !== undefined) {
    checkResume('trainInWorker', resume, batchesIn(training.data), callbacks.length);
  }
  return training;
}

export function buildTraining(described: DescribedTraining): Training {
  const model = build(described.model, 'trainInWorker', { allowNonFinite: true }).train();
  for (const [name, parameter] of model.namedParameters()) {
    if (described.frozen.includes(name)) parameter.requiresGrad = false;
  }
  const modules = modulesOf(model);
  for (const i of described.evaluating) modules[i].training = false;
  const optimizer = buildOptimizer(described.optimizer, model);
  const { schedule, ema, validation } = described;
  const scheduler = schedule && buildSchedule(schedule.made, optimizer);
  // After the schedule, which sets learning rates when it is made.
  optimizer.loadStateDict(described.optimizer.state);
  const options: FitOptions = {
    ...described.plain,
    loss: LOSSES.build(described.loss),
    optimizer,
    data: buildData(described.data),
    ...(validation && { validation: buildData(validation) }),
    ...(ema && { ema: buildEMA(ema, model) }),
    ...(scheduler && { schedule: { scheduler, every: schedule.every } }),
    callbacks: described.callbacks.map(buildCallback),
  };
  return { model, options };
}
