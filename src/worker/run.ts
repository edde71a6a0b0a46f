import { attach, type AnyWorker, type Correspondent } from '../core/workerHandle.js';
import type { BatchReport, EpochReport, History } from '../train/history.js';
import { reviveError } from './errors.js';
import { Limit } from './limit.js';
import { whenFree } from './lock.js';
import {
  buffersOf,
  receivedReport,
  stamped,
  type Job,
  type Order,
  type Report,
  type States,
  type Weights,
} from './protocol.js';
import type { TrainerModule } from './trainer.js';

/** What happens in a training. */
export type TrainingEvent =
  | { readonly type: 'batch'; readonly report: BatchReport }
  | { readonly type: 'epoch'; readonly report: EpochReport };

/** What every training in a worker takes. */
export interface RunOptions {
  /** Stops after the batch at hand: `history` rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each epoch; training waits for it, and for the promise it may return. */
  onEpoch?: (report: EpochReport) => void | Promise<void>;
  /** Called after batches, as often as `batchEveryMs` says. Training does not wait for it; `history` does. */
  onBatch?: (report: BatchReport) => void | Promise<void>;
  /** Least time between two reports of batches, in milliseconds; 100 by default, 0 reports every batch. */
  batchEveryMs?: number;
  /** Threads of the worker: see configure(). */
  threads?: number | 'auto';
  /** How long the worker may take to load its code, in milliseconds; 20,000 by default. */
  startTimeoutMs?: number;
  /**
   * How long after an abort the worker may go on with the batch at hand, in milliseconds; 5,000 by default. Then it is
   * ended, in the middle of whatever it does, and its last weights are lost.
   */
  graceMs?: number;
}

/** Own workers that a training was given: each ends with its training. */
const spent = new WeakSet<AnyWorker>();

/** Who waits for weights. */
interface Asked {
  resolve(weights: Weights): void;
  reject(error: unknown): void;
}

/** A training in a worker. `for await` over it gives its events, and throws where it fails. */
export class TrainingRun implements AsyncIterable<TrainingEvent> {
  /**
   * Resolves at the end, when what was handed in (model, optimizer, ema, schedule, callbacks, loaders) is as if it had
   * been trained here. Rejects with what went wrong, or with the signal's reason; the model then has the weights of the
   * last step, where the worker could still send them.
   */
  readonly history: Promise<History>;
  private worker: Correspondent | undefined;
  private settled = false;
  private failure: { readonly error: unknown } | undefined;
  private final: Weights | undefined;
  /** Told from other trainings, and from messages of the caller's own, by this. */
  private readonly id = Math.random().toString(36).slice(2);
  /** On the worker, while it starts and while it should end. */
  private readonly limit = new Limit();
  private started = false;
  private isPaused = false;
  private stopping = false;
  /** By a function of the caller. */
  private thrown: { readonly error: unknown } | undefined;
  /** What onBatch has not come to the end of. */
  private readonly heard = new Set<Promise<void>>();
  /** Whether the worker has trained to the end. */
  private isDone = false;
  private readonly asked = new Map<number, Asked>();
  private readonly standing: (() => void)[] = [];
  private readonly listeners = new Set<(event: TrainingEvent | undefined) => void>();
  private next = 0;
  private resolve!: (history: History) => void;
  private reject!: (error: unknown) => void;

  /**
   * @internal
   * @param own a worker of the caller's, in the place of the library's
   * @param load gives the caller's objects what the worker made of them
   */
  constructor(
    private readonly job: Job,
    private readonly options: RunOptions,
    trainer: TrainerModule,
    own: AnyWorker | undefined,
    private readonly load: (states: States, finished: boolean) => void,
  ) {
    this.history = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    const { signal } = options;
    if (signal?.aborted) {
      this.fail(signal.reason);
      return;
    }
    signal?.addEventListener('abort', this.onAbort);
    const listener = {
      onMessage: (message: unknown) => this.hear(message),
      onEnd: (reason: string) => this.lose(reason),
    };
    try {
      if (own) checkOwn(own);
      this.worker = own ? attach(own, 'the file of your worker', listener) : trainer.startTrainer(listener);
      // It says that it is ready when it is, but may have done so before anybody listened.
      this.send({ type: 'hello' });
    } catch (cause) {
      const { message } = cause as Error;
      const what = own ? 'cannot be used' : 'could not be started';
      this.fail(new Error(`trainInWorker: the worker ${what}: ${message}`, { cause }));
      return;
    }
    const { startTimeoutMs = 20_000 } = options;
    this.limit.set(startTimeoutMs, () => {
      const missing = this.started
        ? 'did not finish loading the module'
        : own
          ? 'did not answer; has it ended, and does it call serveTraining() of this version of wasmgrad?'
          : 'did not start';
      this.fail(
        new Error(`trainInWorker: within ${startTimeoutMs} ms (startTimeoutMs) the worker ${missing}`),
      );
    });
  }

  /** Whether pause() was called last, and not resume(). */
  get paused(): boolean {
    return this.isPaused;
  }

  /** Lets training stand still after the batch at hand. Resolves when it does, or is over. */
  pause(): Promise<void> {
    if (this.settled) return Promise.resolve();
    this.isPaused = true;
    const stands = new Promise<void>((resolve) => this.standing.push(resolve));
    if (this.started) this.send({ type: 'pause' });
    return stands;
  }

  /** Lets it go on. */
  resume(): void {
    this.isPaused = false;
    if (this.started) this.send({ type: 'resume' });
    for (const resolve of this.standing.splice(0)) resolve();
  }

  /** Ends training after the batch at hand: `history` resolves with the epochs that are over. */
  stop(): void {
    this.stopping = true;
    if (this.started) this.send({ type: 'stop' });
  }

  /**
   * Copies of all parameters and buffers as they are now, for loadStateDict() of a model of the same kind; at the end,
   * the trained ones. Asking changes no bit of the training. Rejects where the training failed.
   */
  weights(): Promise<Weights> {
    if (this.final) {
      const copies = Object.entries(this.final).map(([name, values]) => [name, values.slice()] as const);
      return Promise.resolve(Object.fromEntries(copies));
    }
    if (this.failure) return Promise.reject(this.failure.error);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      if (this.started) this.send({ type: 'weights', id });
    });
  }

  /** The events from now on: every epoch, and batches as often as `batchEveryMs` says. Training does not wait. */
  [Symbol.asyncIterator](): AsyncIterator<TrainingEvent, undefined> {
    // Who iterates is told of the failure there.
    this.history.catch(() => undefined);
    const waiting: (TrainingEvent | undefined)[] = this.settled ? [undefined] : [];
    const wake: (() => void)[] = [];
    // Undefined is the end, and stays where it is.
    const listener = (event: TrainingEvent | undefined): void => {
      waiting.push(event);
      for (const resolve of wake.splice(0)) resolve();
    };
    this.listeners.add(listener);
    const next = async (): Promise<IteratorResult<TrainingEvent, undefined>> => {
      while (waiting.length === 0) await new Promise<void>((resolve) => wake.push(resolve));
      if (waiting[0]) return { done: false, value: waiting.shift()! };
      const left = !this.listeners.delete(listener);
      if (this.failure && !left) throw this.failure.error;
      return { done: true, value: undefined };
    };
    const end = (): Promise<IteratorResult<TrainingEvent, undefined>> => {
      this.listeners.delete(listener);
      listener(undefined);
      return Promise.resolve({ done: true, value: undefined });
    };
    return { next, return: end };
  }

  private readonly onAbort = (): void => {
    const { reason } = this.options.signal!;
    if (this.started) this.endBy(reason);
    else this.fail(reason);
  };

  private send(order: Order, transfer?: ArrayBuffer[]): void {
    if (!this.settled) this.worker!.post(stamped(this.id, order), transfer);
  }

  private hear(message: unknown): void {
    const received = receivedReport(message);
    // A worker of the caller's may say other things.
    if (!received || this.settled) return;
    const { run, message: report, fault } = received;
    if (run !== this.id && !(run === '' && (fault || report?.type === 'ready'))) return;
    try {
      if (!report) throw new Error(`trainInWorker: ${fault}`);
      this.obey(report);
    } catch (error) {
      this.fail(error);
    }
  }

  private obey(report: Report): void {
    switch (report.type) {
      case 'ready':
        this.start();
        return;
      case 'held':
        whenFree(this.id, () => this.lose('it closed itself'));
        return;
      case 'loaded':
        this.limit.clear();
        return;
      case 'paused':
        for (const resolve of this.standing.splice(0)) resolve();
        return;
      case 'batch':
        this.batch(report.report);
        this.publish(report);
        return;
      case 'epoch':
        this.publish(report);
        void this.epoch(report.report);
        return;
      case 'weights':
        this.asked.get(report.id)?.resolve(report.weights);
        this.asked.delete(report.id);
        return;
      case 'done':
        this.isDone = true;
        if (this.heard.size === 0) this.finish(report);
        else void Promise.all(this.heard).then(() => this.finish(report));
        return;
      case 'failed':
        this.failed(report);
    }
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    try {
      this.send({ type: 'start', job: this.job, paused: this.isPaused }, buffersOf(this.job.training));
    } catch (cause) {
      const { message } = cause as Error;
      this.fail(new TypeError(`trainInWorker: the input cannot go to the worker (${message})`, { cause }));
      return;
    }
    if (this.stopping) this.send({ type: 'stop' });
    for (const id of this.asked.keys()) this.send({ type: 'weights', id });
  }

  private async epoch(report: EpochReport): Promise<void> {
    const { onEpoch } = this.options;
    if (!onEpoch) return;
    try {
      await onEpoch(report);
      this.send({ type: 'goOn' });
    } catch (error) {
      this.abortBy(error);
    }
  }

  private batch(report: BatchReport): void {
    const { onBatch } = this.options;
    if (!onBatch) return;
    const heard = (async () => onBatch(report))()
      .catch((error: unknown) => this.abortBy(error))
      .finally(() => this.heard.delete(heard));
    this.heard.add(heard);
  }

  private lose(reason: string): void {
    // It has done what it was for.
    if (!this.isDone) this.fail(new Error(`trainInWorker: the worker ended: ${reason}`));
  }

  /** What a function of the caller threw ends the training, and is what it rejects with. */
  private abortBy(error: unknown): void {
    this.thrown ??= { error };
    this.endBy(this.thrown.error);
  }

  /** Asks the worker to end, and ends it if it does not, as where it is stuck in code of the caller's. */
  private endBy(reason: unknown): void {
    if (this.settled) return;
    this.send({ type: 'abort' });
    this.limit.set(this.options.graceMs ?? 5000, () => this.fail(reason));
  }

  private failed({ error, states }: Extract<Report, { type: 'failed' }>): void {
    const { signal } = this.options;
    const aborted = signal?.aborted && error.name === 'AbortError';
    const reason = this.thrown ? this.thrown.error : aborted ? signal.reason : reviveError(error);
    if (states) {
      try {
        this.load(states, false);
      } catch {
        // The reason comes first.
      }
    }
    this.fail(reason);
  }

  private finish({ history, states }: Extract<Report, { type: 'done' }>): void {
    if (this.settled) return;
    try {
      this.load(states, !this.thrown);
      if (this.thrown) throw this.thrown.error;
    } catch (error) {
      this.fail(this.thrown ? this.thrown.error : error);
      return;
    }
    this.final = states.weights;
    this.settle(({ resolve }) => resolve(structuredClone(states.weights)));
    this.resolve(history);
  }

  private fail(error: unknown): void {
    if (this.settled) return;
    this.failure = { error };
    this.settle(({ reject }) => reject(error));
    this.reject(error);
  }

  private settle(answer: (asked: Asked) => void): void {
    this.settled = true;
    this.limit.clear();
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.worker?.stop();
    for (const one of this.asked.values()) answer(one);
    for (const resolve of this.standing) resolve();
    this.publish(undefined);
  }

  private publish(event: TrainingEvent | undefined): void {
    for (const listener of this.listeners) listener(event);
  }
}

/** @throws Error where the worker is known to have ended */
function checkOwn(own: AnyWorker): void {
  if (own.threadId === -1) throw new Error('it has ended already; make a new one');
  if (spent.has(own)) {
    throw new Error('it was given to another training, and ends with it; make one for each training');
  }
  spent.add(own);
}
