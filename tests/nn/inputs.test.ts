import { describe, expect, it } from 'vitest';
import { data, nn, tensor, type Tensor } from 'wasmgrad';

/** Every layer, for rows of two numbers. */
const LAYERS: Record<string, () => nn.Module> = {
  AlphaDropout: () => new nn.AlphaDropout().eval(),
  BatchNorm1d: () => new nn.BatchNorm1d(2),
  Concat: () => new nn.Concat(new nn.Identity(), new nn.Linear(2, 1)),
  Dropout: () => new nn.Dropout().eval(),
  ELU: () => new nn.ELU(),
  Embedding: () => new nn.Embedding(9, 2),
  Flatten: () => new nn.Flatten(),
  GELU: () => new nn.GELU(),
  Hardtanh: () => new nn.Hardtanh(),
  Identity: () => new nn.Identity(),
  LayerNorm: () => new nn.LayerNorm(2),
  LeakyReLU: () => new nn.LeakyReLU(),
  Linear: () => new nn.Linear(2, 3),
  LogSoftmax: () => new nn.LogSoftmax(),
  Mish: () => new nn.Mish(),
  PReLU: () => new nn.PReLU(2),
  RMSNorm: () => new nn.RMSNorm(2),
  ReLU: () => new nn.ReLU(),
  Residual: () => new nn.Residual(new nn.Linear(2, 2)),
  SELU: () => new nn.SELU(),
  Sequential: () => new nn.Sequential(new nn.ReLU(), new nn.Linear(2, 1)),
  SiLU: () => new nn.SiLU(),
  Sigmoid: () => new nn.Sigmoid(),
  Softmax: () => new nn.Softmax(),
  Softplus: () => new nn.Softplus(),
  Standardize: () => new nn.Standardize(2),
  Tanh: () => new nn.Tanh(),
};

type Forward = { forward(...inputs: unknown[]): Tensor };

const ROWS = [[1, 2], [3, 0.5]]; // prettier-ignore
const LOSSES: Record<string, [loss: object, ...inputs: unknown[]]> = {
  BCELoss: [new nn.BCELoss(), [[0.5], [0.25]], [[1], [0]]],
  BCEWithLogitsLoss: [new nn.BCEWithLogitsLoss(), [[0.5], [-1]], [[1], [0]]],
  CosineEmbeddingLoss: [new nn.CosineEmbeddingLoss(), ROWS, [[1, 1], [0, 2]], [1, -1]],
  CrossEntropyLoss: [new nn.CrossEntropyLoss(), ROWS, [0, 1]],
  HingeEmbeddingLoss: [new nn.HingeEmbeddingLoss(), [0.5, 0.25], [1, -1]],
  HingeLoss: [new nn.HingeLoss(), [0.5, 2], [1, -1]],
  HuberLoss: [new nn.HuberLoss(), ROWS, [[0, 0], [1, 1]]],
  KLDivLoss: [new nn.KLDivLoss(), [[-1, -2], [-3, -0.1]], [[0.5, 0.5], [1, 0]]],
  L1Loss: [new nn.L1Loss(), ROWS, [[0, 0], [1, 1]]],
  MSELoss: [new nn.MSELoss(), ROWS, [[0, 0], [1, 1]]],
  NLLLoss: [new nn.NLLLoss(), [[-1, -2], [-3, -0.1]], [0, 1]],
  SmoothL1Loss: [new nn.SmoothL1Loss(), ROWS, [[0, 0], [1, 1]]],
  TripletMarginLoss: [new nn.TripletMarginLoss(), ROWS, [[1, 1], [0, 2]], [[4, 1], [0, 0]]],
}; // prettier-ignore

/** What is neither a tensor nor numbers. */
const OTHERS: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a text', 'x'],
  ['a truth', true],
  ['a bigint', 1n],
  ['a symbol', Symbol('x')],
  ['a function', () => 1],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['a promise', Promise.resolve([1])],
  ['a Date', new Date()],
  ['a data set', new data.TensorDataset([[1]], [1])],
  ['a proxy', new Proxy({}, {})],
  ['boxed numbers', [[Object(1), 2]]],
  ['texts', [['1', '2']]],
  ['a list of tensors', [tensor([1, 2])]],
  ['nothing in a row', [[undefined, 1]]],
  ['a BigInt64Array', new BigInt64Array(2)],
];

describe('every class of nn', () => {
  it('stands in one of the tables', () => {
    const others = ['Buffer', 'Module', 'Parameter', 'Summary', 'init', 'summary'];
    expect(new Set([...Object.keys(LAYERS), ...Object.keys(LOSSES), ...others])).toEqual(
      new Set(Object.keys(nn)),
    );
  });
});

describe.each(Object.entries(LAYERS))('%s', (name, make) => {
  const layer = make() as unknown as Forward;
  const rows = name === 'Embedding' ? [[1, 2], [3, 0]] : ROWS; // prettier-ignore

  it('takes nested arrays as it takes tensors', () => {
    const expected = layer.forward(tensor(rows)).toArray();
    expect(layer.forward(rows).toArray()).toEqual(expected);
  });

  it.runIf(/ReLU$|LU$|^Identity|Norm$|Embedding|Soft|Standardize/.test(name) && name !== 'PReLU')(
    'takes typed arrays',
    () => {
      const expected = layer.forward(tensor(rows[0])).toArray();
      expect(layer.forward(Float64Array.from(rows[0])).toArray()).toEqual(expected);
    },
  );

  it.each(OTHERS)('refuses %s', (_, value) => {
    expect(() => layer.forward(value)).toThrow(TypeError);
    expect(() => layer.forward(value)).toThrow(new RegExp(`^${name}: expected`));
  });

  it('is refused by its name', () => {
    expect(() => layer.forward([[1], [1, 2]])).toThrow(new RegExp(`^${name}: ragged`));
  });
});

describe.each(Object.entries(LOSSES))('%s', (name, [loss, ...inputs]) => {
  const { forward } = loss as Forward;
  it('takes nested arrays as it takes tensors', () => {
    const expected = forward.apply(loss, inputs.map((input) => tensor(input as number[]))).item(); // prettier-ignore
    expect(expected).toBeGreaterThan(0);
    expect(forward.apply(loss, inputs).item()).toBe(expected);
  });

  it.each(OTHERS)('refuses %s, wherever it stands', (_, value) => {
    inputs.forEach((__, i) => {
      const given = inputs.map((input, at) => (at === i ? value : input));
      expect(() => forward.apply(loss, given)).toThrow(TypeError);
      expect(() => forward.apply(loss, given)).toThrow(new RegExp(`^${name}: expected`));
    });
  });
});

describe('the wrong shape', () => {
  it.each<[string, () => Tensor, RegExp]>([
    ['Linear', () => new nn.Linear(2, 3).forward([[1, 2, 3]]), /^linear\(2 → 3\): expected x \[batch, 2\], got \[1, 3\]$/],
    ['BatchNorm1d', () => new nn.BatchNorm1d(2).forward([[1, 2, 3]]), /^BatchNorm1d\(2\): expected/],
    ['LayerNorm', () => new nn.LayerNorm(2).forward([[1, 2, 3]]), /^[lL]ayerNorm/],
    ['RMSNorm', () => new nn.RMSNorm(2).forward([[1, 2, 3]]), /^(rmsNorm|RMSNorm)/],
    ['PReLU', () => new nn.PReLU(2).forward([[1, 2, 3]]), /^PReLU\(2\): expected/],
    ['Standardize', () => new nn.Standardize(2).forward([[1, 2, 3]]), /^Standardize\(2\): expected/],
    ['Residual', () => new nn.Residual(new nn.Linear(2, 3)).forward([[1, 2]]), /^Residual: expected/],
    ['Concat', () => new nn.Concat(new nn.Flatten(), new nn.Identity()).forward([[[1, 2]]]), /^concat/],
    ['Embedding', () => new nn.Embedding(2, 3).forward([[2]]), /^Embedding: expected indices/],
    ['Softmax', () => new nn.Softmax(2).forward([[1, 2]]), /^softmax: dimension 2/],
    ['LogSoftmax', () => new nn.LogSoftmax(2).forward([[1, 2]]), /^logSoftmax: dimension 2/],
  ])('names %s', (_, run, message) => expect(run).toThrow(message)); // prettier-ignore
});

describe('predict', () => {
  it.each(OTHERS.filter(([name]) => name !== 'a list of tensors'))('refuses %s', (_, value) => {
    const model = new nn.Sequential(new nn.Linear(2, 1));
    expect(() => model.predict(value as number[])).toThrow(TypeError);
    expect(() => model.predict(value as number[])).toThrow(/^predict: expected/);
    expect(model.modules().every(({ training }) => training)).toBe(true);
  });
});

describe('Standardize', () => {
  const rows = (value: number): number[][] => [[1, 2], [3, value], [5, 6]]; // prettier-ignore
  it.each([NaN, Infinity, -Infinity, 1e39, -1e300])('refuses rows with %s, and says where', (value) => {
    const message =
      /^Standardize\.fit: expected finite numbers \(as float32\), got (NaN|-?Infinity) in row 1, column 1$/;
    expect(() => nn.Standardize.fit(rows(value))).toThrow(message);
    expect(() => nn.Standardize.fit(tensor(rows(value)))).toThrow(message);
    expect(() => new nn.Standardize(2, { mean: [0, value] })).toThrow(/got (NaN|-?Infinity) in the mean of feature 1$/); // prettier-ignore
    expect(() => new nn.Standardize(2, { scale: [value, 1] })).toThrow(/in the scale of feature 0$/);
  });

  it.each([null, undefined, 'x', Symbol('x'), {}, Object.create(null), [['1']]])('refuses %o', (value) => {
    expect(() => nn.Standardize.fit(value as number[])).toThrow(/^Standardize\.fit: expected/);
  });

  it('takes the largest and the smallest numbers', () => {
    for (const scale of [3e38, 1e-45]) {
      const layer = nn.Standardize.fit([[-scale], [scale]]);
      expect(layer.predict([[0], [scale]])).toEqual([[0], [expect.any(Number)]]);
      expect((layer.predict([scale]) as number[])[0]).toBeGreaterThan(0);
    }
  });
});
