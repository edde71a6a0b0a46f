import {
  FLAG_TRANSPOSE_A,
  FLAG_TRANSPOSE_B,
  FUNCTION_SHIFT,
  Opcode,
  Reduction,
} from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import {
  broadcast,
  broadcastStrides,
  contiguous,
  formatShape,
  repeatedAxes,
  sizeOf,
  walk,
  type Shape,
} from '../layout.js';
import type { Call, Operation, Tape } from '../tape.js';

/** Appends C[m, n] (+)= A[m, k] · B[k, n] (+ bias[n]). */
function gemm(
  tape: Tape,
  flags: number,
  c: number,
  a: number,
  b: number,
  [m, n, k]: readonly [number, number, number],
  bias = 0,
): void {
  tape.program.append(Opcode.GEMM, flags, [c, a, b, bias], [m, n, k]);
}

/** y = x · weightᵀ + bias; x [batch, in], weight [out, in], bias [out], y [batch, out]. */
export const linear: Operation = {
  name: 'linear',
  shape([x, weight, bias]) {
    const [outFeatures, inFeatures] = weight.shape;
    if (x.shape.length !== 2 || x.shape[1] !== inFeatures || (bias && bias.size !== outFeatures)) {
      throw new RangeError(
        `linear(${inFeatures} → ${outFeatures}): expected x [batch, ${inFeatures}], got ${formatShape(x.shape)}`,
      );
    }
    return [x.shape[0], outFeatures];
  },
  forward(tape, { inputs: [x, weight], addresses, output }) {
    const [n, k] = weight.shape;
    gemm(tape, FLAG_TRANSPOSE_B, output, addresses[0], addresses[1], [x.shape[0], n, k], addresses[2]);
  },
  backward(tape, call) {
    const { inputs, addresses, outputGradient: dy } = call;
    const batch = inputs[0].shape[0];
    const [outFeatures, inFeatures] = inputs[1].shape;
    const dx = gradientOf(tape, call, 0);
    if (dx) gemm(tape, dx.flags, dx.pointer, dy, addresses[1], [batch, inFeatures, outFeatures]);
    const dWeight = gradientOf(tape, call, 1);
    if (dWeight) {
      gemm(tape, dWeight.flags | FLAG_TRANSPOSE_A, dWeight.pointer, dy, addresses[0], [
        outFeatures,
        inFeatures,
        batch,
      ]);
    }
    const dBias = inputs.length > 2 && gradientOf(tape, call, 2);
    if (dBias) {
      tape.program.append(
        Opcode.REDUCE,
        dBias.flags | (Reduction.SUM << FUNCTION_SHIFT),
        [dBias.pointer, dy, tape.layout([1, 1, outFeatures, 1, batch, outFeatures])],
        [outFeatures, batch],
        [1],
      );
    }
  },
};

/** One matrix product of a stack: where its operands begin, in elements. */
interface Product {
  a: number;
  b: number;
  c: number;
}

/** A stack of products [m, k] · [k, n]. */
interface Plan {
  /** Leading dimensions of either operand, and what they broadcast to. */
  stacks: Shape[];
  stack: Shape;
  shape: Shape;
  m: number;
  n: number;
  k: number;
}

/**
 * How NumPy reads two operands: vectors become matrices, leading dimensions broadcast. A stack of matrices by a single one
 * is one taller matrix.
 */
function plan(a: Shape, b: Shape): Plan {
  if (a.length === 0 || b.length === 0) {
    throw new RangeError(
      `matmul: expected at least one dimension each, got ${formatShape(a)} and ${formatShape(b)}`,
    );
  }
  const left = a.length === 1 ? [1, a[0]] : a;
  const right = b.length === 1 ? [b[0], 1] : b;
  const [m, k] = left.slice(-2);
  const [inner, n] = right.slice(-2);
  if (k !== inner) {
    throw new RangeError(`matmul: ${formatShape(a)} · ${formatShape(b)}: ${k} columns meet ${inner} rows`);
  }
  const stacks = [left.slice(0, -2), right.slice(0, -2)];
  const stack = broadcast('matmul', stacks[0], stacks[1]);
  const shape = [...stack];
  if (a.length > 1) shape.push(m);
  if (b.length > 1) shape.push(n);
  if (sizeOf(stacks[1]) === 1) return { stacks: [[], []], stack: [], shape, m: sizeOf(stack) * m, n, k };
  return { stacks, stack, shape, m, n, k };
}

function* products({ stacks, stack, m, n, k }: Plan): Generator<Product> {
  const [aStrides, bStrides] = stacks.map((own) => broadcastStrides(own, stack));
  const count = sizeOf(stack);
  for (let i = 0; i < count; i++) {
    let rest = i;
    let a = 0;
    let b = 0;
    for (let d = stack.length - 1; d >= 0; d--) {
      const at = rest % stack[d];
      rest = (rest - at) / stack[d];
      a += at * aStrides[d];
      b += at * bStrides[d];
    }
    yield { a: a * m * k, b: b * k * n, c: i * m * n };
  }
}

/** The product of matrices, of vectors, or of stacks of matrices, as in NumPy. */
export const matmul: Operation = {
  name: 'matmul',
  shape: ([a, b]) => plan(a.shape, b.shape).shape,
  forward(tape, { inputs, addresses, output }) {
    const p = plan(inputs[0].shape, inputs[1].shape);
    for (const { a, b, c } of products(p)) {
      gemm(tape, 0, output + c * 4, addresses[0] + a * 4, addresses[1] + b * 4, [p.m, p.n, p.k]);
    }
  },
  backward(tape, call: Call<void>) {
    const { inputs, addresses, outputGradient } = call;
    for (const i of [0, 1]) {
      const p = plan(inputs[0].shape, inputs[1].shape);
      const target = gradientOf(tape, call, i);
      if (!target) continue;
      const { stacks, stack, m, n, k } = p;
      const along = repeatedAxes(stacks[i], stack);
      let other = addresses[1 - i];
      let dc = outputGradient;
      // What was repeated gets one product over all its places, in which they add as long sums do.
      if (along.size > 0) {
        const row = stack.length;
        const rank = (d: number): number => (d === row ? 1 + 2 * i : d > row ? 4 : along.has(d) ? 2 : 0);
        /** Matrices whose dimensions come in the order: stack, rows of A, places, rows of B, columns. */
        const regrouped = (from: number, own: Shape, rows: number, columns: number): number => {
          const lengths = [...stack, rows, columns];
          const strides = broadcastStrides([...own, rows, columns], lengths);
          const order = lengths.map((_, d) => d).toSorted((d, e) => rank(d) - rank(e));
          const shape = order.map((d) => lengths[d]);
          const size = sizeOf(shape);
          const to = tape.floats(size);
          const read = order.map((d) => strides[d]);
          const layout = tape.layout(walk(shape, contiguous(shape), read));
          tape.program.append(Opcode.COPY, 0, [to, from, layout], [size], [1]);
          return to;
        };
        other = i === 0 ? regrouped(other, stacks[1], k, n) : regrouped(other, stacks[0], m, k);
        dc = regrouped(dc, stack, m, n);
        const places = sizeOf([...along].map((d) => stack[d]));
        p.stack = [sizeOf(stacks[i])];
        p.stacks = [p.stack, p.stack];
        if (i === 0) p.n *= places;
        else p.m *= places;
      }
      for (const { a, b, c } of products(p)) {
        const from = dc + c * 4;
        if (i === 0) {
          const flags = target.flags | FLAG_TRANSPOSE_B;
          gemm(tape, flags, target.pointer + a * 4, from, other + b * 4, [m, k, p.n]);
        } else {
          const flags = target.flags | FLAG_TRANSPOSE_A;
          gemm(tape, flags, target.pointer + b * 4, other + a * 4, from, [k, n, p.m]);
        }
      }
    }
  },
};
