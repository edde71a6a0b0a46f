import { describe, expect, it } from 'vitest';
import { optim, tensor, type Tensor } from 'wasmgrad';

// A state that is refused changes nothing: neither options nor numbers.

const OPTIMIZERS = ['Adadelta', 'Adagrad', 'Adam', 'AdamW', 'Lion', 'NAdam', 'RMSprop', 'SGD'] as const;

/** An optimizer of two parameters of two numbers each, after a step. */
function stepped(name: (typeof OPTIMIZERS)[number]): optim.Optimizer {
  const parameters = [tensor([1, 2], { requiresGrad: true }), tensor([3, 4], { requiresGrad: true })];
  const options = { lr: 0.5, ...(name === 'SGD' || name === 'RMSprop' ? { momentum: 0.9 } : {}) };
  const optimizer = new optim[name](parameters, options);
  const [a, b] = parameters as [Tensor, Tensor];
  a.sum().add(b.sum()).backward();
  optimizer.step();
  return optimizer;
}

type State = optim.OptimizerState;
type Change = (state: State, buffer: string) => unknown;
const holes = (count: number): number[] => new Array<number>(count);

/** What stands in the place of a buffer of two numbers. */
const BUFFERS: [string, unknown][] = [
  ['holes', holes(2)],
  ['a hole', Object.assign(holes(2), { 0: 1 })],
  ['texts', ['a', 'b']],
  ['numbers as texts', ['1', '2']],
  ['null among numbers', [1, null]],
  ['undefined', undefined],
  ['null', null],
  ['a number', 2],
  ['a text of that length', 'ab'],
  ['too few', [1]],
  ['too many', [1, 2, 3]],
  ['lists of lists', [[1, 2], [3, 4]]], // prettier-ignore
  ['an object of texts', { 0: 'a', 1: 'b' }],
  ['an object of too few', { 0: 1 }],
  ['booleans', [true, false]],
  ['integers of 64 bits', new BigInt64Array(2)],
  ['a DataView', new DataView(new ArrayBuffer(8))],
];

const CHANGES: [string, Change][] = [
  ...BUFFERS.map(([what, value]): [string, Change] => [
    `a buffer of ${what}`,
    (state, buffer) => (state.state[0] = { ...state.state[0], [buffer]: value as number[] }),
  ]),
  ...BUFFERS.map(([what, value]): [string, Change] => [
    `the last buffer of ${what}`,
    // Of one number; lists of two are too long as well.
    (state, buffer) => (state.state[1] = { ...state.state[1], [buffer]: value as number[] }),
  ]),
  ...[NaN, -1, 0.5, Infinity, '1', null, undefined, 2 ** 53].map((step): [string, Change] => [
    `step ${String(step)}`,
    (state) => (state.state[1] = { ...state.state[1], step: step as number }),
  ]),
  ...[null, 3, 'state', [], {}].map((own): [string, Change] => [
    `a parameter of ${JSON.stringify(own)}`,
    (state) => (state.state[0] = own as never),
  ]),
  ['state null', (state) => (state.state = null as never)],
  ['state undefined', (state) => (state.state = undefined as never)],
  ['no groups', (state) => (state.paramGroups = null as never)],
  ['a group null', (state) => (state.paramGroups = [null] as never)],
  ['a group undefined', (state) => (state.paramGroups = [undefined] as never)],
  ['a group that is a number', (state) => (state.paramGroups = [1] as never)],
  ['a hole for a group', (state) => (state.paramGroups = new Array(1) as never)],
  ['params null', (state) => (state.paramGroups[0].params = null as never)],
  ['lr NaN', (state) => (state.paramGroups[0].lr = NaN)],
  ['lr as text', (state) => (state.paramGroups[0].lr = '0.1')],
  ['lr null', (state) => (state.paramGroups[0].lr = null)],
  ['another optimizer', (state) => (state.optimizer = 'Other')],
];

describe.each(OPTIMIZERS)('%s.loadStateDict', (name) => {
  it.each(CHANGES)('refuses %s, and changes nothing', (_, change) => {
    const optimizer = stepped(name);
    const before = optimizer.stateDict();
    const saved = structuredClone(before);
    saved.paramGroups[0].lr = 0.25;
    const buffer = Object.keys(saved.state[0]).findLast((key) => key !== 'step' && key !== 'muProduct')!;
    change(saved, buffer);
    let error: unknown;
    try {
      optimizer.loadStateDict(saved);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(new RegExp(`^(loadStateDict|${name}): expected `));
    expect(optimizer.stateDict()).toEqual(before);
  });

  it('refuses what is no state', () => {
    const optimizer = stepped(name);
    for (const saved of [undefined, null, 3, 'state', [], {}, { state: {} }, { paramGroups: [] }]) {
      expect(() => optimizer.loadStateDict(saved as never)).toThrow(
        /^loadStateDict: expected what stateDict/,
      );
    }
  });

  it('takes what JSON and structuredClone() leave, and lists', () => {
    const optimizer = stepped(name);
    const before = optimizer.stateDict();
    const lists = structuredClone(before) as unknown as State;
    for (const own of Object.values(lists.state)) {
      for (const [key, value] of Object.entries(own)) {
        if (typeof value === 'object') own[key] = Array.from(value);
      }
    }
    for (const saved of [lists, structuredClone(before), JSON.parse(JSON.stringify(before)) as State]) {
      const other = stepped(name);
      other.step();
      other.loadStateDict(saved);
      expect(other.stateDict()).toEqual(before);
    }
  });

  it('does not go by getters that say something else the second time', () => {
    const optimizer = stepped(name);
    const saved = structuredClone(optimizer.stateDict());
    let reads = 0;
    Object.defineProperty(saved.paramGroups[0], 'lr', {
      enumerable: true,
      get: () => (reads++ === 0 ? 0.25 : NaN),
    });
    optimizer.loadStateDict(saved);
    expect(optimizer.lr).toBe(0.25);
  });
});

it('NAdam.loadStateDict refuses a product that is no number', () => {
  const optimizer = stepped('NAdam');
  const before = optimizer.stateDict();
  for (const muProduct of [NaN, Infinity, '1', null, undefined]) {
    const saved = structuredClone(before);
    saved.state[1].muProduct = muProduct as number;
    expect(() => optimizer.loadStateDict(saved)).toThrow(/^loadStateDict: expected muProduct, got /);
    expect(optimizer.stateDict()).toEqual(before);
  }
});

describe('EMA.loadStateDict', () => {
  const make = (): optim.EMA =>
    new optim.EMA([tensor([1, 2], { requiresGrad: true }), tensor([3], { requiresGrad: true })], {
      decay: 0.5,
    });
  const wrong: [string, unknown][] = [
    ...BUFFERS.map(([what, value]): [string, unknown] => [what, { decay: 0.5, averages: [value, [3]] }]),
    ['a later one', { decay: 0.5, averages: [[7, 8], ['c']] }],
    ['no averages', { decay: 0.5 }],
    ['averages null', { decay: 0.5, averages: null }],
    ['averages that are a number', { decay: 0.5, averages: 2 }],
    ['holes for averages', { decay: 0.5, averages: new Array(2) }],
    ['too few averages', { decay: 0.5, averages: [[1, 2]] }],
    ['too many averages', { decay: 0.5, averages: [[1, 2], [3], [4]] }],
    ['another decay', { decay: 0.25, averages: [[1, 2], [3]] }], // prettier-ignore
    ['null', null],
    ['undefined', undefined],
    ['a number', 3],
  ];
  it.each(wrong)('refuses %s, and changes nothing', (_, saved) => {
    const ema = make();
    const before = ema.stateDict();
    expect(() => ema.loadStateDict(saved as never)).toThrow(/^EMA: expected /);
    expect(ema.stateDict()).toEqual(before);
  });

  it('takes what JSON leaves', () => {
    const ema = make();
    ema.loadStateDict(JSON.parse(JSON.stringify(ema.stateDict())) as optim.EMAState);
    expect(ema.stateDict().averages.map((one) => [...(one as Float32Array)])).toEqual([[1, 2], [3]]);
  });
});

describe('a schedule that is refused', () => {
  const rates: [string, unknown][] = [
    ['a hole', new Array(1)],
    ['NaN', [NaN]],
    ['a negative one', [-1]],
    ['a text', ['1']],
    ['null', [null]],
  ];
  const make = () => {
    const optimizer = new optim.SGD([tensor([1], { requiresGrad: true })], { lr: 1 });
    const schedulers = [
      new optim.LinearLR(optimizer, { startFactor: 0.5, totalIters: 2 }),
      new optim.StepLR(optimizer, { stepSize: 1 }),
    ];
    const schedule = new optim.SequentialLR(optimizer, { schedulers, milestones: [2] });
    return { optimizer, schedule };
  };
  it.each(rates)('for %s as a rate changes nothing, also in a later part', (_, value) => {
    for (const name of ['lastLr', 'baseLrs']) {
      for (const inner of [false, true]) {
        const { optimizer, schedule } = make();
        const before = [optimizer.lr, schedule.stateDict()];
        const saved = structuredClone(schedule.stateDict());
        const parts = saved.schedulers as optim.SchedulerState[];
        parts[0].lastEpoch = 1;
        (inner ? parts[1] : saved)[name] = value;
        expect(() => schedule.loadStateDict(saved)).toThrow(/expected (lastLr|baseLrs) to be 1 numbers/);
        expect([optimizer.lr, schedule.stateDict()]).toEqual(before);
      }
    }
  });

  it('for an epoch that is NaN changes nothing', () => {
    const { schedule } = make();
    expect(() => schedule.loadStateDict({ ...schedule.stateDict(), lastEpoch: NaN })).toThrow(/lastEpoch/);
  });
});
