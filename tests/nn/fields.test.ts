import { describe, expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, nn, noGrad, optim, tensor, type Tensor } from 'wasmgrad';

const linear = () => new nn.Linear(2, 2);

/** A class as it runs in JavaScript, where fields are defined and not assigned. */
const inJavaScript = (fields: string): nn.Module => {
  const make = new Function('nn', 'linear', `return new (class Net extends nn.Module { ${fields} })()`);
  return make(nn, linear) as nn.Module;
};

/** A model with one field that holds layers, and a forward pass through all of them. */
class Holder extends nn.Module {
  constructor(
    field: PropertyKey,
    value: unknown,
    private readonly run: () => readonly nn.Module[],
  ) {
    super();
    Object.defineProperty(this, field, { value, enumerable: true, configurable: true, writable: true });
  }

  override forward(x: Tensor): Tensor {
    return this.run().reduce((y, layer) => layer.forward(y), x);
  }
}

const training = (model: nn.Module, parameters: readonly Tensor[] = model.parameters()) => ({
  data: new data.DataLoader(
    new data.TensorDataset(
      [
        [1, 2],
        [3, 4],
      ],
      [
        [0, 1],
        [1, 0],
      ],
    ),
    { batchSize: 2 },
  ),
  loss: new nn.MSELoss(),
  optimizer: new optim.SGD(parameters, { lr: 0.1 }),
  epochs: 1,
  progress: false,
});

const namesOf = (model: nn.Module): string[] => model.namedParameters().map(([name]) => name);

describe('layers in fields', () => {
  const cycle: unknown[] = [linear()];
  cycle.push(cycle, { back: cycle });
  const shared = [linear()];
  const rows: [string, PropertyKey, unknown, string[]][] = [
    ['a layer', 'a', linear(), ['a']],
    ['an array', 'a', [linear(), linear()], ['a.0', 'a.1']],
    ['nested arrays', 'a', [[linear()], [[linear()]]], ['a.0.0', 'a.1.0.0']],
    ['an array with holes and other things', 'a', [undefined, null, 3, 'x', linear()], ['a.4']],
    ['pairs', 'a', [[0.5, linear()]], ['a.0.1']],
    ['a plain object', 'a', { left: linear(), right: linear() }, ['a.left', 'a.right']],
    ['a nested object', 'a', { b: { c: [linear()] } }, ['a.b.c.0']],
    ['an object without a prototype', 'a', Object.assign(Object.create(null), { b: linear() }), ['a.b']],
    ['a frozen object', 'a', Object.freeze({ b: linear() }), ['a.b']],
    ['a Map', 'a', new Map<unknown, unknown>([['b', linear()], [3, [linear()]]]), ['a.b', 'a.3.0']], // prettier-ignore
    ['a Set', 'a', new Set([linear(), linear()]), ['a.0', 'a.1']],
    ['an array of Maps', 'a', [new Map([['b', linear()]])], ['a.0.b']],
    ['a subclass of Array', 'a', class List extends Array {}.from([linear()]), ['a.0']],
    ['a cycle', 'a', cycle, ['a.0']],
    ['one array twice', 'a', { b: shared, c: shared }, ['a.b.0']],
    ['a symbol', Symbol('a'), [linear()], ['Symbol(a).0']],
    ['a hidden property', 'a', Object.defineProperty({}, 'b', { value: linear() }), ['a.b']],
    ['a proxy', 'a', new Proxy([linear()], {}), ['a.0']],
    [
      'layers called as methods inside',
      'a',
      { train: linear(), forward: linear() },
      ['a.train', 'a.forward'],
    ],
  ];

  it.each(rows)('are found in %s', async (_, field, value, expected) => {
    manualSeed(1);
    const model: Holder = new Holder(field, value, () => model.modules().slice(1));
    expect(namesOf(model)).toEqual(expected.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
    expect(Object.keys(model.stateDict())).toEqual(namesOf(model));
    const before = model.stateDict();
    await fit(model, training(model));
    for (const [name, parameter] of model.namedParameters()) {
      expect(parameter.data, name).not.toEqual(before[name].data);
    }
    model.eval();
    expect(model.modules().filter((module) => module.training)).toEqual([]);
    model.loadStateDict(before);
    expect(model.parameters()[0].data).toEqual(before[namesOf(model)[0]].data);
    expect(nn.summary(model, [1, 2]).parameters).toBe(6 * expected.length);
  });

  it('are found beside those of a Sequential and a Concat', () => {
    class Net extends nn.Sequential {
      head = { a: linear() };
      scale = new nn.Parameter([1]);
    }
    const names = ['scale', '0.weight', '0.bias', 'head.a.weight', 'head.a.bias'];
    expect(namesOf(new Net(linear()))).toEqual(names);
    class Both extends nn.Concat {
      head = linear();
    }
    expect(namesOf(new Both(linear())).slice(2)).toEqual(['head.weight', 'head.bias']);
  });

  it('end where modules hold each other', () => {
    const [a, b] = [new nn.Sequential(linear()), new nn.Sequential(linear())];
    Object.assign(a, { b });
    Object.assign(b, { parent: a });
    expect(namesOf(a)).toEqual(['0.weight', '0.bias', 'b.0.weight', 'b.0.bias']);
    expect(a.modules()).toHaveLength(4);
    expect(a.eval().modules().some(({ training }) => training)).toBe(false); // prettier-ignore
  });

  it('are not looked for in getters, which are not called', () => {
    const model = new Holder('a', linear(), () => []);
    const getter = { get: () => expect.unreachable(), enumerable: true };
    Object.defineProperty(model, 'b', getter);
    Object.defineProperty(model, 'c', { value: Object.defineProperty({}, 'd', getter) });
    expect(namesOf(model)).toEqual(['a.weight', 'a.bias']);
    expect(Object.keys(model.stateDict())).toEqual(['a.weight', 'a.bias']);
  });

  it('are refused where two have one path', () => {
    const model = new Holder('a', { b: { c: linear() }, 'b.c': linear() }, () => []);
    expect(() => model.parameters()).toThrow(new RangeError('parameters: two are called a.b.c.weight; rename a field')); // prettier-ignore
    const map = new Map<unknown, unknown>([[1, linear()], ['1', linear()]]); // prettier-ignore
    expect(() => new Holder('a', map, () => []).stateDict()).toThrow(/two are called a\.1\.weight/);
  });
});

describe('objects of other classes', () => {
  class Block {
    readonly inner: unknown;
    constructor(inner: unknown) {
      this.inner = inner;
    }
  }
  it.each([
    ['a layer', linear(), 'a.inner'],
    ['layers', [linear()], 'a.inner.0'],
    ['a parameter', new nn.Parameter([1]), 'a.inner'],
    ['a Map of models', new Map([['b', new nn.Sequential(linear())]]), 'a.inner.b'],
  ])('may not hold %s', (_, inner, path) => {
    const model = new Holder('a', new Block(inner), () => []);
    const message = `parameters: ${path} would not learn, as Block does not extend nn.Module`;
    expect(() => model.parameters()).toThrow(new TypeError(message));
    expect(() => model.stateDict()).toThrow(TypeError);
  });

  it('may hold what is found elsewhere, or does not learn', () => {
    const layer = linear();
    const model = new Holder('a', { block: new Block([layer]), list: [layer] }, () => []);
    Object.assign(model, { optimizer: new optim.Adam(model.parameters()), self: new Block(model) });
    expect(namesOf(model)).toEqual(['a.list.0.weight', 'a.list.0.bias']);
    const frozen = linear();
    for (const parameter of frozen.parameters()) parameter.requiresGrad = false;
    Object.assign(model, { frozen: new Block(frozen), kept: layer.forward(tensor([[1, 2]])) });
    Object.assign(model, { date: new Date(), bytes: new Uint8Array(9), none: null, fn: () => layer });
    expect(namesOf(model)).toEqual(['a.list.0.weight', 'a.list.0.bias']);
  });
});

describe('fit', () => {
  class Hidden extends nn.Module {
    readonly #inner: nn.Module;
    readonly seen = linear();
    constructor(inner: nn.Module) {
      super();
      this.#inner = inner;
    }
    override forward(x: Tensor): Tensor {
      return this.#inner.forward(this.seen.forward(x));
    }
  }
  class Sum extends nn.Module {
    readonly seen = linear();
    readonly leaf: () => Tensor;
    constructor(leaf: Tensor) {
      super();
      this.leaf = () => leaf;
    }
    override forward(x: Tensor): Tensor {
      return this.seen.forward(x).add(this.leaf());
    }
  }
  const words = (what: string): RegExp =>
    new RegExp(
      `^fit: forward\\(\\) uses ${what} that the model does not list, so training would not reach it`,
    );

  it.each([
    ['a layer', () => new Hidden(linear()), words('a parameter \\[2, 2\\]')],
    [
      'a model',
      () => new Hidden(new nn.Sequential(new nn.ReLU(), linear())),
      words('a parameter \\[2, 2\\]'),
    ],
    ['dropout', () => new Hidden(new nn.Dropout()), words('a Dropout')],
    ['dropout inside', () => new Hidden(new nn.Sequential(new nn.AlphaDropout())), words('a AlphaDropout')],
    ['a norm', () => new Hidden(new nn.BatchNorm1d(2, { affine: false })), words('a BatchNorm1d')],
    ['a parameter', () => new Sum(new nn.Parameter([1, 2])), words('a parameter \\[2\\]')],
    ['a leaf', () => new Sum(tensor([1, 2], { requiresGrad: true })), words('a parameter \\[2\\]')],
    ['one deep inside', () => new nn.Sequential(new Hidden(linear())), words('a parameter \\[2, 2\\]')],
  ])('refuses %s that is not found', async (_, make, message) => {
    const model = make();
    const before = model.stateDict();
    await expect(fit(model, training(model))).rejects.toThrow(message);
    await expect(fit(model, { ...training(model), anomaly: true })).rejects.toThrow(message);
    for (const [name, parameter] of model.namedParameters())
      expect(parameter.data).toEqual(before[name].data);
  });

  it.each([
    ['what the optimizer moves', () => new Sum(scale), () => [scale]],
    ['what is frozen', () => new Sum(tensor([1, 2])), () => []],
    ['layers without state', () => new Hidden(new nn.ReLU()), () => []],
    ['dropout in evaluation', () => new Hidden(new nn.Dropout().eval()), () => []],
    ['a norm in evaluation', () => new Hidden(new nn.BatchNorm1d(2, { affine: false }).eval()), () => []],
  ])('takes %s', async (_, make, more) => {
    const model = make();
    await fit(model, training(model, [...model.parameters(), ...more()]));
  });
  const scale = new nn.Parameter([1, 2]);

  it('takes other models under noGrad, and in the loss', async () => {
    const other = linear();
    class Net extends nn.Module {
      readonly inner = linear();
      override forward(x: Tensor): Tensor {
        return this.inner.forward(x.add(noGrad(() => other.forward(x)).detach()));
      }
    }
    const model = new Net();
    const mse = new nn.MSELoss();
    const loss = (y: Tensor, t: Tensor): Tensor => mse.forward(other.forward(y), t);
    const options = training(model);
    await fit(model, { ...options, loss });
    expect(await evaluate(model, options.data, { loss })).toBeDefined();
  });
});

describe('names of fields', () => {
  const free = [
    'output',
    'state',
    'modules',
    'members',
    'collect',
    'layers',
    'inner',
    'named',
    'kind',
    'inFeatures',
  ];
  const reserved = [
    'train', 'eval', 'training', 'forward', 'predict', 'parameters', 'namedParameters', 'namedBuffers',
    'namedChildren', 'stateDict', 'loadStateDict',
  ]; // prettier-ignore

  it.each(free)('%s is free for a layer', async (name) => {
    const run = `forward(x) { return this.${name}.forward(x); }`;
    const assigned = `constructor() { super(); this.${name} = linear(); } ${run}`;
    for (const fields of [`${name} = linear(); ${run}`, assigned]) {
      const model = inJavaScript(fields);
      const layer = model[name as 'output'] as nn.Linear;
      expect(namesOf(model)).toEqual([`${name}.weight`, `${name}.bias`]);
      await fit(model, { ...training(model), loss: new nn.CrossEntropyLoss() });
      expect(model[name as 'output']).toBe(layer);
      const [first, second] = model.predict([1, 2]) as number[];
      expect(first + second).toBeCloseTo(1, 5);
      expect(model.predict(Float32Array.of(1, 2, 3, 4))).toHaveLength(4);
      expect(model.predict(tensor([[1, 2]]))).toHaveLength(1);
      expect(nn.summary(model).parameters).toBe(6);
    }
  });

  it.each(free)('%s is free for a list of layers', (name) => {
    const model = inJavaScript(`${name} = [linear(), linear()];`);
    expect(namesOf(model)).toEqual([0, 1].flatMap((i) => [`${name}.${i}.weight`, `${name}.${i}.bias`]));
    expect(Object.keys(new nn.Sequential(model).eval().stateDict())).toHaveLength(4);
  });

  it.each(reserved)('%s is refused', async (name) => {
    const body = name === 'forward' ? '' : 'forward(x) { return x; }';
    const message = new RegExp(`^Net: the field '${name}' hides ${name} of nn.Module; give it another name$`);
    const values = ['linear()', '[linear()]', 'null', '5'];
    const defined = values.map((value) => `${name} = ${value};`);
    const assigned = values.map((value) => `constructor() { super(); this.${name} = ${value}; }`);
    for (const field of [...defined, ...assigned]) {
      if (name === 'training' && assigned.includes(field)) {
        expect(() => inJavaScript(`${field} ${body}`)).toThrow(message);
        continue;
      }
      const model = inJavaScript(`${field} ${body}`);
      const outer = new nn.Sequential(model);
      expect(() => outer.parameters()).toThrow(message);
      expect(() => outer.predict([1, 2])).toThrow(message);
      expect(() => outer.eval()).toThrow(message);
      expect(() => nn.summary(outer, [1, 2])).toThrow(message);
      await expect(fit(outer, training(outer, linear().parameters()))).rejects.toThrow(message);
      await expect(fit(model, training(model, linear().parameters()))).rejects.toThrow(message);
      if (name !== 'training') expect(model.training).toBe(true);
    }
  });

  it('may be those of methods that are written as functions', () => {
    const model = inJavaScript('inner = linear(); forward = (x) => this.inner.forward(x)');
    expect(model.predict([[1, 2]])).toHaveLength(1);
  });

  it('leave the documented setting where no layer has its name', () => {
    const model = new nn.Sequential(linear());
    model.output = 'softmax';
    const [a, b] = model.predict([1, 2]) as number[];
    expect(a + b).toBeCloseTo(1, 5);
    expect(Object.keys(model)).toContain('output');
    expect(inJavaScript("output = 'sigmoid'; forward(x) { return x; }").predict([0])).toEqual([0.5]);
    class Net extends nn.Module {
      override output = linear();
      override forward(x: Tensor): Tensor {
        return this.output.forward(x);
      }
    }
    const wrapped = new nn.Sequential(new Net());
    wrapped.output = 'softmax';
    const [c, d] = wrapped.predict([1, 2]) as number[];
    expect(c + d).toBeCloseTo(1, 5);
    model.output = 'sofmax' as 'softmax';
    expect(() => model.predict([1, 2])).toThrow(
      /expected output 'raw', 'softmax' or 'sigmoid', got 'sofmax'/,
    );
  });
});

it('a layer that is the key of a Map is refused', () => {
  class Keys extends nn.Module {
    byLayer = new Map<unknown, string>([[new nn.Linear(1, 1), 'first']]);
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  expect(() => new Keys().parameters()).toThrow(
    'parameters: byLayer.key would not learn, as Map does not extend nn.Module',
  );
});

it('a layer that is the key of a Map and in a field, too, is found there', () => {
  class Both extends nn.Module {
    layer = new nn.Linear(1, 1);
    names = new Map<unknown, string>([[this.layer, 'first']]);
    override forward(x: Tensor): Tensor {
      return x;
    }
  }
  expect(new Both().namedParameters().map(([name]) => name)).toEqual(['layer.weight', 'layer.bias']);
});
