import { describe, expect, it } from 'vitest';
import { data, nn, tensor } from 'wasmgrad';

describe('Standardize.fit refuses', () => {
  it.each([NaN, Infinity, -Infinity, 1e39, -1e39])('%s, and says where it is', (bad) => {
    const rows = [
      [1, 2],
      [3, 4],
      [5, bad],
    ];
    const message =
      /^Standardize\.fit: expected finite numbers \(as float32\), got -?(NaN|Infinity) in row 2, column 1$/;
    expect(() => nn.Standardize.fit(rows)).toThrow(message);
    expect(() => nn.Standardize.fit(tensor(rows))).toThrow(message);
    expect(() => nn.Standardize.fit(new data.TensorDataset(tensor(rows), tensor([1, 2, 3])))).toThrow(
      RangeError,
    );
  });

  it.each([NaN, Infinity, 1e39])('%s in the first row alone', (bad) => {
    expect(() => nn.Standardize.fit([[bad]])).toThrow(/in row 0, column 0$/);
  });
});

describe('Standardize.fit takes a feature for constant where all its numbers are equal, and only there', () => {
  const third = Math.sqrt(1.5);
  it.each([
    ['numbers near 10⁷', [1e7, 1e7 + 1, 1e7 + 2]],
    ['timestamps', [1.7e9, 1.7e9 + 128, 1.7e9 + 256]],
    ['numbers below 0', [-1e7 - 2, -1e7 - 1, -1e7]],
    ['two float32 numbers as close as can be', [1, 1 + 2 ** -23, 1 + 2 ** -22]],
    ['small numbers', [1e-30, 2e-30, 3e-30]],
    ['subnormal numbers', [2 ** -149, 2 ** -148, 3 * 2 ** -149]],
  ])('%s vary', (_, values) => {
    const layer = nn.Standardize.fit(values.map((value) => [value]));
    const got = layer.forward(values.map((value) => [value])).data;
    const off = _ === 'subnormal numbers' ? 0.3 : 1e-5;
    [-third, 0, third].forEach((wanted, i) => expect(Math.abs(got[i] - wanted)).toBeLessThan(off));
  });

  it.each([0, 0.1, 1 / 3, 1e7 + 1, -1.7e9, 1e-45, 3.4e38, -0.7])('%d is constant', (value) => {
    for (const rows of [1, 3, 7, 1000]) {
      const layer = nn.Standardize.fit(Array.from({ length: rows }, () => [value]));
      expect(layer.scale.toArray()).toEqual([1]);
      expect(layer.forward([[value]]).item()).toBe(0);
    }
  });

  it('a column beside the other', () => {
    const layer = nn.Standardize.fit([
      [5, 1e7],
      [5, 1e7 + 2],
    ]);
    expect(layer.scale.toArray()).toEqual([1, 1]);
    expect(layer.mean.toArray()).toEqual([5, 1e7 + 1]);
  });
});
