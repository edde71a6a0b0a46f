import { FLAG_ACCUMULATE, FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, Opcode } from '../../assembly/opcodes.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, randomFloats } from '../support/numbers.js';

// Around every edge: the tile (4 × 8), the few rows done as dot products, the rows from which B is packed, the blocks
// of the reduction (256), of rows (256) and of packed rows (64); primes; nothing at all.
const SHAPES = [
  [0, 5, 3], [5, 0, 3], [5, 3, 0], [1, 1, 0], [1, 1, 1], [1, 8, 4], [1, 7, 5], [2, 9, 6], [3, 17, 23], [4, 8, 1],
  [4, 8, 2], [3, 7, 11], [5, 9, 2], [8, 8, 8], [9, 8, 3], [8, 17, 31], [7, 13, 11], [16, 24, 32], [17, 15, 16],
  [12, 10, 255], [12, 10, 256], [9, 9, 257], [13, 11, 521], [63, 9, 7], [64, 8, 6], [65, 10, 5], [131, 5, 3],
  [255, 9, 3], [257, 8, 2], [2, 40, 300],
] as const;

const LAYOUTS = [0, FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, FLAG_TRANSPOSE_A | FLAG_TRANSPOSE_B];
const STARTS = ['', 'bias', 'accumulate'] as const;

function* cases(): Generator<KernelCase> {
  for (const [m, n, k] of SHAPES) {
    for (const layout of LAYOUTS) {
      for (const start of STARTS) {
        const a = randomFloats(m * k, 1);
        const b = randomFloats(k * n, 2);
        const bias = randomFloats(n, 3);
        const c = randomFloats(m * n, 4);
        const at = (i: number, p: number) => a[layout & FLAG_TRANSPOSE_A ? p * m + i : i * k + p];
        const bt = (p: number, j: number) => b[layout & FLAG_TRANSPOSE_B ? j * k + p : p * n + j];
        const expected: number[] = [];
        const tolerance: number[] = [];
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            const first = start === 'bias' ? bias[j] : start === 'accumulate' ? c[i * n + j] : 0;
            let sum = first;
            let size = Math.abs(first);
            for (let p = 0; p < k; p++) {
              sum += at(i, p) * bt(p, j);
              size += Math.abs(at(i, p) * bt(p, j));
            }
            expected.push(sum);
            tolerance.push((k + 2) * EPSILON * size);
          }
        }
        yield {
          name: `[${m}, ${k}]${layout & FLAG_TRANSPOSE_A ? 'ᵀ' : ''} · [${k}, ${n}]${layout & FLAG_TRANSPOSE_B ? 'ᵀ' : ''} ${start}`,
          prepare(machine) {
            const out = machine.floats(start === 'accumulate' ? c : m * n);
            const pointers = [out, machine.floats(a), machine.floats(b), start === 'bias' ? machine.floats(bias) : 0];
            const flags = layout | (start === 'accumulate' ? FLAG_ACCUMULATE : 0);
            return {
              instructions: [{ op: Opcode.GEMM, flags, pointers, dims: [m, n, k] }],
              outputs: [{ pointer: out, expected, tolerance }],
            };
          },
        };
      }
    }
  }
}

testKernels('matrix products', [...cases()]);
