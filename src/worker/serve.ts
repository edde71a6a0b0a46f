import { configure } from '../core/engine.js';
import { setRandomState } from '../core/random.js';
import { DataLoader } from '../data/dataLoader.js';
import type { Module } from '../nn/module.js';
import { EMA } from '../optim/ema.js';
import { Optimizer } from '../optim/optimizer.js';
import { statesOf, type Callback, type Training as Running } from '../train/callbacks/callback.js';
import { fit, type FitOptions } from '../train/fit.js';
import type { BatchReport, History } from '../train/history.js';
import { steppedBy } from '../train/schedule.js';
import { describeError } from './errors.js';
import { buildTraining, type Training } from './job.js';
import {
  buffersOf,
  type Job,
  type Order,
  type Port,
  type Report,
  type States,
  type Weights,
} from './protocol.js';

/** What a program in a worker trains: a model, and what fit() takes. */
export interface WorkerTraining extends Omit<FitOptions, 'signal' | 'progress'> {
  model: Module;
}

/** Makes in the worker what is to be trained, from what the page or program handed in as `input`. */
export type WorkerSetup<Input = never> = (input: Input) => WorkerTraining | Promise<WorkerTraining>;

/** The training of one worker. */
class Service implements Callback {
  private readonly controller = new AbortController();
  private training: Training | undefined;
  private running: Running | undefined;
  private standing: Promise<void> | undefined;
  private release: (() => void) | undefined;
  private proceed: (() => void) | undefined;
  private readonly asked: number[] = [];
  private stopping = false;
  private batchEveryMs = 0;
  private told = -Infinity;

  constructor(
    private readonly port: Port,
    private readonly setup: WorkerSetup | undefined,
  ) {}

  listen(): void {
    this.port.listen((message) => this.obey(message as Order));
    this.tell({ type: 'ready' });
  }

  onTrainBegin(training: Running): Promise<void> | undefined {
    this.running = training;
    if (this.stopping) training.stop();
    return this.standing;
  }

  onBatchEnd(report: BatchReport): Promise<void> | undefined {
    const now = performance.now();
    if (now - this.told >= this.batchEveryMs) {
      this.told = now;
      this.tell({ type: 'batch', report });
    }
    return this.standing;
  }

  private tell(report: Report, transfer?: ArrayBuffer[]): void {
    this.port.post(report, transfer);
  }

  private obey(order: Order): void {
    switch (order.type) {
      case 'start':
        if (order.paused) this.pause();
        void this.start(order.job);
        return;
      case 'pause':
        this.pause();
        return;
      case 'resume':
        this.goOn();
        return;
      case 'goOn':
        this.proceed?.();
        return;
      case 'stop':
        this.stopping = true;
        this.running?.stop();
        this.goOn();
        return;
      case 'abort':
        this.controller.abort();
        this.goOn();
        this.proceed?.();
        return;
      case 'weights':
        this.asked.push(order.id);
        this.answer();
    }
  }

  private pause(): void {
    this.standing ??= new Promise((resolve) => (this.release = resolve));
    // Messages are read between two batches: it stands already.
    this.tell({ type: 'paused' });
  }

  private goOn(): void {
    this.standing = undefined;
    this.release?.();
  }

  /** Hands copies of the weights to whoever asked, once there are some. */
  private answer(): void {
    if (!this.training) return;
    for (const id of this.asked.splice(0)) {
      const weights = weightsOf(this.training.model);
      this.tell({ type: 'weights', id, weights }, buffersOf(weights));
    }
  }

  private async start(job: Job): Promise<void> {
    try {
      if (job.configure) await configure(job.configure);
      const described = 'optimizer' in job.training;
      if (!described) setRandomState(job.random);
      this.training = await this.make(job);
      // Making it may have drawn numbers that a training by the caller would not have drawn.
      if (described) setRandomState(job.random);
      this.answer();
      this.batchEveryMs = job.batchEveryMs;
      const { model, options } = this.training;
      const own = options.onEpoch;
      const history = await fit(model, {
        ...options,
        resume: options.resume && withOneMore(options.resume),
        callbacks: [...(options.callbacks ?? []), this],
        progress: false,
        signal: this.controller.signal,
        onEpoch: async (report) => {
          await own?.(report);
          this.tell({ type: 'epoch', report });
          if (job.waits) await new Promise<void>((resolve) => (this.proceed = resolve));
        },
      });
      // What is to be told of callbacks is told of the caller's alone.
      const callbacks = history.state.callbacks?.slice(0, options.callbacks?.length ?? 0);
      if (callbacks) history.state = { ...history.state, callbacks };
      const states = this.states(described);
      this.tell({ type: 'done', history, states }, buffersOf(states));
    } catch (error) {
      const states = this.training && this.states('optimizer' in job.training);
      const described = describeError(error);
      this.tell({ type: 'failed', error: described, states }, buffersOf([states, described.fields]));
    }
  }

  private async make({ training }: Job): Promise<Training> {
    if ('optimizer' in training) return buildTraining(training);
    const { module, input } = training;
    const setup =
      module === undefined
        ? this.setup
        : ((await import(/* @vite-ignore */ /* webpackIgnore: true */ module)) as { default?: unknown })
            .default;
    if (typeof setup !== 'function') {
      throw new TypeError(
        `trainInWorker: expected ${module ?? 'serveTraining'} to ${module ? 'export a function as default' : 'be given a function'} ` +
          'that returns { model, loss, optimizer, data, … }',
      );
    }
    const { model, ...options } = (await (setup as WorkerSetup<unknown>)(input)) ?? {};
    return { model, options };
  }

  /** Where everything stands. */
  private states(described: boolean): States {
    const { model, options } = this.training!;
    const weights = weightsOf(model);
    if (!described) return { weights };
    const { optimizer, ema, schedule, callbacks = [], data, validation } = options;
    const scheduler = schedule && steppedBy(schedule).scheduler;
    return {
      weights,
      ...(optimizer instanceof Optimizer && { optimizer: optimizer.stateDict() }),
      ...(ema instanceof EMA && { ema: ema.stateDict() }),
      ...(scheduler?.stateDict && { schedule: scheduler.stateDict() }),
      callbacks: statesOf(callbacks),
      ...(data instanceof DataLoader && { data: data.getState() }),
      ...(validation instanceof DataLoader && { validation: validation.getState() }),
    };
  }
}

/** A history for one callback more, which remembers nothing. */
function withOneMore(history: History): History {
  const { callbacks } = history.state;
  return callbacks ? { ...history, state: { ...history.state, callbacks: [...callbacks, null] } } : history;
}

function weightsOf(model: Module): Weights {
  return Object.fromEntries(
    [...model.namedParameters(), ...model.namedBuffers()].map(([name, { data }]) => [name, data]),
  );
}

/** Serves the training that comes through this port: described, or made by `setup`. */
export function serve(port: Port, setup?: WorkerSetup): void {
  new Service(port, setup).listen();
}
