import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { callbacks, data, getRandomState, manualSeed, nn, optim, type History } from 'wasmgrad';
import { trainInWorker, type TrainInWorkerOptions, type TrainingRun } from 'wasmgrad/worker';

const program = (name: string): URL => new URL(`./programs/${name}.mjs`, import.meta.url);
const rows = (): Float32Array => Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));

/** Two rows, and what is wrong with them. */
const some = (wrong: object): object => ({
  data: {
    inputs: [
      [1, 2],
      [3, 4],
    ],
    targets: [0, 1],
    ...wrong,
  },
});

function raise(): never {
  throw new Error('looked at');
}

function gone(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

/** A training with everything that it may change. */
function whole() {
  manualSeed(3);
  const model = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3), new nn.Linear(3, 2));
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
  const inputs = rows();
  const targets = Uint8Array.from({ length: 20 }, (_, i) => i % 2);
  const ema = new optim.EMA(model.parameters(), { decay: 0.9 });
  const schedule = new optim.StepLR(optimizer, { stepSize: 2 });
  const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 100 });
  const validation = new data.DataLoader(
    new data.TensorDataset(
      [
        [1, 2],
        [3, 4],
      ],
      [0, 1],
    ),
    { batchSize: 1, shuffle: true, seed: 1 },
  );
  const options = {
    data: { inputs: { data: inputs, shape: [20, 2] }, targets, batchSize: 5, shuffle: true, seed: 2 },
    validation,
    loss: new nn.CrossEntropyLoss(),
    optimizer,
    ema,
    schedule,
    callbacks: [stopping],
    epochs: 2,
  } satisfies TrainInWorkerOptions;
  const state = () => ({
    weights: Object.values(model.stateDict()).map(({ data: numbers }) => [...numbers]),
    optimizer: optimizer.stateDict(),
    ema: ema.stateDict(),
    schedule: schedule.stateDict(),
    stopping: stopping.stateDict(),
    validation: validation.getState(),
    output: model.output,
    lengths: [inputs.length, targets.length],
  });
  return { model, options, state };
}

describe('options that cannot be', () => {
  const CASES: [string, object | ((options: ReturnType<typeof whole>['options']) => object), RegExp][] = [
    ['epochs: a function', { epochs: () => 3 }, /epochs, a function, cannot go to a worker/],
    ['epochs: a symbol', { epochs: Symbol('e') }, /epochs, a symbol, cannot go to a worker/],
    [
      'clipGradNorm: a proxy',
      { clipGradNorm: new Proxy({}, {}) },
      /clipGradNorm, an object that cannot be copied/,
    ],
    [
      'resume with a function',
      { resume: { epochs: [], state: { f() {} } } },
      /resume\.state\.f, a function, cannot/,
    ],
    [
      'resume with a getter',
      {
        resume: {
          epochs: [
            {
              get loss() {
                return raise();
              },
            },
          ],
        },
      },
      /resume\.epochs\[0\].* \(looked at\)/,
    ],
    [
      'a getter',
      Object.defineProperty({}, 'epochs', { get: raise, enumerable: true }),
      /an option could not be read: looked at/,
    ],
    ['a proxy', new Proxy({}, { ownKeys: raise }), /an option could not be read: looked at/],
    ['no loss', { loss: undefined }, /expected loss to be one of the library, got a undefined|got undefined/],
    ['loss: null', { loss: null }, /expected loss to be one of the library, got null/],
    ['loss: a symbol', { loss: Symbol('l') }, /expected loss .*, got a symbol/],
    [
      'loss without a prototype',
      { loss: Object.create(null) },
      /the loss is an object of your own, which cannot go/,
    ],
    ['no optimizer', { optimizer: undefined }, /expected optimizer to be one of the library, got undefined/],
    ['optimizer: text', { optimizer: 'adam' }, /expected optimizer .*, got a string/],
    [
      'optimizer without a prototype',
      { optimizer: Object.create(null) },
      /the optimizer is an object of your own/,
    ],
    ['ema: null', { ema: null }, /expected ema to be an optim.EMA, got null/],
    ['ema: a number', { ema: 0.9 }, /expected ema to be an optim.EMA, got a number/],
    ['schedule: text', { schedule: 'cosine' }, /expected schedule to be one of optim/],
    [
      'schedule without a prototype',
      { schedule: Object.create(null) },
      /the schedule is an object of your own/,
    ],
    [
      'callbacks: one',
      { callbacks: new callbacks.LRLogger() },
      /expected callbacks to be an array, got LRLogger/,
    ],
    ['callbacks: [null]', { callbacks: [null] }, /callback 0 is null, which cannot go to a worker/],
    ['callbacks: [3]', { callbacks: [3] }, /callback 0 is a number, which cannot go/],
    ['metrics: text', { metrics: 'accuracy' }, /expected metrics to be an array, got a string/],
    ['metrics: [null]', { metrics: [null] }, /expected metrics by name, got null/],
    ['no data', { data: undefined }, /expected data to be a data.DataLoader or/],
    [
      'inputs: null',
      { data: { inputs: null, targets: [1] } },
      /^trainInWorker: expected data\.inputs to be numbers/,
    ],
    [
      'inputs: a symbol',
      { data: { inputs: Symbol('i'), targets: [1] } },
      /^trainInWorker: expected data\.inputs to be numbers/,
    ],
    [
      'shape: null',
      { data: { inputs: { data: rows(), shape: null }, targets: [1] } },
      /^trainInWorker: expected data\.inputs\.shape to be an array/,
    ],
    [
      'shape: a number',
      { data: { inputs: { data: rows(), shape: 3 }, targets: [1] } },
      /^trainInWorker: expected data\.inputs\.shape to be an array/,
    ],
    [
      'a detached array',
      { data: { inputs: [[1, 2]], targets: detached() } },
      /data\.targets.* went to a worker before/,
    ],
    [
      'a sampler of one’s own',
      { data: { inputs: [[1, 2]], targets: [1], sampler: {} } },
      /the sampler of data is an object of your own/,
    ],
    [
      'sampler: null prototype',
      { data: { inputs: [[1, 2]], targets: [1], sampler: Object.create(null) } },
      /the sampler of data is an object/,
    ],
    [
      'batchSize: a function',
      { data: { inputs: [[1, 2]], targets: [1], batchSize: () => 3 } },
      /data\.batchSize, a function, cannot go/,
    ],
    ['signal: a number', { signal: 3 }, /expected signal to be an AbortSignal/],
    ['signal: null', { signal: null }, /expected signal to be an AbortSignal/],
    ['graceMs: -1', { graceMs: -1 }, /expected graceMs to be a number of milliseconds ≥ 0, got -1/],
    ['startTimeoutMs: NaN', { startTimeoutMs: Number.NaN }, /expected startTimeoutMs .* got NaN/],
    ['batchEveryMs: a symbol', { batchEveryMs: Symbol('b') }, /expected batchEveryMs .* got Symbol\(b\)/],
    ['onEpoch: an object', { onEpoch: {} }, /expected onEpoch to be a function/],
    ['threads: text', { threads: 'two' }, /expected threads to be a number or 'auto'/],
    ['threads: -1', { threads: -1 }, /expected threads 'auto' or an integer from 1 to 64, got -1/],
    ['threads: 1.5', { threads: 1.5 }, /expected threads 'auto' or an integer .*, got 1\.5/],
    ['epochs: -1', { epochs: -1 }, /expected epochs to be an integer ≥ 0, got -1/],
    ['epochs: text', { epochs: '3' }, /expected epochs to be an integer ≥ 0, got string "3"/],
    ['no epochs', { epochs: undefined }, /expected epochs to be an integer ≥ 0, got undefined/],
    ['accumulate: 0', { accumulate: 0 }, /expected accumulate to be a positive integer, got 0/],
    ['clipGradNorm: text', { clipGradNorm: 'x' }, /expected clipGradNorm to be a number ≥ 0, got string "x"/],
    ['clipGradValue: NaN', { clipGradValue: Number.NaN }, /expected clipGradValue .*, got NaN/],
    ['budgetMs: -1', { budgetMs: -1 }, /expected budgetMs to be a number ≥ 0, got -1/],
    [
      'metrics without validation',
      { validation: undefined, metrics: ['f1'] },
      /metrics are figures of the val/,
    ],
    ['metrics: unknown', { metrics: ['f7'] }, /unknown metric 'f7'/],
    ['metrics: twice', { metrics: ['f1', 'f1'] }, /two metrics are called 'f1'/],
    ['resume: {}', { resume: {} }, /expected resume to be the history that fit\(\) returned/],
    ['resume: null', { resume: null }, /expected resume to be the history that fit\(\) returned/],
    ['resume: no state', { resume: { epochs: [], state: {} } }, /expected resume to be the history/],
    [
      'resume: random: {}',
      { resume: { epochs: [], state: { random: {} } } },
      /resume: expected a state of four 32-bit integers, got undefined/,
    ],
    [
      'resume: of other data',
      { resume: { epochs: [], state: { random: getRandomState(), epoch: { batches: 7 } } } },
      /expected data of 7 batches, .* got 4/,
    ],
    [
      'resume: of other callbacks',
      { resume: { epochs: [], state: { random: getRandomState(), callbacks: [] } } },
      /expected 0 callbacks, .* got 1/,
    ],
    ['batchSize: -1', some({ batchSize: -1 }), /data: expected batchSize to be a positive integer, got -1/],
    ['batchSize: text', some({ batchSize: '2' }), /data: expected batchSize to be a positive integer/],
    ['seed: -1', some({ seed: -1 }), /data: expected seed to be a non-negative integer, got -1/],
    ['an unknown option', some({ batchsize: 2 }), /data: unknown option 'batchsize'/],
    ['no whole batch', some({ batchSize: 3, dropLast: true }), /data: 2 rows give no batch of 3/],
    ['too few targets', some({ targets: [1] }), /data: expected as many targets as inputs, got .*\[1\]/],
    ['no rows', some({ inputs: [], targets: [] }), /data: expected at least one row, got none/],
    [
      'too few targets in validation',
      {
        validation: {
          inputs: [
            [1, 2],
            [3, 4],
          ],
          targets: [1],
        },
      },
      /validation: expected as many targets as inputs/,
    ],
    [
      'shape of negative lengths',
      some({ inputs: { data: rows(), shape: [-2, -20] } }),
      /data\.inputs: expected a shape of lengths that are non-negative integers/,
    ],
    [
      'integers of 64 bits',
      some({ inputs: new BigInt64Array(2) }),
      /data\.inputs to be numbers, got a BigInt64Array/,
    ],
    [
      'a DataView',
      some({ targets: new DataView(new ArrayBuffer(8)) }),
      /data\.targets to be numbers, got a DataView/,
    ],
    [
      'schedule: every: text',
      (made) => ({ schedule: { scheduler: made.schedule, every: 'week' } }),
      /expected every to be 'epoch' or 'batch', got string "week"/,
    ],
    [
      'schedule of another optimizer',
      (made) => ({
        schedule: new optim.StepLR(new optim.SGD(made.ema.parameters, { lr: 1 }), { stepSize: 1 }),
      }),
      /the schedule is one of another optimizer/,
    ],
  ];

  it.each(CASES)('%s: named, with nothing changed', (_, change, reason) => {
    const { model, options, state } = whole();
    const changed = typeof change === 'function' ? change(options) : change;
    const before = state();
    const given =
      changed instanceof Object && Object.getOwnPropertyDescriptor(changed, 'epochs')?.get
        ? changed
        : undefined;
    const all = given ?? (isProxy(changed) ? changed : { ...options, ...changed });
    let thrown: unknown;
    try {
      trainInWorker(model, all as TrainInWorkerOptions);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    expect((thrown as Error).message).toMatch(/^trainInWorker: /);
    expect((thrown as Error).message).toMatch(reason);
    expect((thrown as Error).message).not.toMatch(
      /Cannot read|is not a function|is not iterable|undefined \(/,
    );
    expect(state()).toEqual(before);
  });

  it.each<[string, object, RegExp]>([
    ['a function', { input: () => 1 }, /input, a function, cannot go to a worker \(.*could not be cloned/],
    ['a function inside', { input: { a: [1, { f() {} }] } }, /input\.a\[1\]\.f, a function, cannot go/],
    ['a symbol inside', { input: new Map([['k', Symbol('s')]]) }, /input\.get\(k\), a symbol, cannot go/],
    ['a weak map', { input: { cache: new WeakMap() } }, /input\.cache, an object that cannot be copied/],
    [
      'a getter',
      {
        input: {
          get a() {
            return raise();
          },
        },
      },
      /input, .* \(looked at\)/,
    ],
    ['a proxy', { input: { deep: new Proxy({}, {}) } }, /input\.deep, an object/],
    ['a detached buffer', { input: { b: gone() } }, /input\.b, an object .*detached/],
    ['a cycle with a function', { input: cycle() }, /input\.f, a function/],
    ['transfer: a number', { transfer: 3 }, /expected transfer to be an array/],
    ['transfer: [number]', { transfer: [3] }, /expected transfer\[0\] to be a buffer/],
    ['transfer: an array', { transfer: [rows()] }, /expected transfer\[0\] to be a buffer: .*array\.buffer/],
    ['transfer: twice', { transfer: twice() }, /transfer has a buffer twice, at 1/],
    ['transfer: detached', { transfer: [gone()] }, /the buffer transfer\[0\] was transferred before/],
    [
      'transfer: shared',
      { transfer: [new SharedArrayBuffer(8)] },
      /^trainInWorker: input cannot go to a worker/,
    ],
  ])('input, %s', (_, options, reason) => {
    expect(() => trainInWorker(program('setup'), options as never)).toThrow(reason);
    expect(() => trainInWorker(program('setup'), options as never)).toThrow(/^trainInWorker: /);
  });

  it('input that contains itself goes, and what goes only once is refused', async () => {
    const input: Record<string, unknown> = { epochs: 1, rows: rows() };
    input['self'] = [input, new Map([['again', input]])];
    expect((await trainInWorker(program('setup'), { input }).history).epochs).toHaveLength(1);
    const { port1 } = new MessageChannel();
    const run = trainInWorker(program('setup'), { input: { port1 }, transfer: [port1 as never] });
    await expect(run.history).rejects.toThrow(/^trainInWorker: the input cannot go to the worker \(/);
  });

  it('a buffer is still there when something else cannot be sent', () => {
    const { buffer } = rows();
    const input = { buffer, f: () => 1 };
    expect(() => trainInWorker(program('setup'), { input, transfer: [buffer as ArrayBuffer] })).toThrow(
      /input\.f/,
    );
    expect(buffer.byteLength).toBe(160);
  });
});

function isProxy(value: object): boolean {
  try {
    return Reflect.ownKeys(value) === undefined;
  } catch {
    return true;
  }
}

function detached(): Float32Array {
  const values = new Float32Array(2);
  structuredClone(values, { transfer: [values.buffer] });
  return values;
}

function twice(): ArrayBuffer[] {
  const one = new ArrayBuffer(8);
  return [one, one];
}

function cycle(): object {
  const all: Record<string, unknown> = {};
  all['self'] = all;
  all['f'] = () => 1;
  return all;
}

describe('what a training in a worker ends with', () => {
  it.each<[string, RegExp]>([
    ['null', /^null$/],
    ['undefined', /^undefined$/],
    ['a text', /^text$/],
    ['a symbol', /^Symbol\(s\)$/],
    ['an object without text', /cannot be shown/],
    ['an error with getters', /^getters$/],
    ['an error with a message that is no text', /cannot be shown/],
    ['an error with functions and cycles', /^full$/],
    ['an error by our name', /^ours$/],
    ['a proxy', /./],
    ['a disposed model', /can no longer be read/],
    ['nothing', /expected the default export of .*odd\.mjs to return { model, .*, got undefined$/],
    [
      'an empty object',
      /expected the default export of .*odd\.mjs to return { model, .*, got model: undefined$/,
    ],
    ['a number', /expected the default export of .*odd\.mjs to return { model, .*, got 7$/],
    ['no model', /expected the default export of .*odd\.mjs to return { model, .*, got model: undefined$/],
    ['a model that is none', /expected the default export of .*odd\.mjs to .*, got model: an Object$/],
  ])('%s', async (how, reason) => {
    const run = trainInWorker(program('odd'), { input: { epochs: 1, rows: rows(), how } });
    // Whoever asks for weights, where there never are any, is told the same.
    const asked = run.weights().then(
      () => undefined,
      (error: unknown) => error,
    );
    await expect(run.history).rejects.toThrow(reason);
    await expect(run.history).rejects.not.toThrow(/Cannot read prop/);
    const told = await asked;
    if (reason.source.startsWith('expected')) expect(String(told)).toMatch(reason);
  });

  it('what cannot be sent is said in words', async () => {
    const run = trainInWorker(program('odd'), {
      input: { epochs: 2, rows: rows(), how: 'a state that is a function' },
    });
    expect((await run.history).epochs).toHaveLength(2);
  });
});

describe('a worker that fails', () => {
  /** Answers the first order with what `answer` makes of it. */
  const answering = (answer: string): Worker => {
    const code = `const { parentPort } = require('node:worker_threads');
      const tell = (run, message) => parentPort.postMessage({ wasmgradTraining: 2, run, ...message });
      parentPort.on('message', ({ run, type, job }) => {
        if (type === 'hello') tell(run, { type: 'ready' });
        if (type === 'start') { ${answer} }
      });`;
    return new Worker(code, { eval: true });
  };

  /** A training whose worker is another. */
  async function trainBy(worker: Worker, { model, options }: ReturnType<typeof whole>): Promise<TrainingRun> {
    const { TrainingRun: Run } = await import('../../src/worker/run.js');
    const { writeStates } = await import('../../src/worker/states.js');
    const job = { random: {}, training: {}, batchEveryMs: 0, waits: false } as never;
    return new Run(job, {}, {} as never, worker as never, (states) => writeStates(model, options, states));
  }

  const HISTORY = '{ epochs: [], state: {}, finished: true }';

  it.each<[string, string]>([
    ['ends', 'process.exit(0)'],
    ['ends after a report', "tell(run, { type: 'batch', report: {} }); process.exit(3)"],
    [
      'sends other weights',
      `tell(run, { type: 'done', history: ${HISTORY}, states: { weights: { other: new Float32Array(3) } } })`,
    ],
    [
      'fails with other weights',
      "tell(run, { type: 'failed', error: { name: 'Error', message: 'm', fields: {} }, states: { weights: {} } })",
    ],
  ])('that %s leaves everything as it was', async (_, answer) => {
    const made = whole();
    const before = made.state();
    await expect((await trainBy(answering(answer), made)).history).rejects.toThrow();
    expect(made.state()).toEqual(before);
  });

  it.each<[string, object]>([
    ['optimizer', { optimizer: { optimizer: 'SGD', state: {}, paramGroups: [] } }],
    ['average', { ema: { decay: 0.5, averages: [] } }],
    ['loader', { validation: { random: 'x' } }],
  ])('whose %s does not fit changes no weight, nor anything else', async (_, wrong) => {
    const made = whole();
    const before = made.state();
    const weights = Object.fromEntries(
      Object.entries(made.model.stateDict()).map(([name, { data: numbers }]) => [name, numbers.map(() => 9)]),
    );
    const states = { weights, schedule: { ...before.schedule, lastEpoch: 7 }, ...wrong };
    const worker = answering(
      `tell(run, { type: 'done', history: ${HISTORY}, states: STATES })`.replace('STATES', 'job.training'),
    );
    const { TrainingRun: Run } = await import('../../src/worker/run.js');
    const { writeStates } = await import('../../src/worker/states.js');
    const job = { random: {}, training: states, batchEveryMs: 0, waits: false } as never;
    const run = new Run(job, {}, {} as never, worker as never, (given) =>
      writeStates(made.model, made.options, given),
    );
    await expect(run.history).rejects.toThrow();
    expect(made.state()).toEqual(before);
  });

  it('does not say what the model’s outputs mean before it has trained it', async () => {
    const { model, options } = whole();
    const noLabels = {
      inputs: [
        [1, 2],
        [3, 4],
      ],
      targets: [7, 7],
      batchSize: 2,
    };
    const run = trainInWorker(model, { ...options, data: noLabels });
    expect(model.output).toBe('raw');
    await expect(run.history).rejects.toThrow(/expected class indices/);
    expect(model.output).toBe('raw');
    const again = whole();
    const history: History = await trainInWorker(again.model, again.options).history;
    expect(history.epochs).toHaveLength(2);
    expect(again.model.output).toBe('softmax');
  });
});
