import { describe, expect, it } from 'vitest';
import { FLAG_ACCUMULATE, Opcode, Status } from '../../assembly/opcodes.js';
import { BUILDS, machineOf, testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';

/** Rows of the table, width, number of indices. */
const TABLES = [[1, 1, 0], [1, 1, 3], [5, 3, 7], [40, 4, 90], [37, 5, 33], [100, 17, 64]] as const;

function* embeddingCases(): Generator<KernelCase> {
  for (const [rows, width, count] of TABLES) {
    const table = randomFloats(rows * width, 1);
    const indices = Array.from({ length: count }, (_, i) => (i * i * 7 + 3) % rows);
    const title = `${count} of ${rows} rows of ${width}`;
    yield {
      name: title,
      prepare(machine) {
        const out = machine.floats(count * width);
        const expected = indices.flatMap((index) => [...table.subarray(index * width, (index + 1) * width)]);
        return {
          instructions: [
            {
              op: Opcode.EMBEDDING,
              pointers: [out, machine.floats(table), machine.floats(indices)],
              dims: [count, width, rows],
            },
          ],
          outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
        };
      },
    };
    for (const accumulate of [false, true]) {
      for (const except of [NaN, 3 % rows]) {
        const dy = randomFloats(count * width, 2);
        const before = randomFloats(rows * width, 3);
        // In float64 and in the order of the indices: not a bit may differ.
        const sums = new Float64Array(rows * width);
        indices.forEach((index, i) => {
          if (index === except) return;
          for (let j = 0; j < width; j++) sums[index * width + j] += dy[i * width + j];
        });
        const expected = Float32Array.from(sums);
        if (accumulate) before.forEach((value, i) => (expected[i] += value));
        yield {
          name: `gradient of ${title}${accumulate ? ', added' : ''}, without ${except}`,
          prepare(machine) {
            const out = machine.floats(accumulate ? before : rows * width);
            const pointers = [dy, indices, rows + count].map((values) => machine.floats(values));
            return {
              instructions: [
                {
                  op: Opcode.EMBEDDING_GRADIENT,
                  flags: accumulate ? FLAG_ACCUMULATE : 0,
                  pointers: [out, ...pointers],
                  dims: [rows, width, count],
                  scalars: [except],
                },
              ],
              outputs: [{ pointer: out, expected: [...expected], tolerance: [...expected].map(() => 0) }],
            };
          },
        };
      }
    }
  }
}

testKernels('embeddings', [...embeddingCases()]);

function* pickCases(): Generator<KernelCase> {
  for (const [rows, classes] of [[0, 3], [1, 1], [7, 4], [67, 5], [40, 33]] as const) {
    const labels = Array.from({ length: rows }, (_, i) => (i % 3 === 2 ? -100 : (i * 5 + 1) % classes));
    const x = randomFloats(rows * classes, 1);
    for (const step of [0, classes]) {
      const values = step === 0 ? randomFloats(classes, 4) : x;
      yield {
        name: `${rows} of ${classes} classes, ${step === 0 ? 'one row for all' : 'each its row'}`,
        prepare(machine) {
          const out = machine.floats(rows);
          const expected = labels.map((label, row) => (label < 0 ? 0 : values[row * step + label]));
          return {
            instructions: [
              {
                op: Opcode.PICK,
                pointers: [out, machine.floats(values), machine.floats(labels)],
                dims: [rows, classes, step],
                scalars: [-100],
              },
            ],
            outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
          };
        },
      };
    }
    for (const accumulate of [false, true]) {
      const dy = randomFloats(rows, 2);
      const before = randomFloats(rows * classes, 3);
      const expected = Array.from({ length: rows * classes }, (_, i) => {
        const row = Math.floor(i / classes);
        return (accumulate ? before[i] : 0) + (labels[row] === i % classes ? dy[row] : 0);
      });
      yield {
        name: `gradient of ${rows} of ${classes} classes${accumulate ? ', added' : ''}`,
        prepare(machine) {
          const out = machine.floats(accumulate ? before : rows * classes);
          return {
            instructions: [
              {
                op: Opcode.PICK_GRADIENT,
                flags: accumulate ? FLAG_ACCUMULATE : 0,
                pointers: [out, machine.floats(dy), machine.floats(labels)],
                dims: [rows, classes],
                scalars: [-100],
              },
            ],
            outputs: [
              { pointer: out, expected, tolerance: expected.map((value) => Math.abs(value) * EPSILON) },
            ],
          };
        },
      };
    }
  }
}

testKernels('labels', [...pickCases()]);

describe.each(BUILDS)('indices that are none, in %s', (build) => {
  it.each([-1, 3, 0.5, NaN, Infinity, -100, fround(2.9999998)])('%s', (index) => {
    const machine = machineOf(build);
    const out = machine.floats(2);
    const [table, indices] = [machine.floats([1, 2, 3]), machine.floats([0, index])];
    expect(machine.run(1, [{ op: Opcode.EMBEDDING, pointers: [out, table, indices], dims: [2, 1, 3] }])).toBe(
      Status.INDEX,
    );
    const pick = { op: Opcode.PICK, pointers: [out, table, indices], dims: [2, 3, 0] };
    expect(machine.run(1, [{ ...pick, scalars: [NaN] }])).toBe(Status.LABEL);
    expect(machine.run(1, [{ ...pick, scalars: [index] }])).toBe(Number.isNaN(index) ? Status.LABEL : Status.OK);
    expect(machine.intact).toBe(true);
  });
});
