import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import {
  callbacks,
  data,
  DivergenceError,
  fit,
  getRandomState,
  manualSeed,
  metrics,
  nn,
  optim,
  type BatchReport,
  type EpochReport,
  type History,
  type Tensor,
} from 'wasmgrad';
import { trainInWorker, type TrainInWorkerOptions, type TrainingEvent } from 'wasmgrad/worker';

const points = Array.from({ length: 60 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const dataset = new data.TensorDataset(points, classes);
const program = (name: string): URL => new URL(`./programs/${name}.mjs`, import.meta.url);
const rows = (): Float32Array => Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));

/** A training of many parts, made from seeds. */
function whole() {
  manualSeed(7);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Residual(new nn.Linear(8, 8)),
    new nn.Linear(8, 2),
  );
  const frozen = model.parameters()[1];
  frozen.requiresGrad = false;
  const [first, ...others] = model.parameters();
  const optimizer = new optim.AdamW([{ params: [first], lr: 0.02, weightDecay: 0.1 }, { params: others }], {
    lr: 0.01,
  });
  const schedule = new optim.SequentialLR(optimizer, {
    schedulers: [
      new optim.LinearLR(optimizer, { totalIters: 3 }),
      new optim.ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 }),
    ],
    milestones: [3],
  });
  const ema = new optim.EMA(model.parameters(), { decay: 0.9 });
  const stopping = new callbacks.EarlyStopping({ patience: 4 });
  const rates = new callbacks.LRLogger();
  const sampler = new data.WeightedRandomSampler(data.balancedWeights(classes), { seed: 4 });
  const [train, held] = data.trainTestSplit(dataset, { testSize: 20, seed: 2 });
  const options = {
    data: new data.DataLoader(train, { batchSize: 8, shuffle: true }),
    validation: new data.DataLoader(held.subset([3, 1, 4, 5, 9, 2, 6]), {
      batchSize: 4,
      shuffle: true,
      seed: 1,
    }),
    loss: new nn.CrossEntropyLoss({ labelSmoothing: 0.1, weight: [1, 2] }),
    metrics: ['accuracy', 'f1'],
    optimizer,
    schedule,
    ema,
    callbacks: [stopping, rates],
    clipGradNorm: 1,
    accumulate: 2,
    epochs: 8,
  } satisfies TrainInWorkerOptions;
  return { model, options, schedule, ema, stopping, rates, sampler };
}
type Whole = ReturnType<typeof whole>;

function numbers({ model, options, schedule, ema, stopping, rates }: Whole, history: History) {
  return {
    weights: Object.values(model.stateDict()).map((tensor) => [...tensor.data]),
    optimizer: options.optimizer.stateDict(),
    schedule: schedule.stateDict(),
    averages: ema.stateDict(),
    best: [stopping.best, stopping.bestEpoch, stopping.stoppedEpoch],
    rates: rates.entries,
    loaders: [options.data.getState(), options.validation.getState()],
    epochs: history.epochs.map((report) => ({ ...report, seconds: 0 })),
    state: history.state,
    output: model.output,
  };
}

function simple(changed: Partial<TrainInWorkerOptions> & { validation?: data.DataLoader } = {}) {
  manualSeed(7);
  const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Dropout(0.5), new nn.Linear(4, 2));
  const options: TrainInWorkerOptions & { validation?: data.DataLoader } = {
    data: new data.DataLoader(dataset, { batchSize: 8, shuffle: true }),
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    epochs: 6,
    ...changed,
  };
  return { model, options };
}
const weightsOf = (model: nn.Module): number[][] =>
  Object.values(model.stateDict()).map(({ data }) => [...data]);

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function thrower(error: Error): () => never {
  return () => {
    throw error;
  };
}

/** What fit() makes of a simple training. */
async function trained(): Promise<{ weights: number[][]; losses: number[] }> {
  const { model, options } = simple();
  const history = await fit(model, { ...options, data: options.data as data.DataLoader });
  return { weights: weightsOf(model), losses: history.epochs.map(({ loss }) => loss) };
}

describe('a training in a worker', () => {
  it('gives the bits of fit(), and everything handed in is as if it had been trained here', async () => {
    const [here, there] = [whole(), whole()];
    manualSeed(5);
    const history = await fit(here.model, here.options);
    manualSeed(5);
    const before = getRandomState();
    const run = trainInWorker(there.model, there.options);
    expect(numbers(there, await run.history)).toEqual(numbers(here, history));
    // Random numbers of this program go on where they were.
    expect(getRandomState()).toEqual(before);
    // And so does the training.
    there.model.loadStateDict(await run.weights());
    expect(weightsOf(there.model)).toEqual(weightsOf(here.model));
  });

  it('gives them with a sampler, and again from its history', async () => {
    const make = () => {
      const { model, options } = simple();
      const { sampler } = whole();
      return {
        model,
        options: { ...options, data: new data.DataLoader(dataset, { batchSize: 7, sampler }) },
      };
    };
    const [here, there] = [make(), make()];
    manualSeed(5);
    await fit(here.model, here.options);
    manualSeed(5);
    const first = await trainInWorker(there.model, { ...there.options, epochs: 2 }).history;
    await trainInWorker(there.model, { ...there.options, resume: first }).history;
    expect(weightsOf(there.model)).toEqual(weightsOf(here.model));
  });

  it('gives them on threads', async () => {
    const { weights } = await trained();
    const { model, options } = simple({ threads: 2 });
    await trainInWorker(model, options).history;
    expect(weightsOf(model)).toEqual(weights);
  });

  it('gives them when it is interrupted by a budget', async () => {
    const { weights } = await trained();
    const { model, options } = simple({ budgetMs: 0 });
    let history: History | undefined;
    do {
      history = await trainInWorker(model, { ...options, epochs: 1, resume: history }).history;
    } while (!history.finished);
    await trainInWorker(model, { ...options, budgetMs: undefined, resume: history }).history;
    expect(weightsOf(model)).toEqual(weights);
  });

  it('tells of epochs and batches, to functions and to whoever iterates', async () => {
    const { losses } = await trained();
    const epochs: EpochReport[] = [];
    const batches: BatchReport[] = [];
    const { model, options } = simple({
      batchEveryMs: 0,
      onEpoch: (report) => void epochs.push(report),
      onBatch: (report) => void batches.push(report),
    });
    const run = trainInWorker(model, options);
    const events: TrainingEvent[] = [];
    for await (const event of run) events.push(event);
    expect(epochs.map(({ loss }) => loss)).toEqual(losses);
    expect(batches.map(({ epoch, batch }) => [epoch, batch])).toEqual(
      Array.from({ length: 48 }, (_, i) => [Math.floor(i / 8) + 1, (i % 8) + 1]),
    );
    expect(events.filter(({ type }) => type === 'epoch').map(({ report }) => report)).toEqual(epochs);
    expect(events.filter(({ type }) => type === 'batch').map(({ report }) => report)).toEqual(batches);
    expect((await run.history).epochs).toEqual(epochs);
  });

  it('gives weights whenever asked, also while it stands still, and its bits stay the same', async () => {
    const { weights } = await trained();
    const seen: number[] = [];
    const { model, options } = simple({
      batchEveryMs: 0,
      onEpoch: async ({ epoch }) => {
        // Training waits, so they are those of the end of this epoch.
        if (epoch !== 2) return;
        const { model: other, options: same } = simple();
        await fit(other, { ...same, data: same.data as data.DataLoader, epochs: 2 });
        other.loadStateDict(await run.weights());
        seen.push(...other.parameters()[0].data);
        await run.pause();
        expect(run.paused).toBe(true);
        await run.weights();
        run.resume();
      },
    });
    const run = trainInWorker(model, options);
    const early = await run.weights();
    expect(Object.keys(early)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    await run.history;
    expect(weightsOf(model)).toEqual(weights);
    const { model: other, options: same } = simple({ epochs: 2 });
    await fit(other, { ...same, data: same.data as data.DataLoader });
    expect(seen).toEqual([...other.parameters()[0].data]);
  });

  it('that was paused before it began, begins when it is resumed', async () => {
    const { weights } = await trained();
    const { model, options } = simple();
    const run = trainInWorker(model, options);
    await run.pause();
    const before = weightsOf(model);
    expect(Object.values(await run.weights()).map((values) => [...values])).toEqual(before);
    run.resume();
    await run.history;
    expect(weightsOf(model)).toEqual(weights);
  });

  it('can be stopped, and hands back what it has', async () => {
    const { losses } = await trained();
    const { model, options } = simple({
      epochs: 1e6,
      onEpoch: ({ epoch }) => (epoch === 2 ? run.stop() : undefined),
    });
    const before = weightsOf(model);
    const run = trainInWorker(model, options);
    const history = await run.history;
    expect(history.epochs.map(({ loss }) => loss)).toEqual(losses.slice(0, 2));
    expect(weightsOf(model)).not.toEqual(before);
  });

  it('can be aborted: the reason rejects it, the model has its last weights', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { model, options } = simple({
      epochs: 1e6,
      signal: controller.signal,
      onEpoch: ({ epoch }) => (epoch === 3 ? controller.abort(reason) : undefined),
    });
    const before = weightsOf(model);
    const run = trainInWorker(model, options);
    await expect(run.history).rejects.toBe(reason);
    expect(weightsOf(model)).not.toEqual(before);
    await expect(run.weights()).rejects.toBe(reason);
    const { model: other, options: same } = simple({ signal: AbortSignal.abort(reason) });
    await expect(trainInWorker(other, same).history).rejects.toBe(reason);
    const late = new AbortController();
    const paused = trainInWorker(other, { ...same, signal: late.signal });
    await paused.pause();
    late.abort(reason);
    await expect(paused.history).rejects.toBe(reason);
  });
});

describe('data for a worker', () => {
  const inputs = (): Float32Array => Float32Array.from(points.flat());
  const made = (extra: Partial<TrainInWorkerOptions>, x: data.TensorDataset | Float32Array = inputs()) => {
    const { model, options } = simple();
    const rowsOf = { data: x as Float32Array, shape: [60, 3] };
    const targets = Uint8Array.from(classes);
    return {
      model,
      targets,
      options: { ...options, data: { inputs: rowsOf, targets, batchSize: 8, shuffle: true }, ...extra },
    };
  };

  it('is transferred at once, or copied, with the same bits as a loader', async () => {
    const { weights } = await trained();
    const [x, y] = [inputs(), inputs()];
    const taken = made({}, x);
    const run = trainInWorker(taken.model, taken.options);
    expect([x.length, taken.targets.length]).toEqual([0, 0]);
    await run.history;
    expect(weightsOf(taken.model)).toEqual(weights);
    const copied = made({ copy: true }, y);
    const other = trainInWorker(copied.model, copied.options);
    expect([y.length, copied.targets.length]).toEqual([180, 60]);
    await other.history;
    expect(weightsOf(copied.model)).toEqual(weights);
    expect(() => trainInWorker(taken.model, taken.options)).toThrow(
      /inputs: 0 numbers .* went to a worker before/,
    );
  });

  it('is copied where an array is part of a buffer, and nested arrays stay what they are', async () => {
    const { weights } = await trained();
    const large = new Float32Array(200);
    large.set(inputs(), 10);
    const { model, options } = made({}, large.subarray(10, 190));
    await trainInWorker(model, options).history;
    expect(large).toHaveLength(200);
    expect(weightsOf(model)).toEqual(weights);
    const nested = simple({ data: { inputs: points, targets: classes, batchSize: 8, shuffle: true } });
    await trainInWorker(nested.model, nested.options).history;
    expect(weightsOf(nested.model)).toEqual(weights);
    expect(points).toHaveLength(60);
  });

  it('that is bad is an error, here or there, and takes nothing away', async () => {
    const { model, targets, options } = made({});
    const refused = (extra: object) => expect(() => trainInWorker(model, { ...options, ...extra } as never));
    refused({ loss: (a: Tensor) => a.sum() }).toThrow(/the loss is .*, which cannot go to a worker; .*setup/);
    refused({ loss: new (class Own extends nn.MSELoss {})() }).toThrow(/the loss is Own, which cannot go/);
    refused({ metrics: [new metrics.F1()] }).toThrow(/expected metrics by name, got F1/);
    refused({ callbacks: [new callbacks.CSVLogger(() => undefined)] }).toThrow(
      /callback 0 is CSVLogger, which/,
    );
    refused({ callbacks: [new callbacks.LRLogger({ log: () => undefined })] }).toThrow(
      /callback 0 is LRLogger/,
    );
    refused({ optimizer: { step() {}, zeroGrad() {} } }).toThrow(/the optimizer is an object of your own/);
    refused({ optimizer: new optim.SGD(new nn.Linear(1, 1).parameters(), { lr: 1 }) }).toThrow(
      /the optimizer has a tensor that is no parameter of the model/,
    );
    const lambda = new optim.LambdaLR(options.optimizer, { lrLambda: () => 1 });
    refused({ schedule: lambda }).toThrow(/the schedule is LambdaLR, which cannot go/);
    refused({ data: new data.Stream(async function* () {}) }).toThrow(/streams cannot go to a worker/);
    refused({ progress: true }).toThrow(/progress/);
    refused({ batchEveryMs: -1 }).toThrow(/≥ 0, got -1/);
    class Own extends nn.Module {
      forward = (x: Tensor): Tensor => x;
    }
    expect(() => trainInWorker(new nn.Sequential(new Own()), options)).toThrow(
      /the model cannot go to a worker .*0 is a class of your own, Own.*setup/,
    );
    expect(targets).toHaveLength(60);
    const wrong = { inputs: points, targets: classes.map((one) => one + 5), batchSize: 8 };
    await expect(trainInWorker(model, { ...options, data: wrong }).history).rejects.toThrow(RangeError);
  });
});

describe('errors', () => {
  it('come with name, message, stack and what else they say', async () => {
    const { model, options } = simple();
    (options.optimizer as optim.SGD).lr = 1e30;
    const error = await trainInWorker(model, { ...options, loss: new nn.CrossEntropyLoss() }).history.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    const { epoch, lastGoodState, stack } = error as DivergenceError;
    expect(epoch).toBe(1);
    expect(lastGoodState['0.weight'].shape).toEqual([4, 3]);
    expect(stack).toContain('DivergenceError');
    const run = trainInWorker(program('failing'), { input: { epochs: 2, rows: rows() } });
    await expect(run.history).rejects.toMatchObject({ name: 'OwnError', message: 'no more', code: 7 });
    await expect(run.history).rejects.toHaveProperty('stack', expect.stringContaining('failing.mjs'));
    await expect(run.weights()).rejects.toThrow('no more');
  });

  it('of functions of the caller end it', async () => {
    const { model, options } = simple();
    const thrown = new Error('mine');
    const failing = () => {
      throw thrown;
    };
    await expect(trainInWorker(model, { ...options, epochs: 1e6, onEpoch: failing }).history).rejects.toBe(
      thrown,
    );
    await expect(trainInWorker(model, { ...options, epochs: 1e6, onBatch: failing }).history).rejects.toBe(
      thrown,
    );
  });

  it.each<[string, (thrown: Error) => object]>([
    ['onBatch', (thrown) => ({ onBatch: thrower(thrown) })],
    ['an async onBatch', (thrown) => ({ onBatch: async () => thrower(thrown)() })],
    ['an onBatch that fails late', (thrown) => ({ onBatch: () => later(50).then(thrower(thrown)) })],
    ['onEpoch', (thrown) => ({ onEpoch: thrower(thrown) })],
    ['an async onEpoch', (thrown) => ({ onEpoch: () => later(50).then(thrower(thrown)) })],
  ])('of %s reject even a training that is over before they are heard', async (_, options) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const thrown = new Error('mine');
    const { history } = trainInWorker(program('setup'), {
      input: { epochs: 1, rows: rows().slice(0, 8) },
      batchEveryMs: 0,
      ...options(thrown),
    });
    await expect(history).rejects.toBe(thrown);
    await later(20);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('reach whoever iterates', async () => {
    const run = trainInWorker(program('failing'), { input: { epochs: 2, rows: rows() } });
    const seen: string[] = [];
    const iterate = async (): Promise<void> => {
      for await (const { type } of run) if (type === 'epoch') seen.push(type);
    };
    await expect(iterate()).rejects.toThrow('no more');
  });

  it('tell of a worker that dies, cannot be loaded, or is none', async () => {
    const input = { epochs: 2, rows: rows() };
    await expect(trainInWorker(program('dying'), { input }).history).rejects.toThrow(
      /trainInWorker: the worker ended: it exited with code 3/,
    );
    await expect(trainInWorker(program('missing'), { input }).history).rejects.toThrow(/missing\.mjs/);
    await expect(trainInWorker(program('notASetup'), { input }).history).rejects.toThrow(
      /notASetup.mjs to export a function as default/,
    );
    await expect(trainInWorker(new Worker(program('missing'))).history).rejects.toThrow(
      /the worker ended: .*missing/,
    );
    expect(() => trainInWorker(program('setup'), { input: () => 1 })).toThrow(/could not be cloned/);
    expect(() => trainInWorker(3 as never)).toThrow(/expected a model .* URL of a module, or a Worker/);
  });
});

describe('a training that the worker makes', () => {
  it('by a module or in a worker of its own: any code, the same bits with the same seed', async () => {
    manualSeed(9);
    const taken = rows();
    const first = trainInWorker(program('setup'), {
      input: { epochs: 3, rows: taken },
      transfer: [taken.buffer as ArrayBuffer],
    });
    expect(taken).toHaveLength(0);
    const history = await first.history;
    expect(history.epochs).toHaveLength(3);
    const weights = await first.weights();
    expect(Object.keys(weights)).toEqual(['inner.weight', 'inner.bias']);
    const epochs: number[] = [];
    const second = trainInWorker(new Worker(program('ownWorker')), {
      input: { epochs: 3, rows: rows() },
      onEpoch: ({ epoch }) => void epochs.push(epoch),
    });
    expect((await second.history).epochs.map(({ loss }) => loss)).toEqual(
      history.epochs.map(({ loss }) => loss),
    );
    expect(await second.weights()).toEqual(weights);
    expect(epochs).toEqual([1, 2, 3]);
  });
});
