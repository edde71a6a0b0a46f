import type { ConfigureOptions } from '../core/engine.js';
import type { RandomState } from '../core/random.js';
import type { LoaderState } from '../data/dataLoader.js';
import type { EMAState } from '../optim/ema.js';
import type { OptimizerState } from '../optim/saved.js';
import type { BatchReport, EpochReport, History } from '../train/history.js';
import type { DescribedError } from './errors.js';
import type { DescribedTraining } from './job.js';

/** What a worker is to do. */
export interface Job {
  /** Absent where the worker's own program sees to that. */
  readonly configure?: ConfigureOptions;
  readonly random: RandomState;
  /** Described, or to be made by a module or by the worker's own program. */
  readonly training: DescribedTraining | { readonly module?: string; readonly input: unknown };
  /** Least time between two reports of batches, in milliseconds. */
  readonly batchEveryMs: number;
  /** Training waits after each epoch until it is told to go on. */
  readonly waits: boolean;
}

/** Weights by name, as Module.loadStateDict() takes them. */
export type Weights = Record<string, Float32Array>;

/** Where everything stands that the caller may have given. */
export interface States {
  readonly weights: Weights;
  /** Those below only where the training was described: the caller has the same objects. */
  readonly optimizer?: OptimizerState;
  readonly ema?: EMAState;
  readonly schedule?: Record<string, unknown>;
  readonly callbacks?: readonly unknown[];
  readonly data?: LoaderState;
  readonly validation?: LoaderState;
}

/** To the worker. */
export type Order =
  | { readonly type: 'hello' }
  | { readonly type: 'start'; readonly job: Job; readonly paused: boolean }
  | { readonly type: 'pause' | 'resume' | 'goOn' | 'stop' | 'abort' }
  | { readonly type: 'weights'; readonly id: number };

/** From the worker. */
export type Report =
  /**
   * `held`: the worker holds the lock with the name of the run. `loaded`: the code that makes the training is there, and is
   * about to be called.
   */
  | { readonly type: 'ready' | 'held' | 'loaded' | 'paused' }
  | { readonly type: 'batch'; readonly report: BatchReport }
  | { readonly type: 'epoch'; readonly report: EpochReport }
  | { readonly type: 'weights'; readonly id: number; readonly weights: Weights }
  | { readonly type: 'done'; readonly history: History; readonly states: States }
  | { readonly type: 'failed'; readonly error: DescribedError; readonly states: States | undefined };

/** Both ends must speak the same version. */
const VERSION = 2;

/** A message as it goes over the line, where a worker of the user's own may send and be sent others. */
interface Stamped {
  readonly wasmgradTraining: number;
  /** The training that it is about: a random text, or '' in the first words of a worker that knows of none. */
  readonly run: string;
}

type Shapes<T extends { type: string }> = Readonly<
  Record<T['type'], (message: Readonly<Record<string, unknown>>) => boolean>
>;

const always = (): boolean => true;

const ORDERS: Shapes<Order> = {
  hello: always,
  start: ({ job }) => isRecord(job) && isRecord(job['training']),
  pause: always,
  resume: always,
  goOn: always,
  stop: always,
  abort: always,
  weights: ({ id }) => typeof id === 'number',
};

const REPORTS: Shapes<Report> = {
  ready: always,
  held: always,
  loaded: always,
  paused: always,
  batch: ({ report }) => isRecord(report),
  epoch: ({ report }) => isRecord(report),
  weights: ({ id, weights }) => typeof id === 'number' && isWeights(weights),
  done: ({ history, states }) => isRecord(history) && Array.isArray(history['epochs']) && areStates(states),
  failed: ({ error, states }) => isDescribed(error) && (states === undefined || areStates(states)),
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isWeights(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((one) => ArrayBuffer.isView(one));
}

function areStates(value: unknown): boolean {
  return isRecord(value) && isWeights(value['weights']);
}

function isDescribed(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value['name'] === 'string' &&
    typeof value['message'] === 'string' &&
    isRecord(value['fields'])
  );
}

/** The message with its stamp. */
export function stamped(run: string, message: Order | Report): Stamped & (Order | Report) {
  return { wasmgradTraining: VERSION, run, ...message };
}

/** What arrived: a message of this protocol, or, without `message`, why it is none of this version. */
export interface Received<T> {
  readonly run: string;
  readonly message?: T;
  readonly fault?: string;
}

/** Undefined for what somebody else sent. */
export function receivedOrder(data: unknown): Received<Order> | undefined {
  return received<Order>(data, ORDERS);
}

/** Undefined for what somebody else sent. */
export function receivedReport(data: unknown): Received<Report> | undefined {
  return received<Report>(data, REPORTS);
}

function received<T extends { type: string }>(data: unknown, shapes: Shapes<T>): Received<T> | undefined {
  let read: Record<string, unknown>;
  try {
    if (!isRecord(data) || !Object.hasOwn(data, 'wasmgradTraining')) return undefined;
    read = { ...data };
  } catch {
    // Clones have no getters that throw; what is handed over by something that only looks like a worker may.
    return undefined;
  }
  const { wasmgradTraining: version, run, ...message } = read;
  if (typeof version !== 'number' || typeof run !== 'string') return undefined;
  if (version !== VERSION) {
    const fault =
      `one side speaks version ${VERSION} and the other version ${version} of the protocol: ` +
      'both must load the same version of wasmgrad';
    return { run, fault };
  }
  const { type } = message;
  const fits = typeof type === 'string' && Object.hasOwn(shapes, type) && shapes[type as T['type']](message);
  return fits ? { run, message: message as T } : { run, fault: `a message '${String(type)}' came damaged` };
}

/** One end of the line. */
export interface Port {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** @param bad is told of what could not be read */
  listen(listener: (message: unknown) => void, bad: () => void): void;
}

/** The buffers of all typed arrays in a message: everything in it was made for it. */
export function buffersOf(message: unknown, found = new Set<ArrayBuffer>(), seen = new Set()): ArrayBuffer[] {
  if (ArrayBuffer.isView(message)) {
    if (message.buffer instanceof ArrayBuffer) found.add(message.buffer);
  } else if (isRecord(message) && !seen.has(message)) {
    // What the caller hands in may contain itself.
    seen.add(message);
    const values = message instanceof Map ? message.values() : Object.values(message);
    for (const value of values) buffersOf(value, found, seen);
  }
  return [...found];
}
