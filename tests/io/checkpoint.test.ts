import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { createReadStream, createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PassThrough, Readable } from 'node:stream';
import 'fake-indexeddb/auto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  callbacks,
  data,
  fit,
  getRandomState,
  manualSeed,
  nn,
  optim,
  type FitOptions,
  type History,
  type Tensor,
} from 'wasmgrad';
import {
  encodeCheckpoint,
  encodeModel,
  encodeWeights,
  indexedDb,
  loadCheckpoint,
  loadModel,
  loadWeights,
  readSafetensors,
  saveCheckpoint,
  saveModel,
  saveWeights,
  writeSafetensors,
  type ByteSource,
  type ByteStore,
} from 'wasmgrad/io';
import { readFile as noFile, writeFile as toNoFile } from '../../src/io/filesNone.js';
import { filled } from '../support/architectures.js';
import { classes, points } from '../support/pointsClassifier.js';

const dataset = new data.TensorDataset(points, classes);
const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Optimizer = FitOptions['optimizer'] & { lr: number } & optim.Optimizer;
const optimizers: Record<string, (parameters: nn.Parameter[]) => Optimizer> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true }),
  Adam: (p) => new optim.Adam(p, { lr: 0.02, amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.02 }),
  NAdam: (p) => new optim.NAdam(p, { lr: 0.02 }),
  RMSprop: (p) => new optim.RMSprop(p, { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p, { lr: 0.05 }),
  Adadelta: (p) => new optim.Adadelta(p),
  Lion: (p) => new optim.Lion(p, { lr: 0.01 }),
};
const schedules: Record<string, (optimizer: Optimizer) => optim.Scheduler> = {
  StepLR: (o) => new optim.StepLR(o, { stepSize: 3 }),
  OneCycleLR: (o) => new optim.OneCycleLR(o, { maxLr: 0.05, totalSteps: 100 }),
  CosineAnnealingWarmRestarts: (o) => new optim.CosineAnnealingWarmRestarts(o, { t0: 3, tMult: 2 }),
  ReduceLROnPlateau: (o) => new optim.ReduceLROnPlateau(o, { patience: 1, factor: 0.5 }),
  SequentialLR: (o) =>
    new optim.SequentialLR(o, {
      schedulers: [new optim.LinearLR(o, { totalIters: 4 }), new optim.ExponentialLR(o, { gamma: 0.9 })],
      milestones: [5],
    }),
};
const loaders: Record<string, () => data.DataLoaderOptions> = {
  'a seed of its own': () => ({ batchSize: 8, shuffle: true, seed: 3 }),
  'the common seed': () => ({ batchSize: 8, shuffle: true }),
  'a sampler': () => ({
    batchSize: 9,
    sampler: new data.WeightedRandomSampler(data.balancedWeights(classes), { seed: 4 }),
  }),
};

interface Kind {
  optimizer: string;
  schedule: string;
  every: 'epoch' | 'batch';
  loader: string;
}
const EPOCHS = 5;

/** What a program makes before it trains, from seeds. */
function program({ optimizer: name, schedule: scheduleName, every, loader }: Kind) {
  manualSeed(11);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.BatchNorm1d(8),
    new nn.PReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );
  const optimizer = optimizers[name](model.parameters());
  const schedule = schedules[scheduleName](optimizer);
  const ema = new optim.EMA(model.parameters(), { decay: 0.9 });
  const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 2, minDelta: 0.05 });
  const options: FitOptions = {
    data: new data.DataLoader(dataset, loaders[loader]()),
    validation: new data.DataLoader(dataset, { batchSize: 16, shuffle: true, seed: 5 }),
    loss: new nn.CrossEntropyLoss(),
    optimizer,
    epochs: EPOCHS,
    ema,
    schedule: { scheduler: schedule, every },
    callbacks: [stopping],
  };
  return { parts: { model, optimizer, schedule, ema, callbacks: [stopping] }, options };
}

/** Everything that a run ends with. */
function ending(parts: ReturnType<typeof program>['parts'], history: History) {
  const {
    optimizer,
    schedule,
    ema,
    callbacks: [stopping],
  } = parts;
  return {
    weights: [...encodeWeights(parts.model)],
    optimizer: optimizer.stateDict(),
    schedule: schedule.stateDict(),
    averages: ema.stateDict(),
    stopping: stopping.stateDict(),
    epochs: history.epochs.map((report) => ({ ...report, seconds: 0 })),
    random: getRandomState(),
  };
}

const kinds: fc.Arbitrary<Kind> = fc.record({
  optimizer: fc.constantFrom(...Object.keys(optimizers)),
  schedule: fc.constantFrom(...Object.keys(schedules)),
  every: fc.constantFrom('epoch', 'batch'),
  loader: fc.constantFrom(...Object.keys(loaders)),
});

describe('a run that is stopped and resumed from its checkpoint', () => {
  it('after any batch ends with the bits of one that was not', async () => {
    await fc.assert(
      fc.asyncProperty(
        kinds,
        fc.uniqueArray(fc.integer({ min: 1, max: 7 * EPOCHS }), { minLength: 1, maxLength: 3 }),
        async (kind, stops) => {
          const whole = program(kind);
          const expected = ending(whole.parts, await fit(whole.parts.model, whole.options));
          let run = program(kind);
          let resume: History | undefined;
          let steps = 0;
          for (const stop of [...stops.toSorted((a, b) => a - b), Infinity]) {
            const { parts, options } = run;
            const interruption = {
              onBatchEnd: (_: unknown, training: { interrupt(): void }) => {
                if (++steps === stop) training.interrupt();
              },
            };
            const history = await fit(parts.model, {
              ...options,
              callbacks: [...options.callbacks!, interruption],
              resume,
            });
            if (history.finished) {
              expect(ending(parts, history)).toEqual(expected);
              return;
            }
            const file = encodeCheckpoint({ ...parts, history });
            run = program(kind);
            manualSeed(99);
            ({ history: resume } = await loadCheckpoint(file, run.parts));
          }
          throw new Error('the last run did not finish');
        },
      ),
      { numRuns: 30, seed: 6 },
    );
  });

  it('after any epoch, by a callback that saves, does so too', async () => {
    const kind: Kind = {
      optimizer: 'NAdam',
      schedule: 'ReduceLROnPlateau',
      every: 'epoch',
      loader: 'the common seed',
    };
    const whole = program(kind);
    const files: Uint8Array[] = [];
    const saving = new callbacks.ModelCheckpoint(
      ({ history }) => void files.push(encodeCheckpoint({ ...whole.parts, history })),
      { bestOnly: false },
    );
    const all = await fit(whole.parts.model, {
      ...whole.options,
      callbacks: [...whole.options.callbacks!, saving],
    });
    const expected = ending(whole.parts, all);
    expect(files.length).toBe(all.epochs.length);
    for (const [i, file] of files.entries()) {
      const { parts, options } = program(kind);
      const { history } = await loadCheckpoint(file, parts);
      expect(history!.epochs).toHaveLength(i + 1);
      if (i + 1 === files.length) continue;
      expect(ending(parts, await fit(parts.model, { ...options, resume: history }))).toEqual(expected);
    }
  });

  it('in a loop of one’s own goes on with its loader and its random numbers', async () => {
    const start = () => {
      manualSeed(1);
      const model = new nn.Sequential(new nn.Linear(3, 8), new nn.Dropout(0.5), new nn.Linear(8, 2));
      const optimizer = new optim.Adam(model.parameters());
      const loader = new data.DataLoader(dataset, { batchSize: 10, shuffle: true, seed: 7 });
      return { model, optimizer, data: loader };
    };
    const loss = new nn.CrossEntropyLoss();
    const epoch = ({ model, optimizer, data: loader }: ReturnType<typeof start>) => {
      for (const [x, y] of loader) {
        optimizer.zeroGrad();
        loss.forward(model.forward(x), y).backward();
        optimizer.step();
      }
    };
    const whole = start();
    for (let i = 0; i < 4; i++) epoch(whole);
    const first = start();
    epoch(first);
    epoch(first);
    const file = encodeCheckpoint({ ...first, extra: { epoch: 2 } });
    const second = start();
    manualSeed(5);
    const { extra, history } = await loadCheckpoint(file, second);
    expect([extra, history]).toEqual([{ epoch: 2 }, undefined]);
    epoch(second);
    epoch(second);
    expect(encodeWeights(second.model)).toEqual(encodeWeights(whole.model));
  });
});

describe('a checkpoint', () => {
  const make = (width = 4) => {
    const model = new nn.Sequential(new nn.Linear(3, width), new nn.BatchNorm1d(width));
    return { model, optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }) };
  };
  const stepped = () => {
    const parts = make();
    filled(parts.model, 3);
    parts.model
      .forward(
        new nn.Parameter([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      )
      .square()
      .sum()
      .backward();
    parts.optimizer.step();
    return parts;
  };

  it('is a model, and weights, for everybody who reads those', async () => {
    const parts = stepped();
    const file = encodeCheckpoint({ ...parts, metadata: { run: 'a' } });
    expect(encodeModel(await loadModel(file))).toEqual(encodeModel(parts.model));
    const { model } = make();
    await loadWeights(model, file);
    expect(encodeWeights(model)).toEqual(encodeWeights(parts.model));
    const { tensors, metadata } = readSafetensors(file);
    expect(tensors.get('wasmgrad/states.optimizer.state.0.expAvg')!.shape).toEqual([12]);
    expect(metadata.run).toBe('a');
    expect((await loadCheckpoint(file, make())).metadata).toEqual({ run: 'a' });
  });

  it('holds what a class of one’s own has, too', async () => {
    class Own extends nn.Module {
      inner = new nn.Linear(2, 2);
      override forward(x: Tensor): Tensor {
        return this.inner.forward(x);
      }
    }
    const [model, again] = [filled(new Own(), 1), new Own()];
    await loadCheckpoint(encodeCheckpoint({ model }), { model: again });
    expect(encodeWeights(again)).toEqual(encodeWeights(model));
  });

  it('keeps plain data exactly', async () => {
    const { model } = make();
    const extra = {
      numbers: [0.1, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 2 ** 53 - 1],
      counter: 2n ** 64n - 1n,
      arrays: [
        Float64Array.of(0.1, NaN),
        BigUint64Array.of(2n ** 64n - 1n),
        Uint8Array.of(1, 2, 3),
        new Int32Array(0),
      ],
      nested: { $number: 'NaN', $$: null, 10: true, 9: [undefined, [], {}], text: '☃\u0000"' },
    };
    const loaded = await loadCheckpoint(encodeCheckpoint({ model, extra }), { model });
    expect(loaded.extra).toEqual({ ...extra, nested: { ...extra.nested, 9: [null, [], {}] } });
    await fc.assert(
      fc.asyncProperty(fc.object({ withBigInt: true, withTypedArray: true, maxDepth: 4 }), async (extra) => {
        // A kind of bytes that safetensors has no name for.
        fc.pre(!clamped(extra));
        const { extra: again } = await loadCheckpoint(encodeCheckpoint({ model, extra }), { model });
        expect(again).toEqual(withoutUndefined(extra));
      }),
      { numRuns: 100, seed: 6 },
    );
    expect(() => encodeCheckpoint({ model, extra: { when: [new Date()] } })).toThrow(
      'saveCheckpoint: expected plain data, got a Date at extra.when.0',
    );
    expect(() => encodeCheckpoint({ model, extra: () => 1 })).toThrow(/got a function at extra/);
  });

  it.each<[string, (parts: ReturnType<typeof make>) => Uint8Array, RegExp]>([
    [
      'a model',
      ({ model }) => encodeModel(model),
      /the file is no checkpoint; .*loadModel\(\) or loadWeights\(\)/,
    ],
    ['other sizes', () => encodeCheckpoint(make(5)), /expected 0\.weight \[4, 3\], got \[5, 3\]/],
    ['no optimizer', ({ model }) => encodeCheckpoint({ model }), /the file holds no state of optimizer/],
    [
      'another optimizer',
      ({ model }) =>
        encodeCheckpoint({ model, optimizer: new optim.SGD(model.parameters(), { lr: 1, momentum: 0.5 }) }),
      /loadCheckpoint: optimizer: loadStateDict: expected a state of Adam, got one of SGD/,
    ],
    [
      'random numbers that are none',
      changed((text) => text.replace(/"dropout":\[\d+/, '"dropout":[-1')),
      /random: setRandomState/,
    ],
    [
      'a history that is none',
      changed((text) => text.replace('"random"', '"history":3,"random"')),
      /the file's history is none/,
    ],
    ['no states', changed((text) => text.replace('"states"', '"statuses"')), /has no states/],
    ['no JSON', changed((text) => text.slice(1)), /loadCheckpoint: expected JSON/],
    [
      'deep nesting',
      changed((text) => `${'['.repeat(50_000)}${text}${']'.repeat(50_000)}`),
      /loadCheckpoint: /,
    ],
    ['an unknown mark', changed((text) => text.replace('"states"', '"$x":"1","states"')), /unknown mark \$x/],
    [
      'an array that is missing',
      changed((text) => text.replace('0.expAvg"', '0.expAvh"')),
      /array wasmgrad\/states.optimizer.state.0.expAvh is missing/,
    ],
    [
      'an array that is named twice',
      changed((text) => text.replace('0.expAvgSq"', '0.expAvg"')),
      /is missing, or named twice/,
    ],
    [
      'a bigint without end',
      changed((text) => text.replace('"states"', `"extra":{"$bigint":"${'1'.repeat(1e6)}"},"states"`)),
      /unknown mark \$bigint/,
    ],
    [
      'a step that is none',
      changed((text) => text.replace('"step":1', '"step":-1')),
      /optimizer: .*number of steps, got -1/,
    ],
    [
      'a parameter that is null',
      changed((text) => text.replace(/\{"step":1[^}]*\}[^}]*\}[^}]*\}/, 'null')),
      /optimizer: /,
    ],
  ])('with %s is refused, and nothing is changed', async (_, file, message) => {
    const parts = stepped();
    const before = encodeCheckpoint(parts);
    const given = file(make());
    await expect(loadCheckpoint(given, parts)).rejects.toThrow(message);
    await expect(loadCheckpoint(given, parts)).rejects.toThrow(/^loadCheckpoint: /);
    manualSeed(3);
    const at = getRandomState();
    await expect(loadCheckpoint(given, parts)).rejects.toThrow();
    expect(getRandomState()).toEqual(at);
    manualSeed(3);
    const { optimizer } = parts;
    expect(optimizer.stateDict().state[0].step).toBe(1);
    expect(readSafetensors(encodeCheckpoint(parts)).tensors).toEqual(readSafetensors(before).tensors);
  });

  /** A checkpoint of the same parts, with another text. */
  function changed(change: (text: string) => string) {
    return () => {
      const { tensors, metadata } = readSafetensors(encodeCheckpoint(stepped()));
      const text = change(metadata['wasmgrad/checkpoint']);
      expect(text).not.toBe(metadata['wasmgrad/checkpoint']);
      return writeSafetensors(tensors, { ...metadata, 'wasmgrad/checkpoint': text });
    };
  }

  it.each(['baseLrs', 'lastLr', 'lastEpoch', 'best'])(
    'with a schedule whose %s is none is refused',
    async (name) => {
      const { model, optimizer } = make();
      const parts = { model, optimizer, schedule: new optim.ReduceLROnPlateau(optimizer) };
      const before = parts.schedule.stateDict();
      const broken = { stateDict: () => ({ ...before, [name]: 'x' }), loadStateDict: () => undefined };
      const file = encodeCheckpoint({ ...parts, schedule: broken });
      await expect(loadCheckpoint(file, parts)).rejects.toThrow(
        /^loadCheckpoint: schedule: ReduceLROnPlateau: expected/,
      );
      expect(parts.schedule.stateDict()).toEqual(before);
    },
  );

  it.each<[string, (state: unknown) => unknown]>([
    [
      'refuses every state',
      () => {
        throw new Error('no');
      },
    ],
    ['refuses every state late', () => Promise.reject(new Error('no'))],
    [
      'throws a text',
      () => {
        // oxlint-disable-next-line no-throw-literal
        throw 'no';
      },
    ],
  ])('leaves everything as it was if a part %s', async (_, refuse) => {
    const kind: Kind = { optimizer: 'Adam', schedule: 'StepLR', every: 'epoch', loader: 'a seed of its own' };
    const state = (loadStateDict: (state: unknown) => unknown) => ({ stateDict: () => 1, loadStateDict });
    const from = program(kind);
    await fit(from.parts.model, { ...from.options, epochs: 2 });
    const file = encodeCheckpoint({
      ...from.parts,
      callbacks: [...from.parts.callbacks, state(() => undefined)],
    } as never);
    const { parts } = program(kind);
    const whole = () => ending(parts, { epochs: [] } as never);
    const before = whole();
    const callbacks = [...parts.callbacks, state(refuse)];
    await expect(loadCheckpoint(file, { ...parts, callbacks } as never)).rejects.toThrow(
      /^loadCheckpoint: callbacks\.1: .*no/,
    );
    expect(whole()).toEqual(before);
  });

  it.each<[string, (gone: Float32Array) => object, RegExp]>([
    ['callbacks: null', () => ({ callbacks: null }), /expected callbacks as a list, got null$/],
    ['callbacks with gaps', () => ({ callbacks: new Array(3) }), /callbacks\.0 has no state/],
    ['callbacks that claim billions', () => ({ callbacks: new Array(2 ** 32 - 1) }), /callbacks\.0 has no/],
    [
      'a list that claims billions',
      () => ({ extra: new Array(2 ** 32 - 1) }),
      /an array with a gap at extra\.0$/,
    ],
    // oxlint-disable-next-line no-sparse-arrays
    ['a list with a gap', () => ({ extra: { a: [1, , 3] } }), /an array with a gap at extra\.a\.1$/],
    ['a detached array', (gone) => ({ extra: { a: gone } }), /extra\.a: expected .* got a transferred one$/],
  ])('refuses %s', async (_, given, message) => {
    const gone = new Float32Array(3);
    structuredClone(gone, { transfer: [gone.buffer] });
    const parts = { model: new nn.Linear(1, 1), ...given(gone) };
    expect(() => encodeCheckpoint(parts as never)).toThrow(message);
    await expect(saveCheckpoint(parts as never, 'never')).rejects.toThrow(message);
  });

  it('refuses parts that it does not know, or that have no state', async () => {
    const { model } = make();
    expect(() => encodeCheckpoint({ model, optimiser: 1 } as never)).toThrow(/unknown option 'optimiser'/);
    expect(() => encodeCheckpoint({ model: {} as never })).toThrow(
      /expected a model that extends nn\.Module/,
    );
    expect(() => encodeCheckpoint({ model, schedule: { scheduler: 1, every: 'batch' } as never })).toThrow(
      /schedule has no state that can be saved/,
    );
  });
});

function clamped(value: unknown): boolean {
  if (value instanceof Uint8ClampedArray) return true;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return Object.values(value).some(clamped);
}

/** What is left of a value in JSON with numbers of every kind: no keys of undefined. */
function withoutUndefined(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      item === undefined ? [] : [[key, withoutUndefined(item)]],
    ),
  );
}

describe('places', () => {
  const model = filled(new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh()), 4);
  const bytes = encodeModel(model);
  const same = async (source: ByteSource) => expect(encodeModel(await loadModel(source))).toEqual(bytes);
  const path = join(folder, 'model.safetensors');

  it('of files: paths and URLs', async () => {
    await saveModel(model, path);
    await same(path);
    await same(pathToFileURL(path));
    await saveWeights(model, pathToFileURL(path));
    await loadWeights(new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh()), path);
    await saveCheckpoint({ model }, path);
    await same(path);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
    await expect(loadModel(join(folder, 'missing'))).rejects.toThrow(/ENOENT/);
    await expect(saveModel(model, join(folder, 'missing', 'model'))).rejects.toThrow(/ENOENT/);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
  });

  it('of files keep their mode, and links stay links', async () => {
    writeFileSync(path, 'old');
    chmodSync(path, 0o600);
    const link = join(folder, 'link');
    symlinkSync(path, link);
    await saveModel(model, link);
    expect(readFileSync(path).length).toBe(bytes.length);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    rmSync(link);
  });

  it('of memory: buffers, views, blobs, responses', async () => {
    await same(bytes);
    await same(bytes.buffer);
    await same(new DataView(bytes.buffer));
    await same(new Blob([bytes]));
    await same(new Response(bytes));
    await same(Promise.resolve(new Response(bytes)));
    await expect(loadModel(new Response('', { status: 404, statusText: 'Not Found' }))).rejects.toThrow(
      /answered 404 Not Found/,
    );
    await expect(loadModel(7 as never)).rejects.toThrow(
      /loadModel: expected an ArrayBuffer or a typed array, got 7/,
    );
    await expect(saveModel(model, 7 as never)).rejects.toThrow(/saveModel: expected a path, a stream/);
  });

  it('of streams: Node’s and the web’s, in pieces', async () => {
    const file = join(folder, 'stream');
    await saveModel(model, createWriteStream(file));
    await same(createReadStream(file, { highWaterMark: 100 }));
    await same(Readable.from([bytes.subarray(0, 11), bytes.subarray(11)]));
    await same(new Blob([bytes]).stream());
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    await Promise.all([saveModel(model, writable), same(readable)]);
    const through = new PassThrough();
    await Promise.all([saveModel(model, through), same(through)]);
    await expect(saveModel(model, createWriteStream(join(folder, 'missing', 'x')))).rejects.toThrow(/ENOENT/);
  });

  it('of databases', async () => {
    const store = indexedDb('model');
    await expect(loadModel(store)).rejects.toThrow(
      /nothing is stored under 'model' in the database 'wasmgrad'/,
    );
    await saveModel(model, store);
    await same(store);
    await saveModel(new nn.ReLU(), store);
    expect(await loadModel(indexedDb('model'))).toBeInstanceOf(nn.ReLU);
    await expect(loadModel(indexedDb('model', 'other'))).rejects.toThrow(/database 'other'/);
  });

  it('of one’s own, and handles of files', async () => {
    let kept = new Uint8Array();
    const store: ByteStore = {
      read: async () => kept,
      write: async (bytes) => void (kept = bytes),
    };
    await saveModel(model, store);
    await same(store);
    const written: Uint8Array[] = [];
    const handle = {
      getFile: async () => new Blob(written as Uint8Array<ArrayBuffer>[]),
      createWritable: async () => ({
        write: async (bytes: Uint8Array) => void written.push(bytes),
        close: async () => undefined,
      }),
    } as unknown as FileSystemFileHandle;
    await saveModel(model, handle);
    await same(handle);
  });

  it('that a host does not have are named', async () => {
    await expect(noFile('a')).rejects.toThrow(/cannot read the path 'a'; pass fetch\(url\)/);
    await expect(toNoFile('a')).rejects.toThrow(/cannot write the path 'a'/);
  });
});
