import { describe, expect, it } from 'vitest';
import { manualSeed, nn, optim, tensor, type Tensor } from 'wasmgrad';

const network = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4), new nn.ReLU(), new nn.Linear(4, 2));

const trained = (): nn.Sequential => {
  manualSeed(3);
  const model = network();
  model.forward([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
  return model;
};

const numbersOf = (model: nn.Module): number[] =>
  Object.values(model.stateDict()).flatMap((one) => Array.from(one.data));

describe('a state comes back', () => {
  it.each([
    ['as it is', (state: nn.StateDict) => state],
    ['from JSON', (state: nn.StateDict) => JSON.parse(JSON.stringify(state))],
    ['from structuredClone', (state: nn.StateDict) => structuredClone(state)],
    ['from JSON of a clone of JSON', (state: nn.StateDict) => JSON.parse(JSON.stringify(structuredClone(JSON.parse(JSON.stringify(state)))))],
    ['without a prototype', (state: nn.StateDict) => Object.assign(Object.create(null), state)],
    ['as typed arrays', (state: nn.StateDict) => Object.fromEntries(Object.entries(state).map(([name, one]) => [name, one.data]))],
    ['as nested arrays', (state: nn.StateDict) => Object.fromEntries(Object.entries(state).map(([name, one]) => [name, one.toArray()]))],
    ['as shapes and typed arrays', (state: nn.StateDict) => Object.fromEntries(Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data }]))],
    ['of Tensors with a reshape', (state: nn.StateDict) => ({ ...state, '0.bias': state['0.bias'].reshape(2, 2).reshape(4) })],
  ])('%s', (_, through) => {
    const model = trained();
    const other = network();
    expect(other.loadStateDict(through(model.stateDict()))).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(numbersOf(other)).toEqual(numbersOf(model));
  }); // prettier-ignore

  it('with NaN, infinities and scalars', () => {
    const model = new nn.Sequential();
    Object.assign(model, { a: new nn.Parameter([NaN, Infinity, -Infinity, 1e-45]), b: new nn.Buffer(7) });
    const text = JSON.stringify(model.stateDict());
    expect(JSON.parse(text)).toEqual({
      a: { shape: [4], data: ['NaN', 'Infinity', '-Infinity', 1.401298464324817e-45] },
      b: { shape: [], data: [7] },
    });
    const before = numbersOf(model);
    model.loadStateDict({ a: [0, 0, 0, 0], b: 0 });
    model.loadStateDict(JSON.parse(text));
    expect(numbersOf(model)).toEqual(before);
  });

  it('shows shape and numbers of any tensor', () => {
    const w = tensor([[1, 2]], { requiresGrad: true });
    expect(JSON.parse(JSON.stringify({ w, y: w.mul(2) }))).toEqual({
      w: { shape: [1, 2], data: [1, 2] },
      y: { shape: [1, 2], data: [2, 4] },
    });
  });
});

describe('texts for numbers', () => {
  it.each(['abc', '', ' ', '0x10', '1', '1e3', 'infinity', '+Infinity', 'nan', '-NaN', ' NaN', '1,2'])(
    'are refused: %j',
    (text) => {
      const model = new nn.Linear(1, 1);
      const before = JSON.stringify(model.stateDict());
      const saved = { weight: { shape: [1, 1], data: [text] }, bias: [0] };
      expect(() => model.loadStateDict(saved)).toThrow(/weight: expected numbers, got string/);
      expect(JSON.stringify(model.stateDict())).toBe(before);
    },
  );

  it.each(['NaN', 'Infinity', '-Infinity'])('are taken: %s', (text) => {
    const model = new nn.Linear(1, 1);
    model.loadStateDict({ weight: { shape: [1, 1], data: [text] }, bias: [0] });
    expect(model.weight.data).toEqual(Float32Array.of(Number(text)));
  });
});

describe('a state that does not fit', () => {
  const throwing = Object.defineProperty({}, 'weight', {
    enumerable: true,
    get: () => {
      throw new Error('mine');
    },
  });
  it.each<[string, (state: nn.StateDict) => unknown, string | RegExp]>([
    ['a text', () => '[object Object]', 'loadStateDict: expected tensors by name, got string "[object Object]"'],
    ['undefined', () => undefined, 'loadStateDict: expected tensors by name, got undefined'],
    ['null', () => null, 'loadStateDict: expected tensors by name, got null'],
    ['a model', () => new nn.Linear(1, 2), /^loadStateDict: .*unknown/],
    ['a Map', (state) => new Map(Object.entries(state)), 'loadStateDict: missing weight, bias'],
    ['a name of Object', (state) => ({ ...state, constructor: [1] }), 'loadStateDict: unknown constructor'],
    ['null', (state) => ({ ...state, bias: null }), /^loadStateDict: bias: expected a number.* got null$/],
    ['nulls', (state) => ({ ...state, bias: { shape: [2], data: [1, null] } }), /^loadStateDict: bias: expected numbers, got null/],
    ['a text of no number', (state) => ({ ...state, bias: '1,2' }), /^loadStateDict: bias: expected a number/],
    ['the clone of a parameter', (state) => ({ ...state, bias: { shape: [2], place: 64 } }), /^loadStateDict: bias: expected a number.* got undefined$/],
    ['too few numbers', (state) => ({ ...state, bias: { shape: [2], data: [1] } }), /^loadStateDict: bias: 1 numbers do not fill shape \[2\]/],
    ['another shape', (state) => ({ ...state, bias: { shape: [1, 2], data: [1, 2] } }), 'loadStateDict: expected bias [2], got [1, 2]'],
    ['a shape that is none', (state) => ({ ...state, bias: { shape: 'x', data: [1, 2] } }), /^loadStateDict: bias: expected a shape/],
    ['a getter that throws', (state) => Object.assign(Object.create(null), Object.defineProperties({ bias: state.bias }, Object.getOwnPropertyDescriptors(throwing))), 'mine'],
    ['a symbol', (state) => ({ ...state, bias: Symbol('x') }), /^loadStateDict: bias: expected/],
    ['a proxy that throws', () => new Proxy({}, { ownKeys: () => { throw new Error('mine'); } }), 'mine'],
  ])('is refused: %s', (_, make, message) => {
    const model = new nn.Linear(1, 2);
    const before = numbersOf(model);
    expect(() => model.loadStateDict(make({ weight: tensor([[8], [9]]), bias: tensor([8, 9]) }) as nn.StateDict)).toThrow(message);
    expect(numbersOf(model)).toEqual(before);
  }); // prettier-ignore

  it('is loaded as far as it fits, where that is wanted', () => {
    const model = trained();
    const [before, state] = [model.stateDict(), network().stateDict()];
    delete (state as Partial<nn.StateDict>)['0.bias'];
    const given = { ...state, '3.weight': tensor([[1, 2]]), more: [1] };
    expect(() => model.loadStateDict(given)).toThrow('loadStateDict: missing 0.bias; unknown more');
    expect(model.loadStateDict(given, { strict: false })).toEqual({
      missingKeys: ['0.bias', '3.weight'],
      unexpectedKeys: ['more', '3.weight'],
    });
    const after = model.stateDict();
    for (const name of Object.keys(after)) {
      const expected = ['0.bias', '3.weight'].includes(name) ? before[name] : state[name];
      expect(after[name].data, name).toEqual(expected.data);
    }
    expect(() => model.loadStateDict({ more: Symbol('x') as never }, { strict: false })).not.toThrow();
    expect(() => model.loadStateDict({ '0.bias': 'x' as never, '0.weight': [[1]] }, { strict: false })).toThrow(TypeError); // prettier-ignore
    expect(() => model.loadStateDict(state, { strickt: false } as never)).toThrow(/unknown option 'strickt'/);
    expect(numbersOf(model)).toEqual(Object.values(after).flatMap((one) => Array.from(one.data)));
  });

  it('changes nothing where a parameter was disposed of', () => {
    const model = network();
    const state = trained().stateDict();
    model.parameters().at(-1)![Symbol.dispose]();
    const before = model.parameters()[0].data;
    expect(() => model.loadStateDict(state)).toThrow(/can no longer be read/);
    expect(model.parameters()[0].data).toEqual(before);
  });
});

describe('the state of an optimizer', () => {
  const step = (model: nn.Module, optimizer: optim.Optimizer): void => {
    optimizer.zeroGrad();
    (model.forward(tensor([[1, 2, 3], [3, 1, 5]])).square().sum() as Tensor).backward(); // prettier-ignore
    optimizer.step();
  };
  it.each([
    ['JSON', (state: unknown) => JSON.parse(JSON.stringify(state))],
    ['structuredClone', (state: unknown) => structuredClone(state)],
  ])('goes on after %s, bit for bit', (_, through) => {
    manualSeed(4);
    const model = new nn.Linear(3, 2);
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
    const ema = new optim.EMA(model.parameters(), { decay: 0.9 });
    step(model, optimizer);
    ema.update();
    const other = new nn.Linear(3, 2);
    other.loadStateDict(through(model.stateDict()));
    const again = new optim.Adam(other.parameters());
    again.loadStateDict(through(optimizer.stateDict()));
    const average = new optim.EMA(other.parameters(), { decay: 0.9 });
    average.loadStateDict(through(ema.stateDict()));
    expect(average.stateDict()).toEqual(ema.stateDict());
    step(model, optimizer);
    step(other, again);
    expect(numbersOf(other)).toEqual(numbersOf(model));
    expect(again.stateDict()).toEqual(optimizer.stateDict());
  });

  it.each([
    ['JSON', (state: unknown) => JSON.parse(JSON.stringify(state))],
    ['structuredClone', (state: unknown) => structuredClone(state)],
  ])('goes on after %s where it is infinite or NaN', (_, through) => {
    const makers: ((p: Tensor[]) => optim.Optimizer)[] = [
      (p) => new optim.Adam(p, { amsgrad: true }),
      (p) => new optim.SGD(p, { lr: 1, momentum: 0.9 }),
      (p) => new optim.Adagrad(p),
      (p) => new optim.RMSprop(p, { centered: true }),
      (p) => new optim.Lion(p),
    ];
    for (const make of makers) {
      const w = tensor([1, 2, 3], { requiresGrad: true });
      const [optimizer, again] = [make([w]), make([w])];
      const ema = new optim.EMA([w], { decay: 0.5 });
      const average = new optim.EMA([w], { decay: 0.5 });
      w.mul(tensor([1e30, -1e30, Number.NaN]))
        .sum()
        .backward();
      optimizer.step();
      ema.update();
      again.loadStateDict(through(optimizer.stateDict()));
      average.loadStateDict(through(ema.stateDict()));
      expect(again.stateDict()).toEqual(optimizer.stateDict());
      expect(average.stateDict()).toEqual(ema.stateDict());
    }
  });

  it.each<[string, (state: optim.OptimizerState) => unknown, RegExp]>([
    ...[new Map(), new Date(0), Promise.resolve(), [], new Float32Array(2), null, 3, 'x'].map(
      (state): [string, (all: optim.OptimizerState) => unknown, RegExp] => [
        `state: ${Object.prototype.toString.call(state)}`,
        (all) => ({ ...all, state }),
        /expected what stateDict\(\) of an optimizer gave/,
      ],
    ),
    ...[null, 3, 'x', new Map(), new Date(0), []].map(
      (own): [string, (all: optim.OptimizerState) => unknown, RegExp] => [
        `of a parameter: ${Object.prototype.toString.call(own)}`,
        (all) => ({ ...all, state: { ...all.state, 0: own } }),
        /expected the state of parameter 0 as an object, got /,
      ],
    ),
    [
      'of more parameters',
      (all) => ({ ...all, state: { ...all.state, 2: all.state[0] } }),
      /expected a state of 2 parameters, got one of parameter 2/,
    ],
    [
      'of a parameter by its name',
      (all) => ({ ...all, state: { weight: all.state[0] } }),
      /expected a state of 2 parameters, got one of parameter weight/,
    ],
    [
      'other texts',
      (all) => ({ ...all, state: { ...all.state, 0: { ...all.state[0], expAvg: Array(6).fill('1') } } }),
      /expAvg .*: expected numbers, got string "1"/,
    ],
    [
      'integers of 64 bits',
      (all) => ({ ...all, state: { ...all.state, 0: { ...all.state[0], expAvg: new BigInt64Array(6) } } }),
      /expAvg .*: expected numbers, got a BigInt64Array/,
    ],
    [
      'a length alone',
      (all) => ({ ...all, state: { ...all.state, 0: { ...all.state[0], expAvg: { length: 6 } } } }),
      /expAvg of 6 numbers for parameter 0, got 1/,
    ],
  ])('is refused: %s', (_, wrong, message) => {
    const model = new nn.Linear(3, 2);
    const optimizer = new optim.Adam(model.parameters());
    step(model, optimizer);
    const before = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(wrong(before) as never)).toThrow(message);
    expect(optimizer.stateDict()).toEqual(before);
  });

  it('is refused where JSON made null of a NaN', () => {
    const model = new nn.Linear(3, 2);
    const optimizer = new optim.Adam(model.parameters());
    step(model, optimizer);
    const saved = JSON.parse(JSON.stringify(optimizer.stateDict()));
    const [name] = Object.keys(saved.state[0]).filter((key) => key !== 'step');
    saved.state[0][name][1] = null;
    const before = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(saved)).toThrow(/^loadStateDict: expected .* of 6 numbers for parameter 0: expected numbers, got null/); // prettier-ignore
    expect(optimizer.stateDict()).toEqual(before);
  });
});
