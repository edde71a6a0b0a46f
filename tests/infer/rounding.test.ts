import fc from 'fast-check';
import { expect, it } from 'vitest';
import { load } from 'wasmgrad/infer';
import { encodeModel } from 'wasmgrad/io';
import { describe } from '../../src/io/architecture.js';
import { architectures } from '../support/architectures.js';
import { bounded } from '../support/errorBounds.js';

// What infer has inside adds and multiplies apart, and the relaxed build at once. Each is within the error that roundings can
// make of exact arithmetic (tests/support/errorBounds.ts: (k + 2) · 2⁻²⁴ · (|A||B|) for products, passed on from layer to
// layer), so they are within twice that of each other.

/** Bounds that are wider than this, relative to numbers above 1, would hold for wrong predictions too. */
const NARROW = 1e-3;

it('predicts what the build that runs here does, within the roundings of both', async () => {
  let [narrow, all] = [0, 0];
  const outputs = fc.constantFrom('raw' as const, 'softmax' as const, 'sigmoid' as const);
  const property = fc.asyncProperty(architectures(), outputs, async ({ make, rows }, output) => {
    const model = make();
    model.output = output;
    const stored = describe(model);
    const loaded = await load(encodeModel(model), { inFeatures: rows[0].length });
    const [given, own] = [loaded.predict(rows) as number[][], model.predict(rows) as number[][]];
    rows.forEach((row, i) => {
      const { value, error } = bounded(stored, row);
      expect(given[i]).toHaveLength(value.length);
      value.forEach((exact, j) => {
        all++;
        if (error[j] <= NARROW * Math.max(1, Math.abs(exact))) narrow++;
        const where = `row ${i}, output ${j}: exact ${exact}, infer ${given[i][j]}, model ${own[i][j]}`;
        expect(Math.abs(given[i][j] - exact), where).toBeLessThanOrEqual(error[j]);
        expect(Math.abs(given[i][j] - own[i][j]), where).toBeLessThanOrEqual(2 * error[j]);
      });
    });
  });
  await fc.assert(property, { numRuns: 300 });
  expect(narrow / all).toBeGreaterThan(0.8);
});
