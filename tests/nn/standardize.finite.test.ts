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
