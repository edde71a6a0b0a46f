import { Binary, FUNCTION_SHIFT, Opcode, Reduction, Unary } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import type { Operation, Tape } from '../tape.js';

// Lengths of the rows of x [rows, columns]. Each row is divided by its largest element first, so that no power of it
// overflows or vanishes.

/** What one may divide by: from the smallest float32 above 0 to the largest. */
export const DIVISORS: readonly [number, number] = [2 ** -149, 3.4028234663852886e38];

/** (Σ |x|ᵖ)^(1/p) of each row, [rows]; options: p, from 1 on. The gradient of a row of zeros is 0. */
export const rowNorm: Operation<number> = {
  name: 'rowNorm',
  shape: ([x]) => [x.shape[0]],
  forward(tape, { inputs: [x], addresses, output, size: rows, options: p }) {
    const terms = tape.floats(x.size);
    unary(tape, Unary.ABS, terms, addresses[0], x.size);
    const scales = scalesOf(tape, terms, x.shape);
    byRow(tape, Binary.DIVIDE, terms, terms, scales, x.shape);
    raise(tape, terms, x.size, p);
    reduceRows(tape, Reduction.SUM, output, terms, x.shape);
    raise(tape, output, rows, 1 / p);
    elementwise(tape, Binary.MULTIPLY, output, output, scales, rows);
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (!dx) return;
    const { addresses, options: p } = call;
    const { size, shape } = call.inputs[0];
    // dy · sign(x) · (|x| / norm)^(p − 1)
    const shares = tape.floats(size);
    unary(tape, Unary.ABS, shares, addresses[0], size);
    byRow(tape, Binary.DIVIDE, shares, shares, divisorsOf(tape, call.output, call.size), shape);
    raise(tape, shares, size, p - 1);
    byRow(tape, Binary.WEIGH, shares, shares, call.outputGradient, shape);
    const flags = dx.flags | (Unary.ABS << FUNCTION_SHIFT);
    tape.program.append(Opcode.UNARY_GRADIENT, flags, [dx.pointer, shares, addresses[0], shares], [size]);
  },
};

/** Each row divided by its Euclidean length; a row of zeros stays one, and its gradient is 0. */
export const unitRows: Operation = {
  name: 'unitRows',
  shape: ([x]) => x.shape,
  forward(tape, { inputs: [x], addresses, output, saved }) {
    const squares = tape.floats(x.size);
    const lengths = tape.floats(x.shape[0]);
    unary(tape, Unary.ABS, squares, addresses[0], x.size);
    const scales = scalesOf(tape, squares, x.shape);
    byRow(tape, Binary.DIVIDE, output, addresses[0], scales, x.shape);
    unary(tape, Unary.SQUARE, squares, output, x.size);
    reduceRows(tape, Reduction.SUM, lengths, squares, x.shape);
    unary(tape, Unary.SQRT, lengths, lengths, x.shape[0]);
    const divisors = divisorsOf(tape, lengths, x.shape[0]);
    byRow(tape, Binary.DIVIDE, output, output, divisors, x.shape);
    saved.push(scales, lengths, divisors);
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (!dx) return;
    const { output, outputGradient: dy, shape, size } = call;
    const [rows] = shape;
    const [scales, lengths, divisors] = call.saved;
    // (dy − y · Σ dy · y) / length, which is scale · length of the scaled row; 1 / length becomes 0 where that is.
    const along = tape.floats(size);
    const sums = tape.floats(rows);
    const inverse = tape.floats(rows);
    elementwise(tape, Binary.WEIGH, along, output, dy, size);
    reduceRows(tape, Reduction.SUM, sums, along, shape);
    byRow(tape, Binary.WEIGH, along, output, sums, shape);
    elementwise(tape, Binary.SUBTRACT, along, dy, along, size);
    elementwise(tape, Binary.DIVIDE, inverse, lengths, divisors, rows);
    elementwise(tape, Binary.DIVIDE, inverse, inverse, divisors, rows);
    // Weighed by what is divided, not by what divides: a row that gets nothing passes nothing on, even if it is infinite.
    byRow(tape, Binary.WEIGH, along, inverse, along, shape, true);
    const flags = dx.flags | (Binary.DIVIDE << FUNCTION_SHIFT);
    const layout = tape.layout([2, ...shape, shape[1], 1, 0, 0, 1, 0]);
    tape.program.append(
      Opcode.BINARY_GRADIENT,
      flags,
      [dx.pointer, along, along, scales, layout],
      [size, 0],
      [1],
    );
  },
};

/** The largest of each row of magnitudes, as a divisor, [rows]. */
function scalesOf(tape: Tape, magnitudes: number, shape: readonly number[]): number {
  const scales = tape.floats(shape[0]);
  reduceRows(tape, Reduction.MAX, scales, magnitudes, shape);
  unary(tape, Unary.CLAMP, scales, scales, shape[0], DIVISORS);
  return scales;
}

/** Magnitudes as divisors: 0 becomes the smallest number above, of which 0 is 0 times as much. */
function divisorsOf(tape: Tape, magnitudes: number, size: number): number {
  const divisors = tape.floats(size);
  unary(tape, Unary.CLAMP, divisors, magnitudes, size, DIVISORS);
  return divisors;
}

/** Appends y = f(x). */
export function unary(
  tape: Tape,
  fn: Unary,
  y: number,
  x: number,
  size: number,
  s: readonly number[] = [],
): void {
  tape.program.append(Opcode.UNARY, fn << FUNCTION_SHIFT, [y, x], [size], s);
}

/** Appends: x to a power, in place. */
export function raise(tape: Tape, x: number, size: number, exponent: number): void {
  if (exponent === 1) return;
  const fn = exponent === 2 ? Unary.SQUARE : exponent === 0.5 ? Unary.SQRT : Unary.POWER;
  unary(tape, fn, x, x, size, [exponent]);
}

function elementwise(tape: Tape, fn: Binary, out: number, a: number, b: number, size: number): void {
  tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [out, a, b, tape.layout([1, size, 1, 1])], [size]);
}

/** out = f(a, b) for a [rows, columns] and b [rows], or the other way round. */
function byRow(
  tape: Tape,
  fn: Binary,
  out: number,
  a: number,
  b: number,
  shape: readonly number[],
  swapped = false,
): void {
  const [rows, columns] = shape;
  const strides = swapped ? [1, 0, columns, 1] : [columns, 1, 1, 0];
  const layout = tape.layout([2, rows, columns, ...strides]);
  tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [out, a, b, layout], [rows * columns]);
}

function reduceRows(tape: Tape, fn: Reduction, out: number, x: number, shape: readonly number[]): void {
  const [rows, columns] = shape;
  const layout = tape.layout([1, 1, rows, columns, columns, 1]);
  tape.program.append(Opcode.REDUCE, fn << FUNCTION_SHIFT, [out, x, layout], [rows, columns], [1]);
}
