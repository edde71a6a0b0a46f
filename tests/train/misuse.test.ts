import { describe, expect, it } from 'vitest';
import * as wasmgrad from 'wasmgrad';

// What JavaScript lets through is answered in words that begin with the call, before anything is changed.

const { callbacks, data, metrics, nn, optim, tensor } = wasmgrad;
const wrong = (value: unknown): never => value as never;

const set = new data.TensorDataset([[1, 2], [3, 4], [5, 6]], [0, 1, 0]); // prettier-ignore
const loader = new data.DataLoader(set);
const loss = new nn.CrossEntropyLoss();
const model = new nn.Linear(2, 2);
const x = tensor([1, 2], { requiresGrad: true });
const sgd = (of: wasmgrad.nn.Module): wasmgrad.optim.SGD => new optim.SGD(of.parameters(), { lr: 0.1 });
const fitted = (options: object): Promise<unknown> =>
  wasmgrad.fit(model, { data: loader, loss, optimizer: sgd(model), epochs: 1, ...options });
const crossed = (folds: unknown): Promise<unknown> =>
  wasmgrad.crossValidate(() => new nn.Linear(2, 2), {
    data: set,
    loss,
    optimizer: sgd,
    epochs: 1,
    folds: wrong(folds),
  });
const op = (definition: object): unknown =>
  wasmgrad.defineOp(
    wrong({ name: 'f', forward: (y: wasmgrad.Tensor) => y.mul(2), backward: () => [], ...definition }),
  )(x);

class Field extends nn.Module {
  layer = new nn.Linear(1, 1);
  override forward(y: wasmgrad.Tensor): wasmgrad.Tensor {
    return y;
  }
}
const withField = (name: string): Field =>
  Object.defineProperty(new Field(), name, { value: 3, enumerable: true });

type Case = [what: string, call: () => unknown, message: string | RegExp];
const CASES: Case[] = [
  [
    'concat(x, y)',
    () => wasmgrad.concat(wrong(x), wrong(x)),
    'concat: expected an array of tensors, got a Tensor',
  ],
  [
    'concat()',
    () => wasmgrad.concat(wrong(undefined)),
    'concat: expected an array of tensors, got undefined',
  ],
  ['concat with null', () => wasmgrad.concat([x, wrong(null)]), /^concat: expected .*, got null$/],
  ...[null, undefined, {}, '3', true].flatMap((value): Case[] => [
    [
      `LayerNorm(${String(value)})`,
      () => new nn.LayerNorm(wrong(value)),
      /^LayerNorm: expected normalizedShape to be /,
    ],
    [
      `RMSNorm(${String(value)})`,
      () => new nn.RMSNorm(wrong(value)),
      /^RMSNorm: expected normalizedShape to be /,
    ],
  ]),
  ...(
    [
      ['a Linear', model],
      ['null', null],
      ['undefined', undefined],
      ['an Object', { length: 1 }],
      ['3', 3],
    ] as const
  ).flatMap(([shown, value]): Case[] => [
    [
      `EMA of ${shown}`,
      () => new optim.EMA(wrong(value)),
      `EMA: expected tensors, got ${shown}; pass model.parameters()`,
    ],
    [
      `clipGradNorm of ${shown}`,
      () => optim.clipGradNorm(wrong(value), 1),
      `clipGradNorm: expected tensors, got ${shown}; pass model.parameters()`,
    ],
    [
      `clipGradValue of ${shown}`,
      () => optim.clipGradValue(wrong(value), 1),
      `clipGradValue: expected tensors, got ${shown}; pass model.parameters()`,
    ],
    [
      `a group of ${shown}`,
      () => new optim.SGD([{ params: wrong(value) }], { lr: 1 }),
      `SGD: expected tensors, got ${shown}; pass model.parameters()`,
    ],
    [
      `copyTo(${shown})`,
      () => new optim.EMA([x]).copyTo(wrong(value)),
      `EMA: expected tensors, got ${shown}; pass model.parameters()`,
    ],
  ]),
  ...[undefined, null, 3, {}, { output: null }, { output: x, saved: 3 }].map((result): Case => [
    'defineOp, forward',
    () => op({ forward: () => result }),
    /^f: expected forward to return a tensor, or \{ output, saved \}, got /,
  ]),
  ...[1, null, undefined, '2'].map((shape): Case => [
    'defineOp, what shape gives',
    () => op({ shape: () => shape }),
    /^f: expected what shape gives to be an array of lengths, got /,
  ]),
  ['defineOp, shape', () => op({ shape: 3 }), 'defineOp(f): expected shape to be a function, got 3'],
  ...[undefined, null, 3, x].map((inputs): Case => [
    'gradcheck, inputs',
    () => wasmgrad.gradcheck((y) => y, wrong(inputs)),
    /^gradcheck: expected inputs as an array, such as \[\[1, 2\]\], got /,
  ]),
  [
    'gradcheck, tolerance',
    () => wasmgrad.gradcheck((y) => y, [1], { tolerance: wrong('a') }),
    /^gradcheck: expected tolerance to be /,
  ],
  ...['x', 3, {}, null].flatMap((value): Case[] => [
    ['fit, onBatch', () => fitted({ onBatch: value }), /^fit: expected onBatch to be a function, got /],
    ['fit, onEpoch', () => fitted({ onEpoch: value }), /^fit: expected onEpoch to be a function, got /],
    ['fit, signal', () => fitted({ signal: value }), /^fit: expected signal to be an AbortSignal, got /],
    [
      'evaluate, signal',
      () => wasmgrad.evaluate(model, loader, { loss, signal: wrong(value) }),
      /^evaluate: expected signal to be an AbortSignal, got /,
    ],
    [
      'lrRangeTest, signal',
      () => wasmgrad.lrRangeTest(model, { data: loader, loss, optimizer: sgd(model), signal: wrong(value) }),
      /^lrRangeTest: expected signal to be an AbortSignal, got /,
    ],
  ]),
  ...[3, 'x', {}].map((value): Case => [
    'fit, schedule',
    () => fitted({ schedule: value }),
    /^fit: expected schedule to be one of optim/,
  ]),
  [
    'fit, clipGradNorm',
    () => fitted({ clipGradNorm: '1' }),
    'fit: expected clipGradNorm to be a number ≥ 0, got string "1"',
  ],
  ...[5, 'abc', [null], new Array(1), {}, { split: () => null }, true].map((folds): Case => [
    'crossValidate, folds',
    () => crossed(folds),
    /^crossValidate: expected folds to be a data.KFold, or an array of \{ train, test \}, got /,
  ]),
  ...['namedParameters', 'namedChildren', 'parameters', 'stateDict', 'predict'].flatMap((name): Case[] => [
    [
      `a field ${name}`,
      () => (name === 'parameters' ? withField(name).stateDict() : withField(name).parameters()),
      `Field: the field '${name}' hides ${name} of nn.Module; give it another name`,
    ],
    [
      `a field ${name} inside`,
      () => new nn.Sequential(withField(name)).parameters(),
      `Field: the field '${name}' hides ${name} of nn.Module; give it another name`,
    ],
  ]),
  ...[undefined, null, 3, [], [[[1, 2]]], 'ab'].flatMap((batch): Case[] => [
    [
      'layerStatistics, batch',
      () => wasmgrad.layerStatistics(model, wrong(batch), loss),
      /^layerStatistics: expected a batch \[inputs, targets\], got /,
    ],
    [
      'LayerMonitor, batch',
      () => new callbacks.LayerMonitor(wrong(batch), () => undefined),
      /^LayerMonitor: expected a batch \[inputs, targets\], got /,
    ],
  ]),
  [
    'PReLU, init',
    () => new nn.PReLU(1, wrong({ init: 0.1 })),
    'PReLU: expected init to be a finite number, got an Object',
  ],
];

describe('misuse', () => {
  it.each(CASES)('%s', async (_, call, message) => {
    const before = model.weight.toArray();
    let error: unknown;
    try {
      await call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(TypeError);
    if (typeof message === 'string') expect((error as Error).message).toBe(message);
    else expect((error as Error).message).toMatch(message);
    expect(model.weight.toArray()).toEqual(before);
  });

  it('concat takes plain arrays', () => {
    expect(wasmgrad.concat([x, [2]]).toArray()).toEqual([1, 2, 2]);
    expect(wasmgrad.concat([[[1], [2]], new Float32Array([3, 4])].map((one) => (one instanceof Float32Array ? tensor(one, { shape: [2, 1] }) : one)), 1).toArray()).toEqual([[1, 3], [2, 4]]); // prettier-ignore
  });
});

/** Every option that is true or false, and what takes it. */
const SWITCHES: [string, string, (options: never) => unknown][] = [
  ['Linear', 'bias', (o) => new nn.Linear(2, 3, o)],
  ['BatchNorm1d', 'affine', (o) => new nn.BatchNorm1d(2, o)],
  ['BatchNorm1d', 'trackRunningStats', (o) => new nn.BatchNorm1d(2, o)],
  ['LayerNorm', 'elementwiseAffine', (o) => new nn.LayerNorm(2, o)],
  ['LayerNorm', 'bias', (o) => new nn.LayerNorm(2, o)],
  ['RMSNorm', 'elementwiseAffine', (o) => new nn.RMSNorm(2, o)],
  ['loadStateDict', 'strict', (o) => model.loadStateDict(model.stateDict(), o)],
  ['KLDivLoss', 'logTarget', (o) => new nn.KLDivLoss(o)],
  ['TripletMarginLoss', 'swap', (o) => new nn.TripletMarginLoss(o)],
  ['tensor', 'requiresGrad', (o) => tensor([1], o)],
  ['capture', 'keepGradients', (o) => wasmgrad.capture((y: wasmgrad.Tensor) => y, o)],
  ['capture', 'anomaly', (o) => wasmgrad.capture((y: wasmgrad.Tensor) => y, o)],
  ['gradcheck', 'throws', (o) => wasmgrad.gradcheck((y) => y.mul(2), [1], o)],
  ['DataLoader', 'shuffle', (o) => new data.DataLoader(set, o)],
  ['DataLoader', 'dropLast', (o) => new data.DataLoader(set, o)],
  ['Stream', 'dropLast', (o) => new data.Stream([], { ...(o as object), batchSize: 2 })],
  ['KFold', 'shuffle', (o) => new data.KFold(o)],
  ['StratifiedKFold', 'shuffle', (o) => new data.StratifiedKFold(o)],
  ['trainTestSplit', 'shuffle', (o) => data.trainTestSplit(set, o)],
  ['WeightedRandomSampler', 'replacement', (o) => new data.WeightedRandomSampler([1, 2], o)],
  ['EarlyStopping', 'restoreBest', (o) => new callbacks.EarlyStopping(o)],
  ['ModelCheckpoint', 'bestOnly', (o) => new callbacks.ModelCheckpoint(() => undefined, o)],
  [
    'OneCycleLR',
    'cycleMomentum',
    (o) => new optim.OneCycleLR(sgd(model), { ...(o as object), maxLr: 1, totalSteps: 9 }),
  ],
  [
    'OneCycleLR',
    'threePhase',
    (o) => new optim.OneCycleLR(sgd(model), { ...(o as object), maxLr: 1, totalSteps: 9 }),
  ],
  ['Adam', 'amsgrad', (o) => new optim.Adam([x], o)],
  ['SGD', 'nesterov', (o) => new optim.SGD([x], { ...(o as object), lr: 1, momentum: 0.9 })],
  ['RMSprop', 'centered', (o) => new optim.RMSprop([x], o)],
  ['Lion', 'maximize', (o) => new optim.Lion([x], o)],
  ['fit', 'progress', (o) => fitted({ ...(o as object), epochs: 0 })],
  ['fit', 'keepGradients', (o) => fitted({ ...(o as object), epochs: 0 })],
  ['fit', 'anomaly', (o) => fitted({ ...(o as object), epochs: 0 })],
  [
    'lrRangeTest',
    'anomaly',
    (o) =>
      wasmgrad.lrRangeTest(model, { ...(o as object), data: loader, loss, optimizer: sgd(model), steps: 2 }),
  ],
  [
    'crossValidate',
    'shuffle',
    (o) =>
      wasmgrad.crossValidate(() => new nn.Linear(2, 2), {
        ...(o as object),
        data: set,
        loss,
        optimizer: sgd,
        epochs: 0,
        folds: new data.KFold({ folds: 3 }),
      }),
  ],
];

describe('options that are true or false', () => {
  it.each(SWITCHES)('%s takes no other %s', async (name, option, call) => {
    for (const [value, shown] of [
      ['no', 'string "no"'],
      ['', 'string ""'],
      [0, '0'],
      [1, '1'],
      [null, 'null'],
      [{}, 'an Object'],
      [[], 'an Array'],
    ] as const) {
      // prettier-ignore
      let error: unknown;
      try {
        await call(wrong({ [option]: value }));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(
        `${name}: expected ${option} to be true or false, got ${shown} (known: `,
      );
    }
    for (const value of [true, false, undefined]) await call(wrong({ [option]: value }));
  });

  it('is no name with the mark of one', () => {
    expect(() => new nn.Linear(1, 1, wrong({ 'bias?': true }))).toThrow(
      "Linear: unknown option 'bias?' (known: bias)",
    );
  });
});

type Class = new (...args: unknown[]) => unknown;
const LAYERS: [string, unknown[]][] = [
  ['AlphaDropout', [0.5]],
  ['BatchNorm1d', [2, {}]],
  ['Dropout', [0.5]],
  ['ELU', [1]],
  ['Embedding', [2, 3, {}]],
  ['GELU', []],
  ['Hardtanh', [-1, 1]],
  ['Identity', []],
  ['LayerNorm', [2, {}]],
  ['LeakyReLU', [0.1]],
  ['Linear', [2, 3, {}]],
  ['LogSoftmax', [-1]],
  ['Mish', []],
  ['PReLU', [1, 0.1]],
  ['RMSNorm', [2, {}]],
  ['ReLU', []],
  ['Residual', [new nn.ReLU()]],
  ['SELU', []],
  ['SiLU', []],
  ['Sigmoid', []],
  ['Softmax', [-1]],
  ['Softplus', [1, 20]],
  ['Tanh', []],
];

describe('arguments that nobody would read', () => {
  it.each(LAYERS)('nn.%s refuses one too many', (name, args) => {
    const Layer = (nn as unknown as Record<string, Class>)[name];
    for (const [value, shown] of [
      [{ approximate: 'tanh' }, 'an Object'],
      ['tanh', 'string "tanh"'],
      [true, 'true'],
      [0, '0'],
      [null, 'null'],
    ] as const) {
      // prettier-ignore
      expect(() => new Layer(...args, value)).toThrow(new TypeError(`${name}: one argument too many, ${shown}`));
    }
    expect(new Layer(...args, undefined)).toBeInstanceOf(nn.Module);
    expect(new Layer(...args)).toBeInstanceOf(nn.Module);
  });

  it('a class of the user’s own without a constructor does, too', () => {
    expect(() => new (Field as unknown as Class)(3)).toThrow('Field: one argument too many, 3');
  });

  it('metrics and callbacks take options', () => {
    expect(() => new metrics.Accuracy(wrong(0.5))).toThrow(/as an object/);
  });
});

describe('a layer that is made in forward()', () => {
  class Lazy extends nn.Module {
    first = new nn.Linear(2, 2);
    second: InstanceType<typeof nn.Linear> | undefined = undefined;
    override forward(y: wasmgrad.Tensor): wasmgrad.Tensor {
      this.second ??= new nn.Linear(2, 2);
      return this.second.forward(this.first.forward(y));
    }
  }
  it('is refused where the optimizer does not have it', async () => {
    const lazy = new Lazy();
    const options = { data: loader, loss, optimizer: sgd(lazy), epochs: 1 };
    await expect(wasmgrad.fit(lazy, options)).rejects.toThrow(
      "fit: forward() made 'second.weight', which the optimizer does not move; make layers in the constructor",
    );
  });

  it('is none where it was made before the optimizer', async () => {
    const lazy = new Lazy();
    lazy.predict([[1, 2]]);
    await wasmgrad.fit(lazy, { data: loader, loss, optimizer: sgd(lazy), epochs: 1 });
    expect(lazy.parameters()).toHaveLength(4);
  });
});
