import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  callbacks,
  data,
  fit,
  manualSeed,
  metrics,
  nn,
  optim,
  type FitOptions,
  type History,
} from 'wasmgrad';
import { classes, points, pointsClassifier } from '../support/pointsClassifier.js';

const dataset = new data.TensorDataset(points, classes);
const EPOCHS = 7;

/** What a program holds: everything is made anew by it, from seeds. */
function program(kind: string) {
  manualSeed(11);
  const sampler = new data.WeightedRandomSampler(data.balancedWeights(classes), { seed: 4 });
  const loaders: Record<string, data.DataLoaderOptions> = {
    'a seed of its own': { batchSize: 8, shuffle: true, seed: 3 },
    'the common seed': { batchSize: 8, shuffle: true },
    'a sampler': { batchSize: 9, sampler },
    'no order': { batchSize: 8 },
    accumulation: { batchSize: 8, shuffle: true, seed: 3 },
  };
  const model = pointsClassifier();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
  const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.05, totalSteps: 100 });
  const ema = new optim.EMA(model.parameters(), { decay: 0.9 });
  const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 2, minDelta: 0.05 });
  const rates = new callbacks.LRLogger();
  const options: FitOptions = {
    data: new data.DataLoader(dataset, loaders[kind]),
    validation: new data.DataLoader(dataset, { batchSize: 16, shuffle: true, seed: 5 }),
    loss: new nn.CrossEntropyLoss(),
    optimizer,
    epochs: EPOCHS,
    ema,
    schedule: { scheduler: schedule, every: 'batch' },
    callbacks: [rates, stopping],
    accumulate: kind === 'accumulation' ? 3 : 1,
  };
  return { model, optimizer, ema, schedule, stopping, rates, options };
}
type Program = ReturnType<typeof program>;

/** The numbers that a program ends with. */
function numbers({ model, optimizer, ema, stopping, rates }: Program, history: History) {
  return {
    weights: Object.values(model.stateDict()).map((tensor) => [...tensor.data]),
    optimizer: optimizer.stateDict(),
    averages: ema.stateDict(),
    best: [stopping.best, stopping.bestEpoch, stopping.stoppedEpoch],
    rates: rates.entries,
    epochs: history.epochs.map((report) => ({ ...report, seconds: 0 })),
    finished: history.finished,
  };
}

/** The same training in a program that knows nothing but what the last one saved. */
function restarted(kind: string, saved: Program): Program {
  const next = program(kind);
  next.model.loadStateDict(saved.model.stateDict());
  next.optimizer.loadStateDict(saved.optimizer.stateDict());
  next.ema.loadStateDict(saved.ema.stateDict());
  return next;
}

/** A clock that goes on by what is said for each batch and each epoch. */
function clock(perBatch: (batch: number) => number, perEpoch = 0) {
  let time = 1000;
  let batches = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => time);
  return {
    onBatchEnd: () => void (time += perBatch(batches++)),
    onEpochEnd: () => void (time += perEpoch),
    onTime: (milliseconds: number) => void (time += milliseconds),
    now: () => time,
  };
}

afterEach(() => void vi.restoreAllMocks());

async function whole(kind: string) {
  const one = program(kind);
  return numbers(one, await fit(one.model, one.options));
}

const KINDS = ['a seed of its own', 'the common seed', 'a sampler', 'no order', 'accumulation'];

describe.each(KINDS)('interrupted training with %s', (kind) => {
  it.each([0, 1, 4, 9.5, 23])('gives the bits of one run, %d ms at a time', async (budgetMs) => {
    const expected = await whole(kind);
    const parts = program(kind);
    const tick = clock(() => 1, 2);
    let history: History | undefined;
    let calls = 0;
    do {
      const began = tick.now();
      history = await fit(parts.model, {
        ...parts.options,
        callbacks: [...parts.options.callbacks!, tick],
        budgetMs,
        resume: history,
      });
      calls++;
      // A step takes a millisecond, an accumulated one three; one is always made.
      expect(tick.now() - began).toBeLessThanOrEqual(Math.max(budgetMs, kind === 'accumulation' ? 3 : 2));
    } while (!history.finished);
    expect(numbers(parts, history)).toEqual(expected);
    expect(calls).toBeGreaterThan(budgetMs > 20 ? 1 : 3);
  });

  it('gives them from JSON and saved weights, in a new program each time', async () => {
    const expected = await whole(kind);
    let parts = program(kind);
    const tick = clock((batch) => 1 + (batch % 3));
    let json: string | undefined;
    for (let calls = 0; ; calls++) {
      const history: History = await fit(parts.model, {
        ...parts.options,
        callbacks: [...parts.options.callbacks!, tick],
        budgetMs: 5 + (calls % 4),
        ...(json !== undefined && { resume: JSON.parse(json) as History }),
      });
      if (history.finished) {
        expect(numbers(parts, history)).toEqual(expected);
        expect(calls).toBeGreaterThan(3);
        break;
      }
      json = JSON.stringify(history);
      parts = restarted(kind, parts);
    }
  });
});

describe('a budget', () => {
  const bare = () => {
    manualSeed(2);
    const model = new nn.Linear(3, 2);
    const options: FitOptions = {
      data: new data.DataLoader(dataset, { batchSize: 10 }),
      loss: new nn.CrossEntropyLoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 4,
    };
    return { model, options };
  };

  it('is not exceeded by a step or a validation that is as slow as those before', async () => {
    const { model, options } = bare();
    // The first step is slow, since it is recorded; the others take 3 ms, the end of an epoch 7.
    const tick = clock((batch) => (batch === 0 ? 10 : 3), 7);
    const began = tick.now();
    const history = await fit(model, { ...options, callbacks: [tick], budgetMs: 31.5 });
    // 10 + 4 · 3 + 7 = 29; another step is foreseen at 3 or more.
    expect(tick.now() - began).toBe(29);
    expect(history.finished).toBe(false);
    expect(history.epochs).toHaveLength(1);
    expect(history.state.epoch?.batch).toBe(0);
  });

  it('leaves a validation for the next call that would not fit in', async () => {
    const { model, options } = bare();
    const tick = clock(() => 1);
    class Slow extends metrics.Metric<number> {
      readonly name = 'slow';
      add = () => undefined;
      reset = () => undefined;
      compute(): number {
        tick.onTime(10);
        return 1;
      }
    }
    const twice = new data.TensorDataset([...points, ...points], [...classes, ...classes]);
    const validation = new data.DataLoader(twice, { batchSize: 10 });
    const settings = { ...options, validation, metrics: [new Slow()], callbacks: [tick], budgetMs: 12 };
    const spent: number[] = [];
    const call = async (resume?: History): Promise<History> => {
      const began = tick.now();
      const history = await fit(model, { ...settings, resume });
      spent.push(tick.now() - began);
      return history;
    };
    // 5 ms are over. Nobody knows a validation yet: twice the rows of an epoch may take 10 ms and a recording.
    const first = await call();
    expect(first.epochs).toHaveLength(0);
    expect(first.state.epoch).toMatchObject({ batch: 5, batches: 5, rows: 50 });
    // It comes first in the next call and takes 10 ms; two steps fit in.
    const second = await call(first);
    expect(second.epochs.map(({ validationSlow }) => validationSlow)).toEqual([1]);
    expect(second.state.epoch).toMatchObject({ batch: 2 });
    // Now it is known.
    const third = await call(JSON.parse(JSON.stringify(second)) as History);
    expect(third.state.epoch).toMatchObject({ batch: 5 });
    expect(spent).toEqual([5, 12, 3]);
  });

  it('that is large enough changes nothing', async () => {
    const [plain, with_] = [bare(), bare()];
    const expected = await fit(plain.model, plain.options);
    const history = await fit(with_.model, { ...with_.options, budgetMs: 1e9 });
    expect(history.finished).toBe(true);
    expect(history.state).toEqual(expected.state);
    expect(history.epochs.map(({ loss }) => loss)).toEqual(expected.epochs.map(({ loss }) => loss));
  });

  it('keeps hooks from being told twice', async () => {
    const { model, options } = bare();
    const tick = clock(() => 1);
    const told: string[] = [];
    const diary = {
      onEpochBegin: (epoch: number) => void told.push(`begin ${epoch}`),
      onBatchEnd: ({ epoch, batch, rows }: { epoch: number; batch: number; rows: number }) =>
        void told.push(`${epoch}.${batch} ${rows}`),
      onEpochEnd: ({ epoch }: { epoch: number }) => void told.push(`end ${epoch}`),
    };
    let history: History | undefined;
    do {
      const settings = { ...options, epochs: 2, callbacks: [diary, tick], budgetMs: 3 };
      history = await fit(model, { ...settings, resume: history });
    } while (!history.finished);
    const epoch = (n: number) => [
      `begin ${n}`,
      ...[1, 2, 3, 4, 5].map((batch) => `${n}.${batch} ${batch * 10}`),
      `end ${n}`,
    ];
    expect(told).toEqual([...epoch(1), ...epoch(2)]);
  });

  it('is refused where data cannot be begun in the middle, and where it is no time', async () => {
    const { model, options } = bare();
    async function* stream(): AsyncGenerator<data.StreamItem> {
      yield [points, classes];
    }
    const before = [...model.weight.data];
    const sampler: data.Sampler = { length: 50, order: () => points.map((_, i) => i) };
    const refused = (changed: Partial<FitOptions>) =>
      expect(fit(model, { ...options, budgetMs: 5, ...changed })).rejects;
    await refused({ data: new data.Stream(stream) }).toThrow(/budgetMs cannot be kept, data is a stream/);
    await refused({ validation: stream() }).toThrow(/budgetMs cannot be kept, validation is a stream/);
    await refused({ data: new data.DataLoader(dataset, { sampler }) }).toThrow(
      /sampler of data has no getState/,
    );
    await refused({ budgetMs: -1 }).toThrow(/budgetMs to be a number ≥ 0, got -1/);
    await refused({ budgetMs: NaN }).toThrow(/got NaN/);
    expect([...(model as nn.Linear).weight.data]).toEqual(before);
    const interrupting = {
      onBatchEnd: (_: unknown, training: { interrupt(): void }) => training.interrupt(),
    };
    await refused({ budgetMs: undefined, data: new data.Stream(stream), callbacks: [interrupting] }).toThrow(
      /cannot be interrupted, data is a stream/,
    );
  });

  it('of a history with other data or callbacks is refused', async () => {
    const { model, options } = bare();
    const tick = clock(() => 1);
    const resume = await fit(model, { ...options, callbacks: [tick], budgetMs: 2 });
    const before = [...model.weight.data];
    const other = new data.DataLoader(dataset, { batchSize: 5 });
    await expect(fit(model, { ...options, callbacks: [tick], data: other, resume })).rejects.toThrow(
      /expected data of 5 batches, .* got 10/,
    );
    await expect(fit(model, { ...options, resume })).rejects.toThrow(/expected 1 callbacks, .* got 0/);
    expect([...model.weight.data]).toEqual(before);
  });
});

describe('interrupt()', () => {
  it('ends a call after so many batches, for hosts without a clock', async () => {
    const expected = await whole('a seed of its own');
    const parts = program('a seed of its own');
    let count = 0;
    const counting = {
      onBatchEnd: (_: unknown, training: { interrupt(): void }) => {
        if (++count % 5 === 0) training.interrupt();
      },
    };
    let history: History | undefined;
    let calls = 0;
    do {
      const settings = { ...parts.options, callbacks: [...parts.options.callbacks!, counting] };
      history = await fit(parts.model, { ...settings, resume: history });
      calls++;
    } while (!history.finished);
    expect(numbers(parts, history)).toEqual(expected);
    expect(calls).toBe(Math.ceil((history.epochs.length * 7) / 5));
  });

  it('between two epochs goes on with the next', async () => {
    const expected = await whole('the common seed');
    const parts = program('the common seed');
    const each = { onEpochEnd: (_: unknown, training: { interrupt(): void }) => training.interrupt() };
    let history: History | undefined;
    do {
      const settings = { ...parts.options, callbacks: [...parts.options.callbacks!, each] };
      history = await fit(parts.model, { ...settings, resume: history });
      expect(history.state.epoch).toBeUndefined();
    } while (!history.finished);
    expect(numbers(parts, history)).toEqual(expected);
  });
});
