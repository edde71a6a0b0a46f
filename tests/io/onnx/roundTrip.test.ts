import fc from 'fast-check';
import { describe as suite, expect, it } from 'vitest';
import { build, describe } from '../../../src/io/architecture.js';
import { readOnnx } from '../../../src/io/onnx/readOnnx.js';
import { writeOnnx } from '../../../src/io/onnx/writeOnnx.js';
import { architectures } from '../../support/architectures.js';
import { bounded } from '../../support/errorBounds.js';
import { runOnnx } from '../../support/onnxRuntime.js';

const outputs = fc.constantFrom('raw' as const, 'softmax' as const, 'sigmoid' as const);

suite('random models as ONNX files', () => {
  it('come back with the same predictions, to the bit', () => {
    fc.assert(
      fc.property(architectures(), outputs, ({ make, rows }, output) => {
        const model = make();
        model.output = output;
        const again = build(readOnnx(writeOnnx(describe(model))));
        const [before, after] = [model, again].map((one) => (one.predict(rows) as number[][]).flat());
        expect(after.length).toBe(before.length);
        // A sum with the bias 0 that the format wants makes 0 of −0.
        after.forEach((value, i) => expect(value + 0).toBe(before[i] + 0));
      }),
      { numRuns: 150 },
    );
  });

  it('run in ONNX Runtime, within the error of float32 arithmetic', async () => {
    let widest = 0;
    await fc.assert(
      fc.asyncProperty(architectures(), outputs, async ({ make, rows }, output) => {
        const model = make();
        model.output = output;
        const stored = describe(model);
        const file = writeOnnx(stored);
        const result = await runOnnx(file, Float32Array.from(rows.flat()), [rows.length, rows[0].length]);
        const own = model.predict(rows) as number[][];
        const width = result.data.length / rows.length;
        expect(result.shape).toEqual([rows.length, width]);
        rows.forEach((row, i) => {
          const { value, error } = bounded(stored, row);
          expect(value.length).toBe(width);
          for (let j = 0; j < width; j++) {
            expect(Math.abs(own[i][j] - value[j])).toBeLessThanOrEqual(error[j]);
            expect(Math.abs(result.data[i * width + j] - value[j])).toBeLessThanOrEqual(error[j]);
            if (error[j] < 1e-3) widest++;
          }
        });
      }),
      { numRuns: 60 },
    );
    // Bounds that are worth something, for most numbers.
    expect(widest).toBeGreaterThan(100);
  });
});
