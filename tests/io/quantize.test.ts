import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fit, data, nn, optim, tensor } from 'wasmgrad';
import { encodeModel, exportWasm, quantize } from 'wasmgrad/io';
import { filled } from '../support/architectures.js';
import { random } from '../support/random.js';

const rowsOf = (count: number, width: number, seed: number): number[][] => {
  const draw = random(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, () => draw() * 4 - 2));
};

describe('quantize', () => {
  it('keeps each weight within half a step of its row, where nothing is clipped', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        (k, n, seed) => {
          const model = filled(new nn.Linear(k, n), seed);
          const { values, scale } = quantize(model, rowsOf(8, k, seed)).stored.state.get('weight')!;
          expect(values).toBeInstanceOf(Int8Array);
          const exact = model.stateDict().weight.data;
          exact.forEach((weight, i) => {
            const step = scale![Math.floor(i / k)];
            const integer = values[i];
            if (Math.abs(integer) < 127)
              expect(Math.abs(weight - integer * step)).toBeLessThanOrEqual(step * 0.5001);
          });
        },
      ),
    );
  });

  it('predicts what its integers say, within the rounding of activations', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (k, n, count, seed) => {
          const quantized = quantize(filled(new nn.Linear(k, n), seed), rowsOf(8, k, seed));
          const rows = rowsOf(count, k, seed + 1);
          const { values, scale } = quantized.stored.state.get('weight')!;
          const bias = quantized.stored.state.get('bias')!.values;
          const predicted = quantized.predict(rows) as number[][];
          rows.forEach((row, i) => {
            const largest = Math.max(...row.map(Math.abs));
            for (let j = 0; j < n; j++) {
              const products = row.map((x, p) => Math.fround(x) * values[j * k + p] * scale![j]);
              const expected = products.reduce((sum, product) => sum + product, bias[j]);
              const size = products.reduce((sum, product) => sum + Math.abs(product), Math.abs(bias[j]));
              // Half a step of each activation, by its weight; and the roundings of float32 at the end.
              const steps = row.reduce((sum, _, p) => sum + Math.abs(values[j * k + p]) * scale![j], 0);
              const bound = (steps * largest * 0.5) / Math.min(32767, Math.floor((2 ** 31 - 1) / (128 * k)));
              expect(Math.abs(predicted[i][j] - expected)).toBeLessThanOrEqual(
                bound * 1.01 + size * 2 ** -21,
              );
            }
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives a row the same bits alone and among others', () => {
    const quantized = quantize(
      filled(new nn.Sequential(new nn.Linear(19, 9), new nn.SiLU(), new nn.Linear(9, 5)), 3),
      rowsOf(9, 19, 1),
    );
    const rows = rowsOf(7, 19, 2);
    expect(rows.map((row) => quantized.predict(row))).toEqual(quantized.predict(rows));
  });

  it('sums the longest rows that it takes without overflow', () => {
    const k = 40_000;
    const model = new nn.Linear(k, 1);
    model.loadStateDict({ weight: [Array.from({ length: k }, () => 1)], bias: [0] });
    const row = Array.from({ length: k }, () => 3);
    const [sum] = quantize(model, [row]).predict(row) as number[];
    expect(Math.abs(sum - 3 * k) / (3 * k)).toBeLessThan(1e-4);
  });

  it('makes files a quarter as large', () => {
    const model = filled(
      new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)),
      1,
    );
    const quantized = quantize(model, rowsOf(4, 784, 1));
    const bytes = Object.values(model.stateDict()).reduce((sum, { size }) => sum + 4 * size, 0);
    expect(bytes / quantized.byteLength).toBeGreaterThan(3.9);
    expect(encodeModel(quantized).length).toBeLessThan(encodeModel(model).length / 3.8);
    expect(exportWasm(quantized).length).toBeLessThan(bytes / 4 + 14_000);
  });

  it('keeps embeddings in 8 bits too', () => {
    const model = filled(
      new nn.Sequential(new nn.Embedding(50, 6), new nn.Flatten(), new nn.Linear(12, 3)),
      4,
    );
    const rows = Array.from({ length: 40 }, (_, i) => [i, 49 - i]);
    const quantized = quantize(model, rows);
    expect(quantized.stored.state.get('0.weight')!.values).toBeInstanceOf(Int8Array);
    const predicted = (quantized.predict(rows) as number[][]).flat();
    (model.predict(rows) as number[][]).flat().forEach((value, i) => {
      expect(Math.abs(predicted[i] - value)).toBeLessThan(0.1);
    });
    expect(() => quantized.predict([[50, 0]])).toThrow('an index is no row of the embedding');
  });

  it('adds to the bias what the outputs would be less by on average', () => {
    const model = filled(new nn.Linear(30, 4), 8);
    // Activations that are all positive, so that errors of weights do not cancel.
    const rows = rowsOf(200, 30, 1).map((row) => row.map((value) => Math.abs(value)));
    const predicted = quantize(model, rows).predict(rows) as number[][];
    const exact = model.predict(rows) as number[][];
    for (let j = 0; j < 4; j++) {
      const mean = predicted.reduce((sum, row, i) => sum + row[j] - exact[i][j], 0) / rows.length;
      expect(Math.abs(mean)).toBeLessThan(1e-4);
    }
  });

  it('leaves the model as it is, whose predictions stay', () => {
    const model = filled(new nn.Sequential(new nn.Linear(3, 4), new nn.Dropout(), new nn.Linear(4, 2)), 2);
    const rows = rowsOf(5, 3, 1);
    const before = model.predict(rows);
    quantize(model, rows);
    expect(model.predict(rows)).toEqual(before);
  });

  it('is for inference: training it is an error that says so', async () => {
    const quantized = quantize(new nn.Linear(2, 1), [[1, 2]]);
    expect(() => quantized.forward()).toThrow('a quantized model is for inference');
    expect(() => quantized.train()).toThrow('a quantized model is for inference');
    expect(quantized.eval()).toBe(quantized);
    const loader = new data.DataLoader(new data.TensorDataset(tensor([[1, 2]]), tensor([[1]])), {
      batchSize: 1,
    });
    await expect(
      fit(quantized, {
        data: loader,
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(new nn.Linear(2, 1).parameters(), { lr: 0.1 }),
        epochs: 1,
      }),
    ).rejects.toThrow('a quantized model is for inference');
  });

  it('says what is wrong with calibration rows', () => {
    expect(() => quantize(new nn.Linear(2, 1), new Float32Array(3))).toThrow(
      'quantize: expected calibration rows of 2 numbers, got 3 numbers in all',
    );
    expect(() => quantize(new nn.Linear(2, 1), [])).toThrow(RangeError);
    expect(() => quantize(new nn.Linear(2, 1), [[1, 2, 3]])).toThrow(RangeError);
  });
});
