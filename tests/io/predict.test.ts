import { describe, expect, it } from 'vitest';
import { nn } from 'wasmgrad';
import { load } from 'wasmgrad/infer';
import { encodeModel, exportModule, exportWasm, loadModel, quantize } from 'wasmgrad/io';
import { filled } from '../support/architectures.js';

// One table of inputs through everything that predicts: the same numbers, or an error of the same kind.

type Predict = (rows: never) => unknown;

const codeOf = async (model: nn.Module, inFeatures?: number): Promise<Predict> =>
  (
    (await import(
      /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(exportModule(model, { inFeatures }).code)}`
    )) as { predict: Predict }
  ).predict;

/** All ways to predict with a model that was trained here. */
async function waysOf(
  model: nn.Module,
  calibration: number[][],
  inFeatures?: number,
): Promise<Record<string, Predict>> {
  const quantized = quantize(model, calibration);
  const options = inFeatures === undefined ? undefined : { inFeatures };
  const [file, wasm] = [await load(encodeModel(model), options), await load(exportWasm(model, options))];
  return {
    'Module.predict': (rows) => model.predict(rows),
    'load of a safetensors file': (rows) => file.predict(rows),
    'load of a model.wasm': (rows) => wasm.predict(rows),
    exportModule: await codeOf(model, inFeatures),
    'a loaded model': await loadModel(encodeModel(model)).then(
      (one): Predict =>
        (rows) =>
          one.predict(rows),
    ),
    'a quantized model': (rows) => quantized.predict(rows),
    'exportModule of a quantized model': await codeOf(quantized, inFeatures),
  };
}

/** What an input leads to: the shape of the result, or the kind of error. */
function outcome(predict: Predict, rows: unknown): { shape?: unknown; error?: string; message?: string } {
  const shapeOf = (value: unknown): unknown =>
    ArrayBuffer.isView(value)
      ? `${value.constructor.name}(${(value as Float32Array).length})`
      : Array.isArray(value)
        ? value.map(shapeOf)
        : typeof value;
  try {
    return { shape: shapeOf(predict(rows as never)) };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: name, message };
  }
}

const circular: unknown[] = [];
circular.push(circular);
const circles: unknown[] = [1];
circles.push(circles, circles);
const bare = Object.create(null) as unknown;
const proxy = new Proxy([1, 2], {});
const shared = new Float32Array(new SharedArrayBuffer(16));

describe('rows of two numbers', async () => {
  const ways = await waysOf(filled(new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh()), 2), [
    [1, 2],
    [0, -1],
  ]);
  const rows: [string, unknown, 'taken' | 'RangeError' | 'TypeError'][] = [
    ['a row', [1, 2], 'taken'],
    [
      'rows',
      [
        [1, 2],
        [3, 4],
      ],
      'taken',
    ],
    ['one row in a list', [[1, 2]], 'taken'],
    ['numbers that are not finite', [[NaN, Infinity]], 'taken'],
    ['float32', Float32Array.of(1, 2, 3, 4), 'taken'],
    ['float64', Float64Array.of(1, 2), 'taken'],
    ['bytes', Uint8Array.of(1, 2), 'taken'],
    ['clamped bytes', Uint8ClampedArray.of(1, 2), 'taken'],
    ['no float32', new Float32Array(), 'taken'],
    ['shared memory', shared, 'taken'],
    ['a proxy of a row', proxy, 'taken'],
    ['a frozen row', Object.freeze([1, 2]), 'taken'],
    ['a row that is short', [1], 'RangeError'],
    ['a row that is long', [1, 2, 3], 'RangeError'],
    ['rows that are short', [[1], [2]], 'RangeError'],
    ['rows that are long', [[1, 2, 3]], 'RangeError'],
    ['rows of which one is short', [[1, 2], [3]], 'RangeError'],
    [
      'rows of which one is long',
      [
        [1, 2],
        [3, 4, 5],
      ],
      'RangeError',
    ],
    ['rows without numbers', [[], []], 'RangeError'],
    ['rows of which one is a number', [[1, 2], 3], 'RangeError'],
    ['a number among rows', [1, [2, 3]], 'RangeError'],
    ['rows of more dimensions', [[[1, 2]]], 'RangeError'],
    ['rows of rows of one', [[[1], [2]]], 'RangeError'],
    ['rows of many dimensions', [[[[[[1, 2]]]]]], 'RangeError'],
    ['a number', 5, 'RangeError'],
    ['NaN', NaN, 'RangeError'],
    ['float32 that fill no row', Float32Array.of(1, 2, 3), 'RangeError'],
    ['an array that contains itself', circular, 'RangeError'],
    ['one that contains itself twice', circles, 'RangeError'],
    ['a text in a row', [[1, 'a']], 'TypeError'],
    ['a number as a text', [['1', '2']], 'TypeError'],
    ['texts', ['a', 'b'], 'TypeError'],
    ['empty texts', ['', ''], 'TypeError'],
    ['null in a row', [[null, 2]], 'TypeError'],
    ['nulls', [null, null], 'TypeError'],
    ['null for a row', [[1, 2], null], 'TypeError'],
    ['undefined for a row', [[1, 2], undefined], 'TypeError'],
    ['a text for a row', [[1, 2], 'ab'], 'TypeError'],
    ['undefined in a row', [[1, undefined]], 'TypeError'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole in a row', [[1, ,]], 'TypeError'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole for a row', [[1, 2], , [1, 2]], 'TypeError'],
    ['true', [[true, 2]], 'TypeError'],
    ['bigints', [[1n, 2n]], 'TypeError'],
    ['symbols', [[Symbol('a'), 2]], 'TypeError'],
    ['boxed numbers', [[Object(1), Object(2)]], 'TypeError'],
    ['objects', [[{}, {}]], 'TypeError'],
    ['objects without a prototype', [[bare, bare]], 'TypeError'],
    ['functions', [[() => 1, () => 2]], 'TypeError'],
    ['typed arrays in a list', [Float32Array.of(1, 2)], 'TypeError'],
    ['a text', 'ab', 'TypeError'],
    ['an empty text', '', 'TypeError'],
    ['null', null, 'TypeError'],
    ['undefined', undefined, 'TypeError'],
    ['an object', {}, 'TypeError'],
    ['an object like an array', { length: 2, 0: 1, 1: 2 }, 'TypeError'],
    ['an object without a prototype', bare, 'TypeError'],
    ['a symbol', Symbol('a'), 'TypeError'],
    ['a bigint', 2n, 'TypeError'],
    ['a function', () => [1, 2], 'TypeError'],
    ['a set', new Set([1, 2]), 'TypeError'],
    ['an iterator', [1, 2].values(), 'TypeError'],
    ['a buffer', new ArrayBuffer(8), 'TypeError'],
    ['a DataView', new DataView(new ArrayBuffer(8)), 'TypeError'],
    ['integers of 64 bits', BigInt64Array.of(1n, 2n), 'TypeError'],
    ['no integers of 64 bits', new BigUint64Array(0), 'TypeError'],
  ];
  it.each(rows)('%s', (_, given, wanted) => {
    const expected = outcome(ways['Module.predict'], given);
    for (const [name, predict] of Object.entries(ways)) {
      const found = outcome(predict, given);
      expect([name, found.error ?? 'taken']).toEqual([name, wanted]);
      expect([name, found.shape]).toEqual([name, expected.shape]);
    }
    // The same words, but for those of the module, which the layer says that refuses the rows.
    const { 'Module.predict': _module, 'a loaded model': _loaded, ...others } = ways;
    const messages = new Set(Object.values(others).map((predict) => outcome(predict, given).message));
    expect(messages.size).toBe(1);
  });

  it('memory that was transferred is refused, and nothing else changes', () => {
    for (const predict of Object.values(ways)) {
      const before = predict([1, 2] as never);
      const gone = Float32Array.of(1, 2);
      structuredClone(gone.buffer, { transfer: [gone.buffer] });
      expect(outcome(predict, gone).error).toBe('TypeError');
      const row = Object.defineProperty([0, 2], 0, {
        get() {
          throw new Error('mine');
        },
      });
      expect(outcome(predict, row).message).toBe('mine');
      expect(predict([1, 2] as never)).toEqual(before);
    }
  });
});

describe('rows of other shapes', () => {
  const flat = (...layers: nn.Module[]) =>
    new nn.Sequential(...layers, new nn.Flatten(), new nn.Linear(4, 2));
  const cases: [string, () => nn.Module, unknown, 'taken' | 'RangeError' | 'TypeError'][] = [
    ['Linear', () => new nn.Linear(2, 1), [], 'taken'],
    ['Linear', () => new nn.Linear(2, 1), [[]], 'RangeError'],
    ['Linear', () => new nn.Linear(2, 1), [[[1, 2]]], 'RangeError'],
    ['Flatten', () => flat(), [], 'taken'],
    ['Flatten', () => flat(), [1, 2, 3, 4], 'taken'],
    ['Flatten', () => flat(), [[1, 2, 3, 4]], 'taken'],
    ['Flatten', () => flat(), [[[1, 2], [3, 4]]], 'taken'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 'taken'], // prettier-ignore
    ['Flatten', () => flat(), [[[[1], [2]], [[3], [4]]]], 'taken'], // prettier-ignore
    ['Flatten', () => flat(), [[[1], [2], [3], [4]]], 'taken'],
    ['Flatten', () => flat(), [[1, 2], [3, 4]], 'RangeError'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2, 3], [4]]], 'RangeError'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2], [3, 4]], [1, 2, 3, 4]], 'RangeError'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2], [3, 4]], [[1, 2, 3, 4]]], 'RangeError'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2, 5], [3, 4, 5]]], 'RangeError'], // prettier-ignore
    ['Flatten', () => flat(), [[[1, 2], ['a', 4]]], 'TypeError'], // prettier-ignore
    ['Flatten', () => flat(), circular, 'RangeError'],
    ['ReLU, Flatten', () => flat(new nn.Dropout(0.5), new nn.ReLU()), [[[1, -2], [3, 4]]], 'taken'], // prettier-ignore
    ['Sequential, Flatten', () => flat(new nn.Sequential(new nn.Tanh())), [[[1, 2], [3, 4]]], 'taken'], // prettier-ignore
    ['LayerNorm, Flatten', () => flat(new nn.LayerNorm(4)), [[[1, 2, 3, 4]]], 'RangeError'],
    ['BatchNorm1d', () => new nn.BatchNorm1d(2), [[1, 2]], 'taken'],
    ['BatchNorm1d', () => new nn.BatchNorm1d(2), [[[1, 2], [3, 4]]], 'RangeError'], // prettier-ignore
    ['BatchNorm1d', () => new nn.BatchNorm1d(2), [[[1], [2]]], 'RangeError'],
    ['LayerNorm', () => new nn.LayerNorm(2), [1, 2], 'taken'],
    ['LayerNorm', () => new nn.LayerNorm(2), [[1, 2], [3, 5]], 'taken'], // prettier-ignore
    ['LayerNorm', () => new nn.LayerNorm(2), [[[1, 2]]], 'RangeError'],
    ['LayerNorm', () => new nn.LayerNorm([2, 2]), [[[1, 2], [3, 4]]], 'taken'], // prettier-ignore
    ['LayerNorm', () => new nn.LayerNorm([2, 2]), [[1, 2], [3, 4]], 'taken'], // prettier-ignore
    ['LayerNorm', () => new nn.LayerNorm([2, 2]), [[[[1, 2], [3, 4]]]], 'RangeError'], // prettier-ignore
    ['RMSNorm', () => new nn.RMSNorm(2), [[[1, 2]]], 'RangeError'],
    [
      'RMSNorm, Linear',
      () => new nn.Sequential(new nn.RMSNorm(2), new nn.Linear(2, 1)),
      [[[1, 2]]],
      'RangeError',
    ],
    ['PReLU', () => new nn.PReLU(2), [[[1, 2], [3, 4]]], 'RangeError'], // prettier-ignore
    ['Standardize', () => new nn.Standardize(2, { mean: [0, 0], scale: [1, 1] }), [[[1, 2]]], 'RangeError'],
  ];
  it.each(
    cases.map(
      ([name, make, rows, wanted]) =>
        [name, JSON.stringify(rows === circular ? 'circular' : rows), wanted, make, rows] as const,
    ),
  )('%s: %s is %s everywhere', async (_, _text, wanted, make, rows) => {
    const model = filled(make(), 5);
    const expected = outcome((given) => model.predict(given), rows);
    expect(expected.error ?? 'taken').toBe(wanted);
    const ways = [
      (await load(encodeModel(model))).predict,
      (await load(exportWasm(model))).predict,
      await codeOf(model),
    ];
    for (const predict of ways) {
      const found = outcome(predict, rows);
      expect(found.error ?? 'taken').toBe(wanted);
      expect(found.shape).toEqual(expected.shape);
      if (wanted !== 'taken') continue;
      const [ours, theirs] = [predict(rows as never), model.predict(rows as never)] as number[][];
      ours.flat(9).forEach((value, i) => expect(value).toBeCloseTo(theirs.flat(9)[i], 5));
    }
  });

  it.each([[[[0], [1]]], [[0, 1]], [0, 1], []].map((rows) => [JSON.stringify(rows), rows] as const))(
    'Embedding, Flatten: %s is taken everywhere',
    async (_, rows) => {
      const model = new nn.Sequential(new nn.Embedding(3, 2), new nn.Flatten(), new nn.Linear(4, 2));
      const ways = [
        (await load(encodeModel(model))).predict,
        (await load(exportWasm(model))).predict,
        await codeOf(model),
      ];
      const expected = outcome((given) => model.predict(given), rows);
      expect(expected.error).toBeUndefined();
      for (const predict of ways) expect(outcome(predict, rows)).toEqual(expected);
    },
  );

  it.each<[string, () => unknown, RegExp]>([
    ['an empty text', () => '', /^predict: expected .* got string$/],
    ['zero as a bigint', () => 0n, /^predict: expected .* got bigint$/],
    ['false', () => false, /^predict: expected .* got boolean$/],
    ['a DataView', () => new DataView(new ArrayBuffer(8)), /^predict: expected numbers, got a DataView$/],
    ['bigints', () => new BigInt64Array(2), /^predict: expected numbers, got a BigInt64Array$/],
    [
      'what was transferred',
      () => {
        const gone = new Float32Array(2);
        structuredClone(gone, { transfer: [gone.buffer] });
        return gone;
      },
      /^predict: expected numbers, got transferred memory$/,
    ],
  ])('%s is named', async (_, make, message) => {
    const model = new nn.Linear(2, 1);
    const quantized = quantize(model, [[1, 2]]);
    for (const predict of [
      (await load(encodeModel(model))).predict,
      (rows: never) => quantized.predict(rows),
      await codeOf(model),
    ]) {
      expect(outcome(predict as Predict, make()).message).toMatch(message);
    }
  });
});

describe('rows of more dimensions', () => {
  const rows = (count: number, ...shape: number[]): unknown =>
    Array.from({ length: count }, (_, i) =>
      shape.length === 0 ? Math.sin(i) : rows(shape[0], ...shape.slice(1)),
    );
  it.each<[string, () => nn.Module, number[], number | undefined]>([
    ['a norm of two', () => new nn.LayerNorm([2, 3]), [2, 3], undefined],
    [
      'a norm of three, then of all',
      () => new nn.Sequential(new nn.LayerNorm([2, 3, 2]), new nn.Flatten(), new nn.Linear(12, 2)),
      [2, 3, 2],
      undefined,
    ],
    ['a norm without weights', () => new nn.RMSNorm([3, 2], { elementwiseAffine: false }), [3, 2], undefined],
    ['an embedding', () => new nn.Sequential(new nn.Embedding(4, 3), new nn.LayerNorm(3)), [2], 2],
  ])('%s: are taken and given as Module.predict does', async (_, make, shape, inFeatures) => {
    const model = filled(make(), 3);
    const options = inFeatures === undefined ? undefined : { inFeatures };
    const ways: Predict[] = [
      (await load(encodeModel(model), options)).predict,
      (await load(exportWasm(model, options))).predict,
      await codeOf(model, inFeatures),
    ];
    const whole = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(whole) : Math.abs(Math.round(value as number));
    for (const given of [rows(1, ...shape), rows(3, ...shape)]) {
      const input = inFeatures === undefined ? given : whole(given);
      const expected = model.predict(input as never) as unknown as number[];
      for (const predict of ways) {
        const found = predict(input as never) as number[];
        expect(outcome(() => found, 0)).toEqual(outcome(() => expected, 0));
        found.flat(9).forEach((value, i) => expect(value).toBeCloseTo(expected.flat(9)[i], 5));
      }
    }
    for (const predict of ways) {
      for (const wrong of [
        rows(1, ...shape.toReversed(), 2),
        rows(2, shape.reduce((a, b) => a * b, 1) + 1),
      ]) {
        expect(outcome(predict, wrong)).toMatchObject({
          error: 'RangeError',
          message: expect.stringMatching(/^predict: expected rows of /) as string,
        });
      }
    }
  });

  it('types say how deep they are', () => {
    const { types } = exportModule(new nn.LayerNorm([2, 3]));
    expect(types).toContain('predict(rows: readonly (readonly (readonly number[])[])[]): number[][][];');
    expect(types).toContain('predict(rows: readonly (readonly number[])[]): number[][];');
  });
});
