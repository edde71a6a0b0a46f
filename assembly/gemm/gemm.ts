import { FLAG_ACCUMULATE, FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B } from '../opcodes';
import { sliceBegin } from '../threads';
import { dotRow } from './dot';
import { packColumns, packRows, packTransposed } from './pack';
import { tile, TILE_COLUMNS, TILE_ROWS } from './tile';

/** Length of a block of the reduction: a panel of B (8 KiB) and four rows of A (4 KiB) stay in the first-level cache. */
const BLOCK_K = 256;
/** Rows of A that are walked under one panel of B: 256 KiB, so that they stay in the second-level cache. */
const BLOCK_ROWS = 256;
/** The same where A is transposed: such a block is packed into scratch memory first, 64 KiB. */
const PACKED_ROWS = 64;
/** With fewer rows packing B costs more than it gains. */
const PACK_FROM_ROWS = 9;
/** Up to so many rows against a transposed B are done as dot products. */
const DOT_ROWS = 3;

// Scratch memory of one rank, in bytes.
const PANEL: usize = 0;
const EDGE: usize = PANEL + BLOCK_K * TILE_COLUMNS * 4;
const START: usize = EDGE + TILE_ROWS * TILE_COLUMNS * 4;
const ROWS: usize = START + 64;
/** Bytes of a row of a packed tile. */
const TILE_STEP: usize = TILE_COLUMNS << 2;
const RANK_BYTES: usize = ROWS + PACKED_ROWS * BLOCK_K * 4;

/** Bytes of scratch memory that run() needs for so many ranks. */
export function scratchBytes(ranks: i32): usize {
  return <usize>ranks * RANK_BYTES;
}

/**
 * C[m, n] (+)= A[m, k] · B[k, n] + bias[n], this rank's part of it. Each element of C is summed by one rank, along k
 * in order, so the result does not depend on how many ranks there are.
 */
export function gemm(
  c: usize, a: usize, b: usize, bias: usize, scratch: usize, m: i32, n: i32, k: i32, flags: i32, rank: i32, ranks: i32,
): void {
  const transposeA = (flags & FLAG_TRANSPOSE_A) != 0;
  const transposeB = (flags & FLAG_TRANSPOSE_B) != 0;
  const accumulate = (flags & FLAG_ACCUMULATE) != 0;
  let rowBegin = 0;
  let rowEnd = m;
  let columnBegin = 0;
  let columnEnd = n;
  // A transposed A is packed row by row, so ranks divide rows; else panels of B are packed, and ranks divide columns.
  if (transposeA) {
    rowBegin = sliceBegin(m, TILE_ROWS, rank, ranks);
    rowEnd = sliceBegin(m, TILE_ROWS, rank + 1, ranks);
  } else {
    columnBegin = sliceBegin(n, TILE_COLUMNS, rank, ranks);
    columnEnd = sliceBegin(n, TILE_COLUMNS, rank + 1, ranks);
  }
  if (rowBegin >= rowEnd || columnBegin >= columnEnd) return;

  const cStep = <usize>n << 2;
  if (m <= DOT_ROWS && transposeB && !transposeA) {
    for (let j = columnBegin; j < columnEnd; j += TILE_COLUMNS) {
      const columns = min(TILE_COLUMNS, columnEnd - j);
      const at = <usize>j << 2;
      const rows = b + <usize>j * (<usize>k << 2);
      for (let i = 0; i < m; i++) {
        const to = c + <usize>i * cStep + at;
        const start: usize = accumulate ? to : bias != 0 ? bias + at : 0;
        dotRow(k, a + <usize>i * (<usize>k << 2), rows, <usize>k << 2, columns, start, to);
      }
    }
    return;
  }

  const own = scratch + <usize>rank * RANK_BYTES;
  const aStep = <usize>(transposeA ? m : k) << 2;
  const bStep = <usize>(transposeB ? k : n) << 2;
  const blockRows = transposeA ? PACKED_ROWS : BLOCK_ROWS;
  // At least one block, also where k = 0: C becomes the bias, or zeros.
  let k0 = 0;
  do {
    const length = min(BLOCK_K, k - k0);
    const adds = accumulate || k0 > 0;
    for (let i0 = rowBegin; i0 < rowEnd; i0 += blockRows) {
      const rows = min(blockRows, rowEnd - i0);
      let aBlock = a + <usize>i0 * aStep + (<usize>k0 << 2);
      let aBlockStep = aStep;
      if (transposeA) {
        aBlock = own + ROWS;
        aBlockStep = BLOCK_K << 2;
        packTransposed(aBlock, aBlockStep, a + <usize>k0 * aStep + (<usize>i0 << 2), aStep, length, rows);
      }
      for (let j = columnBegin; j < columnEnd; j += TILE_COLUMNS) {
        const columns = min(TILE_COLUMNS, columnEnd - j);
        const at = <usize>j << 2;
        let panel = own + PANEL;
        let panelStep = TILE_STEP;
        if (transposeB) {
          const from = b + <usize>j * bStep + (<usize>k0 << 2);
          packColumns(panel, panelStep, from, bStep, min(4, columns), length);
          packColumns(panel + 16, panelStep, columns > 4 ? from + 4 * bStep : from, bStep, columns > 4 ? columns - 4 : 1, length);
        } else {
          const from = b + <usize>k0 * bStep + at;
          if (columns == TILE_COLUMNS && rows < PACK_FROM_ROWS) {
            panel = from;
            panelStep = bStep;
          } else packRows(panel, from, bStep, length, columns);
        }
        let start = own + START;
        if (!adds) {
          if (bias != 0 && columns == TILE_COLUMNS) start = bias + at;
          else fillStart(start, bias == 0 ? 0 : bias + at, columns);
        }
        for (let i = 0; i < rows; i += TILE_ROWS) {
          const height = min(TILE_ROWS, rows - i);
          const a0 = aBlock + <usize>i * aBlockStep;
          const a1 = height > 1 ? a0 + aBlockStep : a0;
          const a2 = height > 2 ? a1 + aBlockStep : a1;
          const a3 = height > 3 ? a2 + aBlockStep : a2;
          const to = c + <usize>(i0 + i) * cStep + at;
          if (height == TILE_ROWS && columns == TILE_COLUMNS) {
            tile(length, a0, a1, a2, a3, panel, panelStep, adds ? to : start, adds ? cStep : 0, to, cStep);
          } else {
            const edge = own + EDGE;
            if (adds) copyTile(edge, TILE_STEP, to, cStep, height, columns);
            const edgeStart = adds ? edge : start;
            tile(length, a0, a1, a2, a3, panel, panelStep, edgeStart, adds ? TILE_STEP : 0, edge, TILE_STEP);
            copyTile(to, cStep, edge, TILE_STEP, height, columns);
          }
        }
      }
    }
    k0 += BLOCK_K;
  } while (k0 < k);
}

/** The row that accumulators start from, eight wide: the bias where there is one, else zeros. */
function fillStart(start: usize, bias: usize, columns: i32): void {
  for (let j = 0; j < TILE_COLUMNS; j++) {
    const offset = <usize>j << 2;
    store<f32>(start + offset, bias != 0 && j < columns ? load<f32>(bias + offset) : 0);
  }
}

/** The part of a tile that exists, from one place to another. */
function copyTile(to: usize, toStep: usize, from: usize, fromStep: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) store<f32>(to + (<usize>j << 2), load<f32>(from + (<usize>j << 2)));
    to += toStep;
    from += fromStep;
  }
}
