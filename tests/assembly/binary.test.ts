import { Binary, FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode } from '../../assembly/opcodes.js';
import { binaryReferences } from '../support/functions.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, product, randomFloats, withinRoundings } from '../support/numbers.js';

/** Walked shapes and the strides of both operands: contiguous, repeated along rows, columns or both, transposed. */
const LAYOUTS: [name: string, shape: number[], a: number[], b: number[]][] = [
  ['nothing', [0], [1], [1]],
  ['one number', [], [], []],
  ['contiguous', [35], [1], [1]],
  ['a number with a row', [19], [0], [1]],
  ['rows', [5, 7], [7, 1], [0, 1]],
  ['columns', [6, 9], [1, 0], [9, 1]],
  ['an outer sum', [5, 4], [1, 0], [0, 1]],
  ['transposed', [4, 6], [1, 4], [6, 1]],
  ['three dimensions', [2, 3, 5], [15, 5, 1], [5, 0, 1]],
];

function index(i: number, shape: number[], strides: number[]): number {
  let at = 0;
  for (let d = shape.length - 1; d >= 0; d--) {
    at += (i % shape[d]) * strides[d];
    i = Math.floor(i / shape[d]);
  }
  return at;
}

function* cases(): Generator<KernelCase> {
  for (const [name, reference] of Object.entries(binaryReferences)) {
    const { fn, f, derivatives, roundings, positive, share, zeros, floor = 1 } = reference;
    // Probabilities keep off the ends, where the logarithm magnifies the rounding of 1 − a; specials are below.
    const prepare = (value: number): number =>
      share ? fround(0.1 + Math.abs(value) * 0.4) : positive ? Math.abs(value) + 0.1 : value;
    for (const [layoutName, shape, aStrides, bStrides] of LAYOUTS) {
      const total = product(shape);
      const room = Math.max(1, total);
      // Equal numbers in both, so that ties are met.
      const a = randomFloats(room, 5).map((value, i) => prepare(i % 5 === 0 && !positive ? 1 : value));
      const b = randomFloats(room, 6).map((value, i) => 
        zeros && i % 3 === 0 ? 0 : share ? prepare(value) : i % 5 === 0 ? 1 : value,
      );
      const dy = randomFloats(room, 7);
      const before = randomFloats(room, 8);
      const contiguous = shape.map((_, i) => product(shape.slice(i + 1)));
      const pair = Array.from({ length: total }, (_, i): [number, number] => [
        a[index(i, shape, aStrides)],
        b[index(i, shape, bStrides)],
      ]);
      const y = pair.map(([x, z]) => f(x, z));
      yield {
        name: `${name}, ${layoutName}`,
        prepare(machine) {
          const out = machine.floats(total);
          const layout = machine.ints([shape.length, ...shape, ...aStrides, ...bStrides]);
          const pointers = [out, machine.floats(a), machine.floats(b), layout];
          return {
            instructions: [{ op: Opcode.BINARY, flags: fn << FUNCTION_SHIFT, pointers, dims: [total] }],
            outputs: [{ pointer: out, expected: y, tolerance: withinRoundings(y, roundings, floor) }],
          };
        },
      };
      for (const which of [0, 1]) {
        for (const accumulate of [false, true]) {
          const scale = fround(0.3);
          const slopes = pair.map(([x, z], i) => scale * dy[i] * derivatives[which](x, z));
          const expected = slopes.map((slope, i) => slope + (accumulate ? before[i] : 0));
          const tolerance = withinRoundings(slopes, roundings + 6, floor).map(
            (space, i) => space + Math.abs(expected[i]) * EPSILON,
          );
          yield {
            name: `${name} gradient of ${'ab'[which]}, ${layoutName}${accumulate ? ', added' : ''}`,
            prepare(machine) {
              const out = machine.floats(accumulate ? before.slice(0, total) : total);
              const layout = machine.ints([shape.length, ...shape, ...contiguous, ...aStrides, ...bStrides]);
              const pointers = [out, machine.floats(dy), machine.floats(a), machine.floats(b), layout];
              const flags = (fn << FUNCTION_SHIFT) | (accumulate ? FLAG_ACCUMULATE : 0);
              return {
                instructions: [
                  { op: Opcode.BINARY_GRADIENT, flags, pointers, dims: [total, which], scalars: [scale] },
                ],
                outputs: [{ pointer: out, expected, tolerance }],
              };
            },
          };
        }
      }
    }
  }
  const specials: [Binary, number, number, number][] = [
    [Binary.MAXIMUM, NaN, 1, NaN],
    [Binary.MINIMUM, 1, NaN, NaN],
    [Binary.DIVIDE, 1, 0, Infinity],
    [Binary.DIVIDE, 0, 0, NaN],
    [Binary.POWER, 0, 0, 1],
    [Binary.POWER, NaN, 0, 1],
    [Binary.POWER, -8, 1 / 3, NaN],
    [Binary.POWER, -2, 3, -8],
    [Binary.POWER, 0, -1, Infinity],
    [Binary.POWER, 2, 128, Infinity],
    [Binary.POWER, 2, -149, 2 ** -149],
    [Binary.POWER, 10, 30.5, 10 ** 30.5],
    [Binary.POWER, 0.5, Infinity, 0],
    [Binary.CROSS_ENTROPY, 0, 0, 0],
    [Binary.CROSS_ENTROPY, 1, 1, 0],
    [Binary.CROSS_ENTROPY, 0, 1, 100],
    [Binary.CROSS_ENTROPY, 1, 0, 100],
    [Binary.CROSS_ENTROPY, NaN, 0, NaN],
    [Binary.LOGIT_CROSS_ENTROPY, 1e30, 1, 0],
    [Binary.LOGIT_CROSS_ENTROPY, 20, 1, Math.log1p(Math.exp(-20))],
    [Binary.LOGIT_CROSS_ENTROPY, -20, 0, Math.log1p(Math.exp(-20))],
    [Binary.LOGIT_CROSS_ENTROPY, -1e30, 1, 1e30],
    [Binary.LOGIT_CROSS_ENTROPY, NaN, 1, NaN],
    [Binary.LOGIT_CROSS_ENTROPY, -Infinity, 0, 0],
    [Binary.LOGIT_CROSS_ENTROPY, Infinity, 1, 0],
    [Binary.LOGIT_CROSS_ENTROPY, -Infinity, 1, Infinity],
    [Binary.LOGIT_CROSS_ENTROPY, Infinity, 0, Infinity],
    [Binary.LOGIT_CROSS_ENTROPY, Infinity, 0.5, Infinity],
    [Binary.WEIGH, Infinity, 0, 0],
    [Binary.WEIGH, -Infinity, -0, 0],
    [Binary.WEIGH, NaN, 0, 0],
    [Binary.WEIGH, Infinity, 1e-40, Infinity],
    [Binary.WEIGH, 1, NaN, NaN],
    [Binary.POWER, 1e-20, -1.5, 1e30],
    [Binary.KEEP, NaN, 0, 0],
    [Binary.KEEP, Infinity, -0, 0],
    [Binary.KEEP, -Infinity, 1, -Infinity],
    [Binary.KEEP, 2, NaN, 2],
  ];
  for (const [fn, a, b, expected] of specials) {
    yield {
      name: `function ${fn} of ${a} and ${b}`,
      prepare(machine) {
        const out = machine.floats(1);
        const pointers = [out, machine.floats([a]), machine.floats([b]), machine.ints([0])];
        return {
          instructions: [{ op: Opcode.BINARY, flags: fn << FUNCTION_SHIFT, pointers, dims: [1] }],
          outputs: [{ pointer: out, expected: [expected], tolerance: withinRoundings([expected], 4) }],
        };
      },
    };
  }
}

/** [function, operand, dy, a, b, slope · dy]: limits, and what a gradient of 0 makes of slopes that have none. */
const SLOPES: [Binary, 0 | 1, number, number, number, number][] = [
  [Binary.LOGIT_CROSS_ENTROPY, 0, 1, -Infinity, 0, 0],
  [Binary.LOGIT_CROSS_ENTROPY, 0, 1, Infinity, 1, 0],
  [Binary.LOGIT_CROSS_ENTROPY, 0, 1, -Infinity, 1, -1],
  [Binary.LOGIT_CROSS_ENTROPY, 0, 1, Infinity, 0, 1],
  [Binary.LOGIT_CROSS_ENTROPY, 0, 0, NaN, 1, 0],
  [Binary.CROSS_ENTROPY, 0, 1, 0, 0, 1],
  [Binary.CROSS_ENTROPY, 0, 1, 1, 1, -1],
  [Binary.CROSS_ENTROPY, 0, 1, 1e-20, 0, 1],
  [Binary.CROSS_ENTROPY, 0, 1, 0, 1, -1e12],
  [Binary.CROSS_ENTROPY, 0, 1, 1, 0, 1e12],
  [Binary.WEIGH, 0, 3, Infinity, 0, 0],
  [Binary.WEIGH, 0, Infinity, 1, 0, 0],
  [Binary.WEIGH, 0, 3, NaN, 2, 6],
  [Binary.WEIGH, 1, 3, 2, 0, 6],
  [Binary.MULTIPLY, 0, 0, 1, Infinity, 0],
  [Binary.DIVIDE, 0, 0, 0, 0, 0],
  [Binary.DIVIDE, 1, 0, 1, 0, 0],
  [Binary.POWER, 0, 0, 0, -1, 0],
  [Binary.POWER, 1, 1, 0, 2, 0],
  [Binary.POWER, 1, 1, Infinity, -1, 0],
  [Binary.POWER, 1, 1, 0, 0, 0],
  [Binary.POWER, 0, 1, 1e-40, 1e-30, 1e10],
  [Binary.SQUARED_DIFFERENCE, 0, 0.25, 3e38, 0, 1.5e38],
  [Binary.SQUARED_DIFFERENCE, 1, 0, Infinity, Infinity, 0],
];

function* slopeCases(): Generator<KernelCase> {
  for (const [fn, which, dy, a, b, expected] of SLOPES) {
    yield {
      name: `slope ${which} of function ${fn} at ${a} and ${b}, from ${dy}`,
      prepare(machine) {
        const out = machine.floats(1);
        const pointers = [out, machine.floats([dy]), machine.floats([a]), machine.floats([b]), machine.ints([0])];
        const flags = fn << FUNCTION_SHIFT;
        return {
          instructions: [{ op: Opcode.BINARY_GRADIENT, flags, pointers, dims: [1, which], scalars: [1] }],
          outputs: [{ pointer: out, expected: [expected], tolerance: [Math.abs(expected) * 2 ** -13] }],
        };
      },
    };
  }
}

testKernels('slopes at the ends', [...slopeCases()]);
testKernels('functions of two numbers', [...cases()]);
