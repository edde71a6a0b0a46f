import { FLAG_ACCUMULATE, Opcode } from '../../assembly/opcodes.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, product, randomFloats } from '../support/numbers.js';

/** Walked shape, strides of the output and of the input, room of both. */
const COPIES: [name: string, shape: number[], out: number[], input: number[], outRoom: number, inRoom: number][] = [
  ['nothing', [0], [1], [1], 1, 1],
  ['one number', [], [], [], 1, 1],
  ['contiguous', [37], [1], [1], 37, 37],
  ['a number repeated', [21], [1], [0], 21, 1],
  ['a row repeated', [5, 7], [7, 1], [0, 1], 35, 7],
  ['a column repeated', [5, 7], [7, 1], [1, 0], 35, 5],
  ['transposed', [6, 5], [5, 1], [1, 6], 30, 30],
  ['into columns', [6, 3], [8, 1], [3, 1], 46, 18],
  ['into a transposed place', [4, 5], [1, 4], [5, 1], 20, 20],
  ['three dimensions', [2, 3, 19], [57, 19, 1], [19, 38, 1], 114, 114],
];

function* cases(): Generator<KernelCase> {
  for (const size of [0, 1, 3, 16, 17, 67]) {
    for (const accumulate of [false, true]) {
      const before = randomFloats(size, 1);
      const expected = [...before].map((value) => fround((accumulate ? value : 0) + 1.5));
      yield {
        name: `fill ${size}${accumulate ? ', added' : ''}`,
        prepare(machine) {
          const out = machine.floats(accumulate ? before : size);
          const flags = accumulate ? FLAG_ACCUMULATE : 0;
          return {
            instructions: [{ op: Opcode.FILL, flags, pointers: [out], dims: [size], scalars: [1.5] }],
            outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
          };
        },
      };
    }
  }
  for (const [name, shape, outStrides, inStrides, outRoom, inRoom] of COPIES) {
    for (const accumulate of [false, true]) {
      const total = product(shape);
      const input = randomFloats(inRoom, 2);
      const before = randomFloats(outRoom, 3);
      const scale = fround(-0.7);
      const expected: number[] = [...before];
      for (let i = 0; i < total; i++) {
        let rest = i;
        let o = 0;
        let s = 0;
        for (let d = shape.length - 1; d >= 0; d--) {
          o += (rest % shape[d]) * outStrides[d];
          s += (rest % shape[d]) * inStrides[d];
          rest = Math.floor(rest / shape[d]);
        }
        expected[o] = scale * input[s] + (accumulate ? before[o] : 0);
      }
      yield {
        name: `copy ${name}${accumulate ? ', added' : ''}`,
        prepare(machine) {
          const out = machine.floats(before);
          const layout = machine.ints([shape.length, ...shape, ...outStrides, ...inStrides]);
          const pointers = [out, machine.floats(input), layout];
          const flags = accumulate ? FLAG_ACCUMULATE : 0;
          return {
            instructions: [{ op: Opcode.COPY, flags, pointers, dims: [total], scalars: [scale] }],
            outputs: [{ pointer: out, expected, tolerance: expected.map((v) => (Math.abs(v) + 2) * 2 * EPSILON) }],
          };
        },
      };
    }
  }
  for (const [rows, width] of [[0, 3], [1, 1], [5, 3], [17, 31], [19, 32], [7, 45], [3, 0]]) {
    const table = randomFloats(11 * width, 4);
    const indices = Array.from({ length: rows }, (_, i) => (i * 7) % 11);
    const expected = indices.flatMap((row) => [...table.subarray(row * width, (row + 1) * width)]);
    yield {
      name: `gather ${rows} rows of ${width}`,
      prepare(machine) {
        const out = machine.floats(rows * width);
        const pointers = [out, machine.floats(table), machine.ints([machine.ints(indices)])];
        return {
          instructions: [{ op: Opcode.GATHER, pointers, dims: [rows, width] }],
          outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
        };
      },
    };
  }
}

testKernels('fill, copy and gather', [...cases()]);
