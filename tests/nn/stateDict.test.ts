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

  it('is refused where JSON made null of a NaN', () => {
    const model = new nn.Linear(3, 2);
    const optimizer = new optim.Adam(model.parameters());
    step(model, optimizer);
    const saved = JSON.parse(JSON.stringify(optimizer.stateDict()));
    const [name] = Object.keys(saved.state[0]).filter((key) => key !== 'step');
    saved.state[0][name][1] = null;
    const before = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(saved)).toThrow(/^loadStateDict: expected .* of 6 numbers for parameter 0, got others$/); // prettier-ignore
    expect(optimizer.stateDict()).toEqual(before);
  });
});
