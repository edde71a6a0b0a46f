import { configure } from '../core/engine.js';
import { setRandomState } from '../core/random.js';
import { shown } from '../core/shown.js';
import { Module } from '../nn/module.js';
import { type Callback, type Training as Running } from '../train/callbacks/callback.js';
import { fit, type FitOptions } from '../train/fit.js';
import type { BatchReport, History } from '../train/history.js';
import { describeError } from './errors.js';
import { buildTraining, type Training } from './job.js';
import { hold } from './lock.js';
import {
  buffersOf,
  receivedOrder,
  stamped,
  type Job,
  type Order,
  type Port,
  type Report,
  type States,
} from './protocol.js';
import { readStates, weightsOf } from './states.js';

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
  /** Who asked for a training last, and whose it is. */
  private caller = '';
  private run: string | undefined;
  private job: Job | undefined;

  constructor(
    private readonly port: Port,
    private readonly setup: WorkerSetup | undefined,
  ) {}

  listen(): void {
    this.port.listen(
      (data) => this.hear(data),
      () => this.failed(this.caller, new Error('trainInWorker: the worker could not read what it was sent')),
    );
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

  private tell(report: Report, transfer?: ArrayBuffer[], run = this.run ?? ''): void {
    this.port.post(stamped(run, report), transfer);
  }

  private hear(data: unknown): void {
    const received = receivedOrder(data);
    // Programs may have more to say to each other.
    if (!received) return;
    const { run, message: order, fault } = received;
    try {
      if (!order) throw new Error(`trainInWorker: ${fault}`);
      if (order.type === 'hello' || order.type === 'start') this.answer(run, order);
      else if (run === this.run) this.obey(order);
    } catch (error) {
      this.failed(run, error);
    }
  }

  private answer(run: string, order: Extract<Order, { type: 'hello' | 'start' }>): void {
    if (this.run !== undefined && (order.type === 'start' || this.run !== run)) {
      throw new Error('trainInWorker: the worker has a training already; make a worker for each');
    }
    this.caller = run;
    if (order.type === 'hello') {
      this.tell({ type: 'ready' }, [], run);
      return;
    }
    this.run = run;
    if (order.paused) this.pause();
    this.job = order.job;
    void this.start(order.job);
  }

  private obey(order: Exclude<Order, { type: 'hello' | 'start' }>): void {
    switch (order.type) {
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
        this.sendWeights();
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
  private sendWeights(): void {
    if (!this.training) return;
    for (const id of this.asked.splice(0)) {
      const weights = weightsOf(this.training.model);
      this.tell({ type: 'weights', id, weights }, buffersOf(weights));
    }
  }

  private async start(job: Job): Promise<void> {
    try {
      if (await hold(this.run!)) this.tell({ type: 'held' });
      if (job.configure) await this.unlessAborted(Promise.resolve(configure(job.configure)));
      const described = 'optimizer' in job.training;
      if (!described) setRandomState(job.random);
      this.training = await this.unlessAborted(this.make(job));
      // Making it may have drawn numbers that a training by the caller would not have drawn.
      if (described) setRandomState(job.random);
      this.sendWeights();
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
          if (job.waits && !this.controller.signal.aborted) {
            await new Promise<void>((resolve) => (this.proceed = resolve));
          }
        },
      });
      // What is to be told of callbacks is told of the caller's alone.
      const callbacks = history.state.callbacks?.slice(0, options.callbacks?.length ?? 0);
      if (callbacks) history.state = { ...history.state, callbacks };
      const states = this.states(this.training, job);
      this.tell({ type: 'done', history, states }, buffersOf(states));
    } catch (error) {
      this.failed(this.run!, error);
    }
  }

  /** What one setup waits for may never come. */
  private unlessAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.controller;
    return new Promise((resolve, reject) => {
      work.then(resolve, reject);
      signal.throwIfAborted();
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  private failed(run: string, cause: unknown): void {
    const uncloneable = cause instanceof DOMException && cause.name === 'DataCloneError';
    const error = describeError(
      uncloneable
        ? new TypeError(
            `trainInWorker: what the training came to cannot be sent from the worker: ${cause.message}`,
          )
        : cause,
    );
    let states: States | undefined;
    try {
      if (this.training && run === this.run) states = this.states(this.training, this.job!);
      this.tell({ type: 'failed', error, states }, buffersOf([states, error.fields]), run);
    } catch {
      // What went wrong comes first; its weights may be what cannot be sent.
      this.tell({ type: 'failed', error: { ...error, fields: {} }, states: undefined }, [], run);
    }
  }

  private async make({ training }: Job): Promise<Training> {
    if ('optimizer' in training) {
      this.tell({ type: 'loaded' });
      return buildTraining(training);
    }
    const { module, input } = training;
    const setup =
      module === undefined
        ? this.setup
        : ((await import(/* @vite-ignore */ /* webpackIgnore: true */ module)) as { default?: unknown })
            .default;
    this.tell({ type: 'loaded' });
    const from =
      module === undefined ? 'the function given to serveTraining()' : `the default export of ${module}`;
    if (typeof setup !== 'function') {
      throw new TypeError(
        `trainInWorker: expected ${module ?? 'serveTraining'} to ${module ? 'export a function as default' : 'be given a function'} ` +
          'that returns { model, loss, optimizer, data, … }',
      );
    }
    const made: unknown = await (setup as WorkerSetup<unknown>)(input);
    const { model, ...options } = Object(made) as WorkerTraining;
    if (!(model instanceof Module)) {
      const got = made === Object(made) ? `model: ${shown(model)}` : shown(made);
      throw new TypeError(
        `trainInWorker: expected ${from} to return { model, loss, optimizer, data, … } with a model that extends nn.Module, got ${got}`,
      );
    }
    return { model, options };
  }

  /** Of a training that the caller made, only the weights are the caller's. */
  private states({ model, options }: Training, job: Job): States {
    return 'optimizer' in job.training ? readStates(model, options) : { weights: weightsOf(model) };
  }
}

/** A history for one callback more, which remembers nothing. */
function withOneMore(history: History): History {
  const { callbacks } = history.state;
  return callbacks ? { ...history, state: { ...history.state, callbacks: [...callbacks, null] } } : history;
}

let serving = false;

/**
 * Serves the training that comes through this port: described, or made by `setup`.
 *
 * @throws Error on a second call: two would train at the same time
 */
export function serve(port: Port, setup?: WorkerSetup): void {
  if (serving) throw new Error('serveTraining: called twice in this worker');
  new Service(port, setup).listen();
  serving = true;
}
