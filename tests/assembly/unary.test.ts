import { FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode, Unary } from '../../assembly/opcodes.js';
import { unaryReferences, type UnaryReference } from '../support/functions.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats, withinRoundings } from '../support/numbers.js';

const SIZES = [0, 1, 3, 4, 5, 15, 16, 17, 67];
/** Where a slope must be the limit, and finite: far out, and at the ends. */
const FAR = [20, 88, 89, 95, 104, 1e5, 1e10, 1e16, 1e20, 3e38, Infinity].flatMap((value) => [value, -value]);
const SPECIAL = [0, -0, Infinity, -Infinity, NaN, 1, -1, 1e-40, -1e-40, 1e-30, 3e38, -3e38, 88.7, -87.5, -103, 20, -20];

/** Where the function is defined and its slope is finite. */
function domain({ fn }: UnaryReference, values: Float32Array): Float32Array {
  const positive = fn === Unary.LOG || fn === Unary.SQRT;
  return positive ? values.map((value) => Math.abs(value) + 0.01) : values;
}

function* cases(): Generator<KernelCase> {
  for (const [name, reference] of Object.entries(unaryReferences)) {
    const { fn, f, derivative, roundings, floor = 0, parameters = [0, 0] } = reference;
    const scalars = parameters.map(fround);
    const [s0, s1] = scalars;
    for (const size of SIZES) {
      const x = domain(reference, randomFloats(size, size + 1, 6));
      const dy = randomFloats(size, 99);
      const before = randomFloats(size, 98);
      const y = [...x].map((value) => f(value, s0, s1));
      yield {
        name: `${name} of ${size}`,
        prepare(machine) {
          const out = machine.floats(size);
          return {
            instructions: [
              { op: Opcode.UNARY, flags: fn << FUNCTION_SHIFT, pointers: [out, machine.floats(x)], dims: [size], scalars },
            ],
            outputs: [{ pointer: out, expected: y, tolerance: withinRoundings(y, roundings, floor) }],
          };
        },
      };
      for (const accumulate of [false, true]) {
        const slopes = [...x].map((value, i) => dy[i] * derivative(value, s0, s1));
        const expected = slopes.map((slope, i) => slope + (accumulate ? before[i] : 0));
        const tolerance = withinRoundings(slopes, roundings + 8, floor + 8).map(
          (room, i) => room + Math.abs(expected[i]) * EPSILON,
        );
        yield {
          name: `${name} gradient of ${size}${accumulate ? ', added' : ''}`,
          prepare(machine) {
            const out = machine.floats(accumulate ? before : size);
            const pointers = [out, machine.floats(dy), machine.floats(x), machine.floats(y)];
            const flags = (fn << FUNCTION_SHIFT) | (accumulate ? FLAG_ACCUMULATE : 0);
            return {
              instructions: [{ op: Opcode.UNARY_GRADIENT, flags, pointers, dims: [size], scalars }],
              outputs: [{ pointer: out, expected, tolerance }],
            };
          },
        };
      }
    }
    const x = Float32Array.from(SPECIAL);
    const expected = [...x].map((value) => fround(f(value, s0, s1)));
    yield {
      name: `${name} of zeros, infinities, NaN and extremes`,
      prepare(machine) {
        const out = machine.floats(x.length);
        return {
          instructions: [
            { op: Opcode.UNARY, flags: fn << FUNCTION_SHIFT, pointers: [out, machine.floats(x)], dims: [x.length], scalars },
          ],
          outputs: [{ pointer: out, expected, tolerance: withinRoundings(expected, roundings + 4, floor) }],
        };
      },
    };
  }
  for (const [name, reference] of Object.entries(unaryReferences)) {
    const { fn, f, derivative, roundings, floor = 0, parameters = [0, 0] } = reference;
    const scalars = parameters.map(fround);
    const [s0, s1] = scalars;
    const x = Float32Array.from(FAR, fround);
    const y = x.map((value) => f(value, s0, s1));
    // exp turns an error of its argument, of which float32 has 128 · 2⁻²⁴, into a relative one.
    const values = [...y];
    yield {
      name: `${name} far out`,
      prepare(machine) {
        const out = machine.floats(x.length);
        const pointers = [out, machine.floats(x)];
        return {
          instructions: [{ op: Opcode.UNARY, flags: fn << FUNCTION_SHIFT, pointers, dims: [x.length], scalars }],
          outputs: [{ pointer: out, expected: values, tolerance: withinRoundings(values, roundings + 128, floor) }],
        };
      },
    };
    const slopes = [...x].map((value) => fround(derivative(value, s0, s1)));
    for (const dy of [1, 0]) {
      const expected = slopes.map((slope) => (dy === 0 ? 0 : slope));
      yield {
        name: `${name}, slopes far out${dy === 0 ? ' without a gradient' : ''}`,
        prepare(machine) {
          const out = machine.floats(x.length);
          const pointers = [out, machine.floats(new Float32Array(x.length).fill(dy)), machine.floats(x), machine.floats(y)];
          const flags = fn << FUNCTION_SHIFT;
          return {
            instructions: [{ op: Opcode.UNARY_GRADIENT, flags, pointers, dims: [x.length], scalars }],
            outputs: [{ pointer: out, expected, tolerance: withinRoundings(expected, roundings + 128, floor + 8) }],
          };
        },
      };
    }
  }
  for (const [fn, x, y] of [
    [Unary.SQRT, 0, 0],
    [Unary.SQRT, NaN, NaN],
    [Unary.LOG, 0, -Infinity],
    [Unary.POWER, 0, Infinity],
    [Unary.EXP, Infinity, Infinity],
    [Unary.SQUARE, NaN, NaN],
  ] as const) {
    yield {
      name: `no gradient through function ${fn} at ${x} from one that is 0`,
      prepare(machine) {
        const out = machine.floats([2]);
        const pointers = [out, machine.floats([0]), machine.floats([x]), machine.floats([y])];
        const flags = (fn << FUNCTION_SHIFT) | FLAG_ACCUMULATE;
        return {
          instructions: [{ op: Opcode.UNARY_GRADIENT, flags, pointers, dims: [1], scalars: [-0.5, 0] }],
          outputs: [{ pointer: out, expected: [2], tolerance: [0] }],
        };
      },
    };
  }
  // What is representable does not pass through what is not: 2x, and the square of a Huber loss beside its divisor.
  for (const [name, fn, scalars, dy, x, expected] of [
    ['SQUARE', Unary.SQUARE, [0, 0], 0.25, 3e38, 1.5e38],
    ['POWER', Unary.POWER, [-0.5, 0], 1, 1e-20, -0.5e30],
    ['POWER with a small factor', Unary.POWER, [1e-30, 0], 1, 1e-40, 1e10],
    ['HUBER divided by 10⁻⁴⁰', Unary.HUBER, [1e-40, 1e-40], 1, 1e-10, 1],
  ] as const) {
    yield {
      name: `the slope of ${name} at ${x}`,
      prepare(machine) {
        const out = machine.floats(1);
        const pointers = [out, machine.floats([dy]), machine.floats([x]), machine.floats([0])];
        return {
          instructions: [{ op: Opcode.UNARY_GRADIENT, flags: fn << FUNCTION_SHIFT, pointers, dims: [1], scalars: [...scalars] }],
          outputs: [{ pointer: out, expected: [expected], tolerance: [Math.abs(expected) * 2 ** -16] }],
        };
      },
    };
  }
  for (const [delta, divisor, x, expected] of [
    [1e-40, 1e-40, 2, 2],
    [1e-40, 1e-40, -1e-10, 1e-10],
    [1e30, 1e30, 1e25, 5e19],
    [3e38, 3e38, 1e20, 1e2 / 6],
    [1e-30, 1, 3, 3e-30],
    [3e38, 1, 2, 2],
    [1, 1, -Infinity, Infinity],
    [1, 1, NaN, NaN],
  ]) {
    yield {
      name: `HUBER with ${delta} of ${x}, divided by ${divisor}`,
      prepare(machine) {
        const out = machine.floats(1);
        const flags = Unary.HUBER << FUNCTION_SHIFT;
        const pointers = [out, machine.floats([x])];
        return {
          instructions: [{ op: Opcode.UNARY, flags, pointers, dims: [1], scalars: [delta, divisor] }],
          outputs: [{ pointer: out, expected: [expected], tolerance: [Math.abs(expected) * 2 ** -16] }],
        };
      },
    };
  }
  for (const exponent of [0, 0.5, -0.5, 1, 1.5, -1, -2, 2.7, 65, -70, 0.001]) {
    const x = Float32Array.from([0.25, 1, 2.5, 7, 1e-20, 1e20, 0, Infinity, -Infinity, -0.5, -3, NaN]);
    const expected = [...x].map((value) => fround(value ** fround(exponent)));
    yield {
      name: `POWER ${exponent}`,
      prepare(machine) {
        const out = machine.floats(x.length);
        const flags = Unary.POWER << FUNCTION_SHIFT;
        const pointers = [out, machine.floats(x)];
        return {
          instructions: [{ op: Opcode.UNARY, flags, pointers, dims: [x.length], scalars: [exponent, 0] }],
          outputs: [{ pointer: out, expected, tolerance: withinRoundings(expected, 2) }],
        };
      },
    };
  }
}

testKernels('functions of one number', [...cases()]);
