import {
  FLAG_ACCUMULATE,
  FLAG_RELU,
  FLAG_RELU_GRADIENT,
  FLAG_TRANSPOSE_A,
  FLAG_TRANSPOSE_B,
  FLAG_UPDATE,
  Opcode,
} from '../../assembly/opcodes.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';

// Around every edge: tiles of up to 6 rows by 8 columns, the few rows done as dot products, narrow results, the rows
// from which B is packed and the panels packed two at a time, blocks of the reduction (512) and of the rows between them (240), pieces of long ones,
// one or two columns left over and the most of them at a time (1024), rows whose step crowds the caches (1024 floats); primes;
// nothing at all.
const SHAPES = [
  [0, 5, 3], [5, 0, 3], [5, 3, 0], [1, 1, 0], [1, 1, 1], [1, 8, 4], [1, 7, 5], [2, 9, 6], [3, 17, 23], [4, 8, 1],
  [4, 8, 2], [3, 7, 11], [5, 9, 2], [8, 8, 8], [9, 8, 3], [8, 17, 31], [7, 13, 11], [13, 7, 4], [16, 24, 32],
  [17, 15, 16], [16, 2, 4], [17, 3, 5], [9, 5, 7], [7, 6, 3], [8, 4, 18], [12, 10, 255], [9, 19, 257], [13, 11, 511],
  [11, 13, 512], [12, 10, 513], [9, 21, 1031], [29, 6, 521], [63, 9, 7], [64, 8, 6], [65, 10, 5], [131, 5, 3],
  [255, 9, 3], [257, 8, 2], [2, 40, 300], [33, 37, 19],
] as const;
/** Larger ones, in the layouts where they matter. */
const LARGE = [
  [245, 9, 517, 0], [9, 245, 514, FLAG_TRANSPOSE_B], [250, 3, 515, FLAG_TRANSPOSE_B], [1024, 9, 33, FLAG_TRANSPOSE_A],
  [1024, 8, 520, FLAG_TRANSPOSE_A], [250, 27, 515, 0], [14, 48, 513, 0], [14, 42, 515, FLAG_TRANSPOSE_A],
  [1030, 17, 9, 0], [14, 9, 4097, 0], [14, 10, 4097, FLAG_TRANSPOSE_A], [14, 10, 1024, FLAG_TRANSPOSE_A],
  [3, 17, 1025, FLAG_TRANSPOSE_B], [9, 17, 1025, FLAG_TRANSPOSE_B], [245, 9, 1025, 0], [31, 3, 1027, FLAG_TRANSPOSE_B],
  [1024, 9, 1031, FLAG_TRANSPOSE_A],
] as const;

const LAYOUTS = [0, FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, FLAG_TRANSPOSE_A | FLAG_TRANSPOSE_B];
const FORMS = ['', 'bias', 'accumulate', 'bias, ReLU', 'ReLU gradient', 'update', 'update with decay'] as const;
const LR = 0.125;
const DECAY = 0.25;

function caseOf(m: number, n: number, k: number, layout: number, form: (typeof FORMS)[number]): KernelCase {
  const a = randomFloats(m * k, 1);
  const b = randomFloats(k * n, 2);
  const bias = randomFloats(n, 3);
  const c = randomFloats(m * n, 4);
  const y = randomFloats(m * n, 5);
  const hasBias = form.startsWith('bias');
  const at = (i: number, p: number) => a[layout & FLAG_TRANSPOSE_A ? p * m + i : i * k + p];
  const bt = (p: number, j: number) => b[layout & FLAG_TRANSPOSE_B ? j * k + p : p * n + j];
  const expected: number[] = [];
  const tolerance: number[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const before = c[i * n + j];
      const first = hasBias ? bias[j] : form === 'accumulate' ? before : 0;
      let sum = first;
      let size = Math.abs(first);
      for (let p = 0; p < k; p++) {
        sum += at(i, p) * bt(p, j);
        size += Math.abs(at(i, p) * bt(p, j));
      }
      let error = (k + 2) * EPSILON * size;
      if (form === 'bias, ReLU') sum = Math.max(0, sum);
      if (form === 'ReLU gradient' && !(y[i * n + j] > 0)) sum = error = 0;
      if (form.startsWith('update')) {
        const decay = form === 'update' ? 0 : DECAY;
        sum = before - LR * (sum + decay * before);
        error = LR * error + 4 * EPSILON * (Math.abs(before) + LR * (size + decay * Math.abs(before)));
      }
      expected.push(sum);
      tolerance.push(error);
    }
  }
  const flags = {
    '': 0,
    bias: 0,
    accumulate: FLAG_ACCUMULATE,
    'bias, ReLU': FLAG_RELU,
    'ReLU gradient': FLAG_RELU_GRADIENT,
    update: FLAG_UPDATE,
    'update with decay': FLAG_UPDATE,
  }[form];
  const transposed = (flag: number) => (layout & flag ? 'ᵀ' : '');
  return {
    name: `[${m}, ${k}]${transposed(FLAG_TRANSPOSE_A)} · [${k}, ${n}]${transposed(FLAG_TRANSPOSE_B)} ${form}`,
    prepare(machine) {
      const out = machine.floats(form === 'accumulate' || flags === FLAG_UPDATE ? c : m * n);
      const pointers = [out, machine.floats(a), machine.floats(b), hasBias ? machine.floats(bias) : 0];
      if (flags === FLAG_RELU_GRADIENT) pointers.push(machine.floats(y));
      if (flags === FLAG_UPDATE) pointers.push(machine.floats([LR, form === 'update' ? 0 : DECAY].map(fround)));
      return {
        instructions: [{ op: Opcode.GEMM, flags: layout | flags, pointers, dims: [m, n, k] }],
        outputs: [{ pointer: out, expected, tolerance }],
      };
    },
  };
}

function* cases(): Generator<KernelCase> {
  for (const form of FORMS) {
    for (const [m, n, k] of SHAPES) for (const layout of LAYOUTS) yield caseOf(m, n, k, layout, form);
    for (const [m, n, k, layout] of LARGE) yield caseOf(m, n, k, layout, form);
  }
}

testKernels('matrix products', [...cases()]);
