import { describe, expect, it } from 'vitest';
import { data, gradcheck, layerStatistics, metrics, nn, tensor, type Tensor } from 'wasmgrad';
import { quantize } from 'wasmgrad/io';

// Whatever is given where numbers are wanted: an error that names the call, or the numbers.

const model = new nn.Sequential(new nn.Linear(2, 2));
const x = tensor([[1, 2]], { requiresGrad: true });

/** Everything that takes numbers: the name that its errors begin with, and the call. */
const TAKERS: [string, RegExp, (numbers: never) => unknown][] = [
  ['tensor', /^tensor/, (numbers) => tensor(numbers)],
  ['Parameter', /^Parameter/, (numbers) => new nn.Parameter(numbers)],
  ['Buffer', /^Buffer/, (numbers) => new nn.Buffer(numbers)],
  ['an operation', /^add/, (numbers) => x.add(numbers)],
  ['matmul', /^matmul/, (numbers) => x.matmul(numbers)],
  ['backward', /^backward/, (numbers) => x.mul(2).backward(numbers)],
  ['gradcheck', /^gradcheck/, (numbers) => gradcheck((a: Tensor) => a, [numbers])],
  ['TensorDataset inputs', /^TensorDataset inputs/, (numbers) => new data.TensorDataset(numbers, [1])],
  ['TensorDataset targets', /^TensorDataset targets/, (numbers) => new data.TensorDataset([[1]], numbers)],
  [
    'TensorDataset of flat numbers',
    /^TensorDataset inputs/,
    (numbers) => new data.TensorDataset({ data: numbers, shape: [1] }, [1]),
  ],
  ['the target of MSELoss', /^MSELoss/, (numbers) => new nn.MSELoss().forward(x, numbers)],
  ['the target of L1Loss', /^L1Loss/, (numbers) => new nn.L1Loss().forward(x, numbers)],
  [
    'the target of CrossEntropyLoss',
    /^CrossEntropyLoss/,
    (numbers) => new nn.CrossEntropyLoss().forward(x, numbers),
  ],
  ['the target of NLLLoss', /^NLLLoss/, (numbers) => new nn.NLLLoss().forward(x, numbers)],
  ['the target of KLDivLoss', /^KLDivLoss/, (numbers) => new nn.KLDivLoss().forward(x, numbers)],
  [
    'the target of BCEWithLogitsLoss',
    /^BCEWithLogitsLoss/,
    (numbers) => new nn.BCEWithLogitsLoss().forward(x, numbers),
  ],
  [
    'the targets of CosineEmbeddingLoss',
    /^CosineEmbeddingLoss/,
    (numbers) => new nn.CosineEmbeddingLoss().forward(x, x, numbers),
  ],
  ['weights of rows', /^MSELoss/, (numbers) => new nn.MSELoss().forward(x, x, { weights: numbers })],
  ['weights of classes', /^CrossEntropyLoss/, (numbers) => new nn.CrossEntropyLoss({ weight: numbers })],
  ['posWeight', /^BCEWithLogitsLoss/, (numbers) => new nn.BCEWithLogitsLoss({ posWeight: numbers })],
  ['Embedding.forward', /^Embedding/, (numbers) => new nn.Embedding(3, 2).forward(numbers)],
  ['Standardize', /^Standardize/, (numbers) => new nn.Standardize(2, { mean: numbers })],
  ['Standardize.fit', /^Standardize\.fit/, (numbers) => nn.Standardize.fit(numbers)],
  ['predict', /^predict/, (numbers) => model.predict(numbers)],
  [
    'loadStateDict',
    /^loadStateDict/,
    (numbers) => model.loadStateDict({ '0.weight': numbers, '0.bias': [1, 2] }),
  ],
  ['the outputs of a metric', /^accuracy/, (numbers) => new metrics.Accuracy().update(numbers, [1])],
  ['the targets of a metric', /^mse/, (numbers) => new metrics.MSE().update([1], numbers)],
  ['balancedWeights', /^balancedWeights/, (numbers) => data.balancedWeights(numbers)],
  [
    'StratifiedKFold.split',
    /^StratifiedKFold/,
    (numbers) => new data.StratifiedKFold({ folds: 2 }).split(numbers),
  ],
  ['WeightedRandomSampler', /^WeightedRandomSampler/, (numbers) => new data.WeightedRandomSampler(numbers)],
  [
    'layerStatistics',
    /^TensorDataset inputs/,
    (numbers) => layerStatistics(model, [numbers, [1]], new nn.CrossEntropyLoss()),
  ],
  ['quantize', /^quantize/, (numbers) => quantize(model, numbers)],
];

const withItself = (): unknown[] => {
  const list: unknown[] = [];
  list.push(list);
  return list;
};
const transferred = (): Float32Array => {
  const list = Float32Array.of(1, 2);
  structuredClone(list.buffer, { transfer: [list.buffer] });
  return list;
};
/** [[1, 2]] with a hole where the 2 is. */
const withHole = (): number[][] => {
  const row = [1, 2];
  delete row[1];
  return [row];
};

const BAD: [string, () => unknown][] = [
  ['an array that contains itself', withItself],
  [
    'two arrays that contain each other',
    () => {
      const a: unknown[] = [];
      const b = [a];
      a.push(b);
      return a;
    },
  ],
  [
    'an array that contains itself later',
    () => {
      const list: unknown[] = [1];
      list.push(list);
      return list;
    },
  ],
  [
    'an array that contains itself in a row',
    () => {
      const row: unknown[] = [1];
      row.push(row);
      return [[1, 2], row];
    },
  ],
  [
    'arrays nested a thousand deep',
    () => {
      let list: unknown = 1;
      for (let i = 0; i < 1000; i++) list = [list];
      return list;
    },
  ],
  ['2³² − 1 holes', () => new Array(2 ** 32 - 1)],
  ['more numbers than there is memory', () => new Array(2 ** 16).fill(new Array(2 ** 16).fill(1))],
  ['a hole', withHole],
  ['undefined among numbers', () => [1, undefined]],
  ['null among numbers', () => [1, null]],
  ['a text among numbers', () => [1, '2']],
  ['true among numbers', () => [1, true]],
  ['a bigint among numbers', () => [1, 2n]],
  ['a symbol among numbers', () => [1, Symbol('one')]],
  ['a boxed number among numbers', () => [1, new Number(2)]],
  ['an object without prototype among numbers', () => [1, Object.create(null)]],
  ['a typed array among numbers', () => [Float32Array.of(1, 2), 1]],
  ['a function among numbers', () => [1, () => 1]],
  ['ragged arrays', () => [[1, 2], [3]]],
  ['a text', () => '1'],
  ['true', () => true],
  ['a bigint', () => 1n],
  ['null', () => null],
  ['a symbol', () => Symbol('one')],
  ['a function', () => () => 1],
  ['a boxed number', () => new Number(1)],
  ['a Map', () => new Map([[0, 1]])],
  ['a Set', () => new Set([1])],
  ['an array-like object', () => ({ length: '1', 0: 1 })],
  ['an object without prototype', () => Object.create(null)],
  ['a promise', () => Promise.resolve([1])],
  ['an ArrayBuffer', () => new ArrayBuffer(8)],
  ['a DataView', () => new DataView(new ArrayBuffer(8))],
  ['integers of 64 bits', () => BigInt64Array.of(1n, 2n)],
  ['unsigned integers of 64 bits', () => BigUint64Array.of(1n, 2n)],
  ['a typed array whose memory was transferred', transferred],
];
/** What an engine says of itself when nobody asked first. */
const UNASKED =
  /Cannot|is not a function|is not iterable|not a constructor|Invalid (typed )?array|stack|undefined is not|Reduce of/;

describe.each(TAKERS)('%s', (_, name, take) => {
  it.each(BAD)('refuses %s', (_what, make) => {
    let error: unknown;
    try {
      take(make() as never);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Error);
    expect(['TypeError', 'RangeError']).toContain((error as Error).name);
    expect((error as Error).message).toMatch(name);
    expect((error as Error).message).not.toMatch(UNASKED);
  });
});

describe('numbers', () => {
  const shared = new Float32Array(new SharedArrayBuffer(8));
  shared.set([1, 2]);

  it.each<[string, unknown, number[], number[]]>([
    ['a number', 3, [], [3]],
    ['infinities and NaN', [Infinity, -Infinity, NaN], [3], [Infinity, -Infinity, NaN]],
    ['more than float32 holds', [1e39], [1], [Infinity]],
    ['nothing', [], [0], []],
    ['rows of nothing', [[], []], [2, 0], []],
    [
      'nested arrays',
      [
        [[1], [2]],
        [[3], [4]],
      ],
      [2, 2, 1],
      [1, 2, 3, 4],
    ],
    ['64 dimensions', JSON.parse('['.repeat(64) + '7' + ']'.repeat(64)), new Array(64).fill(1), [7]],
    ['memory that workers share', shared, [2], [1, 2]],
    ['bytes', new Uint8Array([255]), [1], [255]],
    ['a part of a buffer', new Float64Array([1, 2, 3]).subarray(1), [2], [2, 3]],
    ['a proxy of an array', new Proxy([1, 2], {}), [2], [1, 2]],
  ])('%s are taken', (_, numbers, shape, values) => {
    const made = tensor(numbers as never);
    expect(made.shape).toEqual(shape);
    expect([...made.data]).toEqual(values);
  });

  it('of a row that is used twice are copied for each', () => {
    const row = [1, 2];
    expect(tensor([row, row]).toArray()).toEqual([row, row]);
  });

  it.each<[unknown, RegExp]>([
    [[1, null], /^tensor: expected numbers, got null at \[1\]$/],
    [
      [
        [1, 2],
        [3, '4'],
      ],
      /got string "4" at \[1\]\[1\]$/,
    ],
    [[[1], undefined], /got undefined at \[1\]$/],
    [
      [
        [[1], [2]],
        [[3], [4n]],
      ],
      /got 4n at \[1\]\[1\]\[0\]$/,
    ],
    [[new Number(1)], /got a Number at \[0\]$/],
    [withHole(), /got undefined at \[0\]\[1\]$/],
    [withItself(), /nested more than 64 deep; does one of them contain itself/],
    [transferred(), /got a Float32Array whose memory was transferred/],
    [new DataView(new ArrayBuffer(4)), /got a DataView$/],
    [
      new Array(2 ** 16).fill(new Array(2 ** 16).fill(1)),
      /^tensor: 65536 · 65536 numbers take \d+ bytes, WebAssembly has/,
    ],
  ])('an error says where and what: %#', (numbers, message) => {
    expect(() => tensor(numbers as never)).toThrow(message);
  });

  it.each(['length', '1'])('pass on what a proxy throws when it is asked for %s', (key) => {
    const own = new Error('mine');
    const proxy = new Proxy([1, 2], {
      get: (list, name, receiver) => {
        if (name === key) throw own;
        return Reflect.get(list, name, receiver) as unknown;
      },
    });
    for (const [, , take] of TAKERS) expect(() => take(proxy as never)).toThrow(own);
  });

  it.each<[unknown, ErrorConstructor, RegExp]>([
    [3, TypeError, /^tensor: expected a shape .*, got 3$/],
    ['2', TypeError, /got string "2"/],
    [null, TypeError, /got null/],
    [{ length: 1 }, TypeError, /got an Object/],
    [[2.5], RangeError, /got \[2\.5\]/],
    [[-2], RangeError, /got \[-2\]/],
    [[NaN], RangeError, /got \[NaN\]/],
    [['2'], RangeError, /got \[string "2"\]/],
    [[2 ** 40, 2 ** 40], RangeError, /2 numbers do not fill/],
    [[3], RangeError, /2 numbers do not fill shape \[3\]/],
  ])('in a shape %j are refused', (shape, kind, message) => {
    const act = (): Tensor => tensor([1, 2], { shape: shape as never });
    expect(act).toThrow(kind);
    expect(act).toThrow(message);
  });
});
