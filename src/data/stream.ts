import { shown } from '../core/shown.js';
import { checkCounts } from '../core/checks.js';
import { formatShape, sameShape, type Shape } from '../tensor/layout.js';
import { checkFinite, type Numbers } from '../tensor/numbers.js';
import { HostSource } from '../tensor/source.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from '../tensor/tensor.js';
import type { Batch, BatchSource } from './batches.js';
import { readRows, type Rows } from './dataset.js';

/** A pair of inputs and targets: many rows [rows, …] each, or one row where the stream makes the batches. */
export type StreamItem = readonly [inputs: Rows, targets: Rows];

/** What gives the items of one epoch after the other. */
export type StreamSource =
  AsyncIterable<StreamItem> | Iterable<StreamItem> | (() => AsyncIterable<StreamItem> | Iterable<StreamItem>);

export interface StreamOptions {
  /** The source gives single rows, and this many make a batch; without it, the source gives batches. */
  batchSize?: number;
  /** Leave out the last batch where it has fewer rows; false by default. */
  dropLast?: boolean;
  /** Batches that are read ahead while others are trained on; 2 by default. */
  prefetch?: number;
}

/**
 * Data that does not fit in memory, or that is not there yet: batches (or rows, with `batchSize`) from an async iterable,
 * for fit() and evaluate(). At most `prefetch` batches are read ahead; a source that is faster has to wait. Where
 * training stops early, the source's `return()` is called.
 *
 * Each epoch asks for a new iterator. A generator can be gone through once only: for several epochs, hand in the
 * function that makes it.
 *
 * @throws TypeError where the source is none, RangeError on a bad option
 * @example
 * ```ts
 * import { data, evaluate, nn } from 'wasmgrad';
 * async function* readings(): AsyncGenerator<data.StreamItem> {
 *   for (let i = 0; i < 10; i++) yield [[i, i * i], [2 * i]]; // one row, and its target
 * }
 * const stream = new data.Stream(readings, { batchSize: 4 });
 * const { loss } = await evaluate(new nn.Linear(2, 1), stream, { loss: new nn.MSELoss() });
 * loss >= 0; // true
 * ```
 */
export class Stream {
  readonly prefetch: number;
  private readonly source: StreamSource;
  private readonly batchSize: number | undefined;
  private readonly dropLast: boolean;

  constructor(source: StreamSource, options: StreamOptions = {}) {
    checkOptions('Stream', options, ['batchSize', 'dropLast?', 'prefetch']);
    const { batchSize, dropLast = false, prefetch = 2 } = options;
    if (typeof source !== 'function' && !isIterable(source)) {
      throw new TypeError('Stream: expected an async iterable, or a function that makes one');
    }
    if (batchSize !== undefined) checkCounts('Stream', { batchSize });
    if (dropLast && batchSize === undefined) {
      throw new RangeError('Stream: dropLast needs a batchSize; without it the source makes the batches');
    }
    if (!Number.isInteger(prefetch) || prefetch < 0) {
      throw new RangeError(`Stream: expected prefetch to be a non-negative integer, got ${shown(prefetch)}`);
    }
    this.source = source;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.prefetch = prefetch;
  }

  /** @internal an iterator over the batches of the next epoch */
  open(): AsyncIterator<Batch> {
    const source = typeof this.source === 'function' ? this.source() : this.source;
    if (!isIterable(source)) {
      throw new TypeError('Stream: expected the function to make an async iterable');
    }
    const items = source as AsyncIterable<StreamItem>;
    return this.batchSize === undefined ? batches(items) : gathered(items, this.batchSize, this.dropLast);
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

/** Reads both sides of an item, a batch or a row of one; errors say which item it was. */
function readItem(item: StreamItem, at: number, isRow: boolean): [Numbers, Numbers] {
  if (!Array.isArray(item) || item.length !== 2) {
    throw new TypeError(`Stream: expected item ${at} to be a pair [inputs, targets]`);
  }
  const sides = ['inputs', 'targets'].map((side, i) => {
    const numbers = readRows(`Stream ${side} of item ${at}`, (item as StreamItem)[i]);
    const { values, shape } = numbers;
    checkFinite('Stream', isRow ? { values, shape: [1, ...shape] } : numbers, (row) => {
      const place = `the ${side} of item ${at}`;
      return isRow ? place : `${place}, row ${row}`;
    });
    return numbers;
  });
  return [sides[0], sides[1]];
}

function constant({ values, shape }: Numbers): Tensor {
  return new Tensor(shape, undefined, new HostSource(values), false);
}

async function* batches(items: AsyncIterable<StreamItem>): AsyncGenerator<Batch> {
  let at = 0;
  for await (const item of items) {
    const [inputs, targets] = readItem(item, at++, false);
    const [rows, others] = [inputs.shape[0], targets.shape[0]];
    if (rows === undefined || rows !== others || rows === 0) {
      throw new RangeError(
        `Stream: expected as many targets as inputs, and at least one, in item ${at - 1}; ` +
          `got shapes ${formatShape(inputs.shape)} and ${formatShape(targets.shape)}`,
      );
    }
    yield [constant(inputs), constant(targets)];
  }
}

/** Rows of one shape that become one tensor. */
class Rack {
  private values: Float32Array | undefined;
  private shape: Shape = [];

  constructor(
    private readonly side: string,
    private readonly size: number,
  ) {}

  put(row: Numbers, i: number, at: number): void {
    this.values ??= new Float32Array(this.size * row.values.length);
    if (i === 0) this.shape = row.shape;
    else if (!sameShape(this.shape, row.shape)) {
      throw new RangeError(
        `Stream: expected ${this.side} ${formatShape(this.shape)} as before, got ${formatShape(row.shape)} in item ${at}`,
      );
    }
    this.values.set(row.values, i * row.values.length);
  }

  take(count: number): Tensor {
    const width = this.values!.length / this.size;
    const values = count === this.size ? this.values! : this.values!.slice(0, count * width);
    this.values = undefined;
    return constant({ values, shape: [count, ...this.shape] });
  }
}

async function* gathered(
  items: AsyncIterable<StreamItem>,
  size: number,
  dropLast: boolean,
): AsyncGenerator<Batch> {
  const racks = [new Rack('inputs', size), new Rack('targets', size)];
  let at = 0;
  for await (const item of items) {
    const i = at % size;
    const sides = readItem(item, at, true);
    racks.forEach((rack, side) => rack.put(sides[side], i, at));
    at++;
    if (i === size - 1) yield [racks[0].take(size), racks[1].take(size)];
  }
  const rest = at % size;
  if (rest > 0 && !dropLast) yield [racks[0].take(rest), racks[1].take(rest)];
}

/** What is under way in one epoch. */
interface Run {
  readonly iterator: AsyncIterator<Batch>;
  readonly ready: Batch[];
  readonly signal: AbortSignal | undefined;
  /** How often a batch was asked for, and how often the source was. */
  asked: number;
  pulled: number;
  given: number;
  /** The source is being asked. */
  pulling: boolean;
  /** Nothing more will come. */
  finished: boolean;
  failure: { readonly error: unknown } | undefined;
  wake: (() => void) | undefined;
}

/** The batches of a stream, read ahead. */
class StreamBatches implements BatchSource {
  readonly length = undefined;
  private run: Run | undefined;

  constructor(private readonly stream: Stream) {}

  begin(signal?: AbortSignal): void {
    this.run = {
      iterator: this.stream.open(),
      ready: [],
      signal,
      asked: 0,
      pulled: 0,
      given: 0,
      pulling: false,
      finished: false,
      failure: undefined,
      wake: undefined,
    };
    void this.pull(this.run);
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    const run = this.run!;
    run.asked++;
    void this.pull(run);
    return run.ready.length > 0 ? give(run) : this.wait(run);
  }

  async end(): Promise<void> {
    const { run } = this;
    this.run = undefined;
    if (!run || run.finished) return;
    run.finished = true;
    const closed = run.iterator.return?.();
    // A source that is being waited for may never answer.
    if (run.pulling) closed?.catch(() => undefined);
    else await closed;
  }

  /** Asks the source until enough was read ahead. */
  private async pull(run: Run): Promise<void> {
    if (run.pulling) return;
    run.pulling = true;
    try {
      while (!run.finished && run.pulled < run.asked + this.stream.prefetch) {
        run.pulled++;
        const { done, value } = await run.iterator.next();
        if (done) run.finished = true;
        else run.ready.push(value);
        run.wake?.();
      }
    } catch (error) {
      run.failure = { error };
      run.finished = true;
      run.wake?.();
    } finally {
      run.pulling = false;
    }
  }

  private async wait(run: Run): Promise<Batch | undefined> {
    const { signal } = run;
    const wake = (): void => run.wake?.();
    signal?.addEventListener('abort', wake);
    try {
      while (run.ready.length === 0 && !run.finished) {
        signal?.throwIfAborted();
        await new Promise<void>((resolve) => (run.wake = resolve));
      }
    } finally {
      signal?.removeEventListener('abort', wake);
    }
    if (run.ready.length > 0) return give(run);
    if (run.failure) throw run.failure.error;
    if (run.given === 0) {
      throw new RangeError(
        'Stream: the source gave no batch; a generator can be gone through once only: hand in the function that makes it',
      );
    }
    return undefined;
  }
}

/** The batches of a stream, or of an async iterable of batches; undefined where it is neither. */
export function batchesOfStream(data: unknown): BatchSource | undefined {
  if (data instanceof Stream) return new StreamBatches(data);
  if (isIterable(data) && Symbol.asyncIterator in data) {
    return new StreamBatches(new Stream(data as AsyncIterable<StreamItem>));
  }
  return undefined;
}

function give(run: Run): Batch {
  run.given++;
  return run.ready.shift()!;
}
