import {
  FLAG_TRANSPOSE_A,
  FLAG_TRANSPOSE_B,
  FUNCTION_SHIFT,
  Opcode,
  Reduction,
} from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import { broadcast, broadcastStrides, formatShape, sizeOf, type Shape } from '../layout.js';
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

/** How NumPy reads two operands: vectors become matrices, leading dimensions broadcast. */
function plan(a: Shape, b: Shape) {
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
  const stack = broadcast('matmul', left.slice(0, -2), right.slice(0, -2));
  const shape = [...stack];
  if (a.length > 1) shape.push(m);
  if (b.length > 1) shape.push(n);
  return { left, right, stack, shape, m, n, k };
}

function* products({ left, right, stack, m, n, k }: ReturnType<typeof plan>): Generator<Product> {
  const aStrides = broadcastStrides(left.slice(0, -2), stack);
  const bStrides = broadcastStrides(right.slice(0, -2), stack);
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
    const { inputs, addresses, outputGradient: dy } = call;
    const p = plan(inputs[0].shape, inputs[1].shape);
    for (const i of [0, 1]) {
      const first = gradientOf(tape, call, i);
      if (!first) continue;
      // A stack that broadcasts is written in parts and more than once, so the parts add to zeros.
      const inParts = p.stack.length > 0;
      if (inParts && first.flags === 0) tape.fill(first.pointer, inputs[i].size, 0);
      const { flags, pointer } = inParts ? gradientOf(tape, call, i)! : first;
      for (const { a, b, c } of products(p)) {
        const dc = dy + c * 4;
        if (i === 0)
          gemm(tape, flags | FLAG_TRANSPOSE_B, pointer + a * 4, dc, addresses[1] + b * 4, [p.m, p.k, p.n]);
        else gemm(tape, flags | FLAG_TRANSPOSE_A, pointer + b * 4, addresses[0] + a * 4, dc, [p.k, p.n, p.m]);
      }
    }
  },
};
