import { FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode, Unary } from '../../assembly/opcodes.js';
import { unaryReferences, type UnaryReference } from '../support/functions.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats, withinRoundings } from '../support/numbers.js';

const SIZES = [0, 1, 3, 4, 5, 15, 16, 17, 67];
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
    const expected = [...x].map((value) => {
      const y = fround(f(value, s0, s1));
      // −∞ · 0 has no limit in float32 arithmetic; the functions below are NaN there, as in PyTorch.
      return value === -Infinity && (fn === Unary.GELU || fn === Unary.SILU) ? NaN : y;
    });
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
