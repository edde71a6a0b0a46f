import { TILE_COLUMNS } from '../../assembly/gemm/limits.js';

/** Weights [n, k] as Step.DENSE reads them: of every eight rows [k, 8]. */
export function panels(weight: Float32Array, n: number, k: number): Float32Array {
  const packed = new Float32Array(n * k);
  let to = 0;
  for (let first = 0; first < n; first += TILE_COLUMNS) {
    const end = Math.min(n, first + TILE_COLUMNS);
    for (let i = 0; i < k; i++) for (let row = first; row < end; row++) packed[to++] = weight[row * k + i];
  }
  return packed;
}
