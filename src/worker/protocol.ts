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
  | { readonly type: 'start'; readonly job: Job; readonly paused: boolean }
  | { readonly type: 'pause' | 'resume' | 'goOn' | 'stop' | 'abort' }
  | { readonly type: 'weights'; readonly id: number };

/** From the worker. */
export type Report =
  | { readonly type: 'ready' | 'paused' }
  | { readonly type: 'batch'; readonly report: BatchReport }
  | { readonly type: 'epoch'; readonly report: EpochReport }
  | { readonly type: 'weights'; readonly id: number; readonly weights: Weights }
  | { readonly type: 'done'; readonly history: History; readonly states: States }
  | { readonly type: 'failed'; readonly error: DescribedError; readonly states: States | undefined };

/** One end of the line. */
export interface Port {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  listen(listener: (message: unknown) => void): void;
}

/** The buffers of all typed arrays in a message: everything in it was made for it. */
export function buffersOf(message: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(message)) {
    if (message.buffer instanceof ArrayBuffer) found.add(message.buffer);
  } else if (typeof message === 'object' && message !== null) {
    const values = message instanceof Map ? message.values() : Object.values(message);
    for (const value of values) buffersOf(value, found);
  }
  return [...found];
}
