import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import * as wasmgrad from 'wasmgrad';
import * as infer from 'wasmgrad/infer';
import * as io from 'wasmgrad/io';
import * as worker from 'wasmgrad/worker';
import { takersOfOptions } from './exported.js';

// Everything that takes options refuses what is no plain object. A new one that is not in this table, or that forgets to
// ask checkOptions(), fails here.

const { callbacks, data, metrics, nn, optim, tensor } = wasmgrad;

const rows = new data.TensorDataset([[1], [2], [3], [4]], [0, 1, 0, 1]);
const model = new nn.Sequential(new nn.Linear(2, 2));
const weight = (): wasmgrad.Tensor => tensor([[1, 2]], { requiresGrad: true });
const optimizer = new optim.SGD([weight()], { lr: 1 });
const [x, y] = [tensor([[1, 2]]), tensor([[1, 0]])];
const file = io.encodeModel(model);
const own = Object.assign(new EventTarget(), {
  postMessage: () => undefined,
  terminate: () => undefined,
}) as never;

type Call = (options: never) => unknown;

/** Exported losses, optimizers, metrics and schedules are called alike. */
const alike = <T>(names: readonly T[], call: (name: T) => Call): [T, Call][] =>
  names.map((name) => [name, call(name)]);
const prefixed = (prefix: string, calls: [string, Call][]): [string, Call][] =>
  calls.map(([name, call]) => [`${prefix}${name}`, call]);

const LOSSES = [
  'BCELoss',
  'BCEWithLogitsLoss',
  'CrossEntropyLoss',
  'HingeEmbeddingLoss',
  'HingeLoss',
  'HuberLoss',
  'KLDivLoss',
  'L1Loss',
  'MSELoss',
  'NLLLoss',
  'SmoothL1Loss',
] as const;
const DISTANCES = ['CosineEmbeddingLoss', 'TripletMarginLoss'] as const;
const OPTIMIZERS = ['Adadelta', 'Adagrad', 'Adam', 'AdamW', 'Lion', 'NAdam', 'RMSprop', 'SGD'] as const;
const SCHEDULES = [
  'CosineAnnealingLR',
  'CosineAnnealingWarmRestarts',
  'ExponentialLR',
  'LambdaLR',
  'LinearLR',
  'MultiStepLR',
  'OneCycleLR',
  'ReduceLROnPlateau',
  'SequentialLR',
  'StepLR',
] as const;
const METRICS = [
  'Accuracy',
  'ConfusionMatrix',
  'F1',
  'LogLoss',
  'MAE',
  'MAPE',
  'MSE',
  'Precision',
  'R2',
  'RMSE',
  'Recall',
  'RocAuc',
  'TopK',
] as const;
const CALLBACKS = ['EarlyStopping', 'LRLogger', 'ProgressBar'] as const;
const INITIALISERS = [
  'kaimingNormal',
  'kaimingUniform',
  'normal',
  'orthogonal',
  'truncNormal',
  'uniform',
  'xavierNormal',
  'xavierUniform',
] as const;

const CALLS = new Map<string, Call>([
  ['configure', (options) => wasmgrad.configure(options)],
  ['capture', (options) => wasmgrad.capture((input: wasmgrad.Tensor) => input, options)],
  ['crossValidate', (options) => wasmgrad.crossValidate(() => model, options)],
  ['defineOp', (options) => wasmgrad.defineOp(options)],
  ['evaluate', (options) => wasmgrad.evaluate(model, rows as never, options)],
  ['fit', (options) => wasmgrad.fit(model, options)],
  ['gradcheck', (options) => wasmgrad.gradcheck((input) => input, [[1]], options)],
  ['lrRangeTest', (options) => wasmgrad.lrRangeTest(model, options)],
  ['tensor', (options) => tensor([1, 2], options)],

  ['data.DataLoader', (options) => new data.DataLoader(rows, options)],
  ['data.KFold', (options) => new data.KFold(options)],
  ['data.StratifiedKFold', (options) => new data.StratifiedKFold(options)],
  ['data.Stream', (options) => new data.Stream([], options)],
  ['data.WeightedRandomSampler', (options) => new data.WeightedRandomSampler([1, 2], options)],
  ['data.trainTestSplit', (options) => data.trainTestSplit(rows, options)],

  ['nn.BatchNorm1d', (options) => new nn.BatchNorm1d(2, options)],
  ['nn.Embedding', (options) => new nn.Embedding(2, 3, options)],
  ['nn.LayerNorm', (options) => new nn.LayerNorm(2, options)],
  ['nn.Linear', (options) => new nn.Linear(2, 3, options)],
  ['nn.Module.loadStateDict', (options) => model.loadStateDict(model.stateDict(), options)],
  ['nn.RMSNorm', (options) => new nn.RMSNorm(2, options)],
  ['nn.Standardize', (options) => new nn.Standardize(2, options)],
  ...prefixed(
    'nn.init.',
    alike(INITIALISERS, (name) => (options) => nn.init[name](weight(), options)),
  ),
  ...prefixed(
    'nn.',
    alike([...LOSSES, ...DISTANCES], (name) => (options) => new nn[name](options)),
  ),
  ...LOSSES.map((name): [string, Call] => [
    `nn.${name}.forward`,
    (options) =>
      new nn[name]().forward(name === 'NLLLoss' ? x.reshape(1, 2) : x, name === 'NLLLoss' ? [1] : y, options),
  ]),
  ['nn.CosineEmbeddingLoss.forward', (options) => new nn.CosineEmbeddingLoss().forward(x, y, [1], options)],
  ['nn.TripletMarginLoss.forward', (options) => new nn.TripletMarginLoss().forward(x, y, x, options)],

  ...prefixed(
    'optim.',
    alike(OPTIMIZERS, (name) => (options) => new optim[name]([weight()], options)),
  ),
  ...prefixed(
    'optim.',
    alike(SCHEDULES, (name) => (options) => new optim[name](optimizer, options)),
  ),
  ['optim.EMA', (options) => new optim.EMA([weight()], options)],
  ['optim.clipGradNorm', (options) => optim.clipGradNorm([weight()], 1, options)],

  ...prefixed(
    'metrics.',
    alike(METRICS, (name) => (options) => new metrics[name](options)),
  ),
  ...prefixed(
    'callbacks.',
    alike(CALLBACKS, (name) => (options) => new callbacks[name](options)),
  ),
  ['callbacks.CSVLogger', (options) => new callbacks.CSVLogger(() => undefined, options)],
  ['callbacks.LayerMonitor', (options) => new callbacks.LayerMonitor([[[1]], [1]], () => undefined, options)],
  ['callbacks.ModelCheckpoint', (options) => new callbacks.ModelCheckpoint(() => undefined, options)],

  ['io.encodeCheckpoint', (options) => io.encodeCheckpoint(options)],
  ['io.encodeModel', (options) => io.encodeModel(model, options)],
  ['io.encodeOnnx', (options) => io.encodeOnnx(model, options)],
  ['io.encodeWeights', (options) => io.encodeWeights(model, options)],
  ['io.exportModule', (options) => io.exportModule(model, options)],
  ['io.exportWasm', (options) => io.exportWasm(model, options)],
  ['io.loadCheckpoint', (options) => io.loadCheckpoint(file, options)],
  ['io.loadLayersModel', (options) => io.loadLayersModel(file, options)],
  ['io.loadModel', (options) => io.loadModel(file, options)],
  ['io.loadOnnx', (options) => io.loadOnnx(file, options)],
  ['io.loadWeights', (options) => io.loadWeights(model, file, options)],
  ['io.readStateDict', (options) => io.readStateDict(file, options)],
  ['io.saveCheckpoint', (options) => io.saveCheckpoint(options, target())],
  ['io.saveModel', (options) => io.saveModel(model, target(), options)],
  ['io.saveOnnx', (options) => io.saveOnnx(model, target(), options)],
  ['io.saveWeights', (options) => io.saveWeights(model, target(), options)],
  ['infer.load', (options) => infer.load(file, options)],
  ['worker.trainInWorker', (options) => begin(worker.trainInWorker(own, options))],
  ['worker.trainInWorker of a model', (options) => begin(worker.trainInWorker(model, options))],
]);

/** A training whose end is of no interest: its worker is none. */
function begin({ history }: { history: Promise<unknown> }): void {
  history.catch(() => undefined);
}

function target(): io.ByteStore {
  return { read: () => Promise.resolve(file), write: () => Promise.resolve() } as unknown as io.ByteStore;
}

/** What a call throws, or rejects with; undefined where it does neither. */
async function failure(call: Call, options: unknown): Promise<unknown> {
  try {
    await call(options as never);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** `nn.MSELoss.forward` → MSELoss */
const nameOf = (path: string): string =>
  path
    .replace(/ of a model$/, '')
    .replace(/\.forward$/, '')
    .split('.')
    .at(-1)!;

class Config {
  lr = 1;
}

const WRONG: [string, unknown, RegExp][] = [
  ['a number', 0.25, /such as \{ \w+: 0\.25 \}, got 0\.25 \(known: /],
  ['NaN', NaN, /\{ \w+: NaN \}, got NaN/],
  ['true', true, /\{ \w+: true \}, got true/],
  ['false', false, /\{ \w+: false \}, got false/],
  ['a text', 'sum', /\{ \w+: … \}, got string "sum"/],
  ['a symbol', Symbol('lr'), /got Symbol\(lr\)/],
  ['null', null, /got null/],
  ['an array', [1], /got an Array/],
  ['an empty array', [], /got an Array/],
  ['a function', () => undefined, /got a Function/],
  ['a class', Config, /got a Function/],
  ['an object of a class', new Config(), /got a Config/],
  ['a Map', new Map([['lr', 1]]), /got a Map/],
  ['a Date', new Date(0), /got a Date/],
  ['a typed array', new Float32Array(1), /got a Float32Array/],
  ['a boxed number', new Number(1), /got a Number/],
  ['a promise', Promise.resolve({}), /got a Promise/],
  ['an array of another realm', runInNewContext('[]'), /got an Array/],
  ['an object that inherits its options', Object.create({ lr: 1 }), /got an Object/],
];

describe('options', () => {
  it('stand in this table, all that there are', () => {
    const all = [...CALLS.keys()].filter((name) => !name.endsWith(' of a model'));
    expect(all.toSorted()).toEqual(takersOfOptions().toSorted());
  });

  it.each([...CALLS])('%s refuses what is no plain object', async (path, call) => {
    for (const [what, value, message] of WRONG) {
      const error = await failure(call, value);
      expect(error, what).toBeInstanceOf(TypeError);
      expect((error as Error).message, what).toMatch(
        new RegExp(`^${nameOf(path)}: expected options as an object, such as \\{ \\w+: .+ \\}, got `),
      );
      expect((error as Error).message, what).toMatch(message);
    }
  });

  it.each([...CALLS])('%s names an option that it does not know', async (path, call) => {
    for (const options of [{ learningrate: 1 }, Object.assign(Object.create(null), { learningrate: 1 })]) {
      const error = await failure(call, options);
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(
        new RegExp(`^${nameOf(path)}: unknown option 'learningrate' \\(known: \\w+`),
      );
    }
  });

  it.each([...CALLS])(
    '%s takes objects without a prototype and of another realm as any other',
    async (_, call) => {
      const plain = (await failure(call, {})) as Error | undefined;
      for (const options of [
        Object.create(null),
        runInNewContext('({})'),
        runInNewContext('Object.create(null)'),
      ]) {
        const error = (await failure(call, options)) as Error | undefined;
        expect(error?.message).toBe(plain?.message);
      }
      if (plain) expect(plain.message).not.toMatch(/as an object|Cannot/);
    },
  );

  it.each([...CALLS])('%s passes the error of a proxy on', async (path, call) => {
    const own = new Error('mine');
    const fail = (): never => {
      throw own;
    };
    for (const trap of ['getPrototypeOf', 'ownKeys'] as const) {
      const error = await failure(call, new Proxy({}, { [trap]: fail }));
      expect(path.startsWith('worker.') ? (error as Error).cause : error).toBe(own);
    }
  });
});
