import { decays } from '../kernels/optimizer';
import { FLAG_ACCUMULATE, FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, FLAG_RELU, FLAG_RELU_GRADIENT, FLAG_UPDATE } from '../opcodes';
import { TILE_ROWS, UPDATING_TILES } from '../simd';
import { sliceBegin } from '../threads';
import { dotColumn, dotRow, downColumn } from './dot';
import { EDGE_STEP, Ending, putColumn, putNarrow, putTile, putTransposed } from './ending';
import { DOT_PIECE_K, DOT_ROWS, LONG_K, PIECE_K, TILE_COLUMNS } from './limits';
import { addPiece, isSmall, isSwapped, singleColumns } from './order';
import { clearColumns, packRows, packTile, packTransposed, packTwo } from './pack';
import { small, smallNarrow } from './small';
import { tile, updateTile } from './tile';

// A register tile has rows, which are walked along or down one operand, and columns, which are packed from the other
// into a panel [k, 8] that stays in the first-level cache. Usually rows and columns are those of C. They are swapped, and
// the tile is a part of Cᵀ, in two cases. Where both operands are contiguous along k, the panel must be transposed as it
// is packed, and of the two the smaller is taken. Where C is narrow, its rows would not fill the columns of a tile.

/** Length of a block of the reduction, where that is not a piece of a long one. */
const BLOCK_K = 512;
/** Rows of tiles whose sums wait in scratch memory between two such blocks or pieces. */
const BLOCK_ROWS = 240;
/**
 * With fewer rows, or where all of the operand fits into the first-level cache, packing columns that are contiguous
 * already costs more than it gains: 32³ ran at 55 GFLOP/s for 51, 17³ at 32 for 28.
 */
const PACK_FROM_ROWS = 13;
const PACK_FROM_FLOATS = 4096;
/**
 * Rows of A that go down steps of so many bytes, or a multiple, meet in few sets of the caches: with 1024 columns their
 * tiles are packed first (0.65 of the ceiling without, and 0.9 with it).
 */
const CROWDED_STEP: usize = 4096;
/** The most floats of such tiles at a time: 128 KiB, a part of the second-level cache. */
const PACKED_FLOATS = 1 << 15;
/** So many sums of a single column wait in scratch memory at a time. */
const COLUMN_ROWS = 1024;
/** Floats that no rank's part of a row of C cuts: a cache line. */
const LINE = 16;

// Scratch memory of one rank, in bytes.
const PANEL: usize = 0;
const ZEROS: usize = PANEL + BLOCK_K * TILE_COLUMNS * 4;
const START: usize = ZEROS + EDGE_STEP;
const EDGE: usize = START + TILE_ROWS * EDGE_STEP;
const FLAT: usize = EDGE + TILE_ROWS * EDGE_STEP;
const SUMS: usize = FLAT + TILE_ROWS * EDGE_STEP;
/** There is room for float64. */
const TILES: usize = SUMS + 2 * BLOCK_ROWS * EDGE_STEP;
/** Rounded up to a cache line. */
const RANK_BYTES: usize = (TILES + PACKED_FLOATS * 4 + 63) & ~63;

/** Bytes of scratch memory that run() needs for so many ranks. */
export function scratchBytes(ranks: i32): usize {
  return <usize>ranks * RANK_BYTES;
}

/**
 * C[m, n] (+)= A[m, k] · B[k, n] + bias[n] with an ending, this rank's part of it. Each element of C is summed by one
 * rank, in an order that the sizes decide, so the result does not depend on how many ranks there are.
 */
export function gemm(
  c: usize, a: usize, b: usize, bias: usize, extra: usize, scratch: usize, m: i32, n: i32, k: i32, flags: i32, rank: i32,
  ranks: i32,
): void {
  const transposeA = (flags & FLAG_TRANSPOSE_A) != 0;
  const transposeB = (flags & FLAG_TRANSPOSE_B) != 0;
  const accumulate = (flags & FLAG_ACCUMULATE) != 0;
  let ending = Ending.STORE;
  if (flags & FLAG_RELU) ending = Ending.RELU;
  else if (flags & FLAG_RELU_GRADIENT) ending = Ending.RELU_GRADIENT;
  else if (flags & FLAG_UPDATE) ending = decays(extra) ? Ending.UPDATE_WITH_DECAY : Ending.UPDATE;

  if (m <= DOT_ROWS && transposeB && !transposeA && ending <= Ending.RELU) {
    const begin = ranks == 1 ? 0 : sliceBegin(n, LINE, rank, ranks);
    const end = ranks == 1 ? n : sliceBegin(n, LINE, rank + 1, ranks);
    dotRows(c, a, b, bias, scratch + <usize>rank * RANK_BYTES, m, n, k, accumulate, ending, begin, end);
    return;
  }

  const flat = n > 0 && n <= 2;
  const across = flat ? m : n;
  // A step of SGD must not be taken twice, as it would be where vectors overlap.
  const once = ending <= Ending.RELU_GRADIENT || (ending == Ending.UPDATE && (across & 3) == 0);
  if (isSmall(m, n, k) && across >= 4 && (flat || n >= 4) && ranks == 1 && !accumulate && once) {
    const aRow: usize = transposeA ? 4 : <usize>k << 2;
    const aStep: usize = transposeA ? <usize>m << 2 : 4;
    const bStep: usize = transposeB ? 4 : <usize>n << 2;
    const bColumn: usize = transposeB ? <usize>k << 2 : 4;
    if (flat) smallNarrow(ending, c, a, aRow, aStep, b, bStep, bColumn, bias, extra, m, n, k);
    else small(ending, c, a, aRow, aStep, b, bStep, bColumn, bias, extra, m, n, k);
    return;
  }
  const narrow = n <= TILE_ROWS && n < m && !accumulate;
  const swapped = narrow || (transposeB && isSwapped(m, n, k) && !accumulate && ending <= Ending.RELU);
  const height = swapped ? n : m;
  const width = swapped ? m : n;
  const rowsFrom = swapped ? b : a;
  const along = swapped ? transposeB : !transposeA;
  const rowsStep = <usize>(along ? k : height) << 2;
  const columnsFrom = swapped ? a : b;
  const transposing = swapped ? !transposeA : transposeB;
  const columnsStep = <usize>(transposing ? k : width) << 2;
  const cStep = <usize>n << 2;
  const plain = !swapped && ending == Ending.STORE;

  let rowBegin = 0;
  let rowEnd = height;
  let columnBegin = 0;
  let columnEnd = width;
  if (ranks > 1) {
    // A rank packs what columns it has, so they are divided rather than rows, where there are enough of them.
    const granule = swapped && !narrow ? TILE_COLUMNS : LINE;
    if (narrow || width >= 4 * granule * ranks) {
      columnBegin = sliceBegin(width, granule, rank, ranks);
      columnEnd = sliceBegin(width, granule, rank + 1, ranks);
    } else {
      rowBegin = sliceBegin(height, swapped ? LINE : TILE_ROWS, rank, ranks);
      rowEnd = sliceBegin(height, swapped ? LINE : TILE_ROWS, rank + 1, ranks);
    }
  }
  if (rowBegin >= rowEnd || columnBegin >= columnEnd) return;

  const own = scratch + <usize>rank * RANK_BYTES;
  const singles = columnEnd == width && !swapped && !accumulate ? singleColumns(m, n, k) : 0;
  if (singles > 0) {
    columnEnd -= singles;
    for (let j = columnEnd; j < width; j++) {
      const at = <usize>j << 2;
      let column = transposeB ? b + at * <usize>k : b + at;
      const first: f32 = bias != 0 ? load<f32>(bias + at) : 0;
      if (along && !transposeB) {
        // As dot products read it: side by side.
        for (let p = 0; p < k; p++) store<f32>(own + PANEL + (<usize>p << 2), load<f32>(column + <usize>p * columnsStep));
        column = own + PANEL;
      }
      for (let i = rowBegin; i < rowEnd; i += COLUMN_ROWS) {
        const rows = min(COLUMN_ROWS, rowEnd - i);
        const to = at + <usize>i * cStep;
        if (along) dotColumn(k, a + <usize>i * rowsStep, rowsStep, rows, column, first, own + SUMS);
        else downColumn(k, a + (<usize>i << 2), rowsStep, rows, column, transposeB ? 4 : columnsStep, first, own + SUMS);
        putColumn(ending, c + to, cStep, own + SUMS, rows, extra + to, extra);
      }
    }
  }

  const edge = own + EDGE;
  // At least one block, also where k = 0: C becomes the bias, or zeros.
  const long = k > LONG_K;
  const mostK = long ? PIECE_K : BLOCK_K;
  const blocks = k > mostK ? (k + mostK - 1) / mostK : 1;
  const blockK = long ? PIECE_K : blocks == 1 ? k : ((k + blocks - 1) / blocks + 3) & ~3;
  let blockRows = blocks == 1 ? rowEnd - rowBegin : BLOCK_ROWS;
  const packTiles = !along && rowsStep % CROWDED_STEP == 0 && k >= 32 && k <= PACKED_FLOATS / TILE_ROWS;
  if (packTiles) blockRows = min(blockRows, PACKED_FLOATS / (k * TILE_ROWS) * TILE_ROWS);
  const pack = transposing || (rowEnd - rowBegin >= PACK_FROM_ROWS && k * width > PACK_FROM_FLOATS);
  // The last columns are computed together with some before them, once more where that changes nothing; a step along
  // zeros, in a panel with these columns cleared, changes nothing either.
  const clearing = ending == Ending.UPDATE && !transposing;
  const overlap = !accumulate && (ending <= Ending.RELU_GRADIENT || clearing) && columnEnd - columnBegin >= TILE_COLUMNS;
  // A panel takes half a cache line of each row, so two are packed at a time, the second where tiles would be: where rows
  // meet in few sets of the caches, the other half would be gone before the next panel needs it.
  const packAhead = pack && !transposing && !packTiles && k <= PACKED_FLOATS / TILE_COLUMNS;
  zero(own + ZEROS);

  for (let i0 = rowBegin; i0 < rowEnd; i0 += blockRows) {
    const rows = min(blockRows, rowEnd - i0);
    const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    const low = rows / tiles;
    const higher = rows - low * tiles;
    if (packTiles) {
      let to = own + TILES;
      let i = i0;
      for (let t = 0; t < tiles; t++) {
        const count = t < higher ? low + 1 : low;
        packTile(to, rowsFrom + (<usize>i << 2), rowsStep, k, count);
        to += <usize>(k * count) << 2;
        i += count;
      }
    }
    for (let j0 = columnBegin; j0 < columnEnd; j0 += TILE_COLUMNS) {
      const j = overlap ? min(j0, columnEnd - TILE_COLUMNS) : j0;
      const columns = min(TILE_COLUMNS, columnEnd - j);
      const at = <usize>j << 2;
      const whole = columns == TILE_COLUMNS;
      for (let block = 0; block < blocks; block++) {
        const k0 = block * blockK;
        const length = min(blockK, k - k0);
        let panel = own + PANEL;
        let panelStep = EDGE_STEP;
        let packed = true;
        const first = block == 0;
        const last = block == blocks - 1;
        if (transposing) packTransposed(panel, columnsFrom + <usize>j * columnsStep + (<usize>k0 << 2), columnsStep, length, columns);
        else {
          const from = columnsFrom + <usize>k0 * columnsStep + at;
          const seen = clearing ? j0 - j : 0;
          if (packAhead && j0 - columnBegin & TILE_COLUMNS && j == j0 && whole) panel = own + TILES + <usize>k0 * EDGE_STEP;
          else if (packAhead && whole && j + 2 * TILE_COLUMNS <= columnEnd) {
            packTwo(panel, own + TILES + <usize>k0 * EDGE_STEP, from, columnsStep, length);
          } else if (pack || !whole || seen > 0) {
            packRows(panel, from, columnsStep, length, columns);
            if (seen > 0) clearColumns(panel, length, seen);
          } else {
            panel = from;
            panelStep = columnsStep;
            packed = false;
          }
        }
        let start = own + ZEROS;
        if (first && bias != 0 && !swapped && !accumulate) {
          start = own + START;
          if (whole) start = bias + at;
          else copyPart(start, bias + at, columns);
        }
        let x = own + TILES;
        let xStep = rowsStep;
        if (!packTiles) x = rowsFrom + (along ? <usize>i0 * rowsStep + (<usize>k0 << 2) : (<usize>i0 << 2) + <usize>k0 * rowsStep);
        let sums = own + SUMS;
        let i = i0;
        for (let t = 0; t < tiles; t++) {
          const count = t < higher ? low + 1 : low;
          if (packTiles) xStep = <usize>count << 2;
          const from = packTiles ? x + <usize>k0 * xStep : x;
          const to = swapped ? c + at * <usize>n + (<usize>i << 2) : c + <usize>i * cStep + at;
          let begin = start;
          let beginStep: usize = 0;
          if (!first) {
            if (!long) {
              begin = sums;
              beginStep = EDGE_STEP;
            }
          } else if (swapped) {
            if (bias != 0) {
              begin = own + START;
              splatRows(begin, bias + (<usize>i << 2), count);
              beginStep = EDGE_STEP;
            }
          } else if (accumulate) {
            if (whole) {
              begin = to;
              beginStep = cStep;
            } else {
              begin = own + START;
              for (let r = 0; r < count; r++) copyPart(begin + <usize>r * EDGE_STEP, to + <usize>r * cStep, columns);
              beginStep = EDGE_STEP;
            }
          }
          if (last && plain && whole && !long) {
            tile(count, along, length, from, xStep, panel, panelStep, begin, beginStep, to, cStep);
          } else if (UPDATING_TILES && ending == Ending.UPDATE && whole && first && last && !along && !swapped) {
            if (packed) updateTile(count, length, from, xStep, panel, EDGE_STEP, begin, to, cStep, extra);
            else updateTile(count, length, from, xStep, panel, columnsStep, begin, to, cStep, extra);
          } else {
            tile(count, along, length, from, xStep, panel, panelStep, begin, beginStep, last || long ? edge : sums, EDGE_STEP);
            if (long) addPiece(sums, edge, count * TILE_COLUMNS, first, last);
            if (last) {
              if (narrow) putNarrow(ending, to, edge, own + FLAT, count, columns, extra + (to - c), extra);
              else if (swapped) putTransposed(ending, to, cStep, edge, count, columns);
              else putTile(ending, to, cStep, edge, count, columns, extra + (to - c), extra);
            }
          }
          x += packTiles ? <usize>k * xStep : along ? <usize>count * rowsStep : <usize>count << 2;
          sums += 2 * <usize>count * EDGE_STEP;
          i += count;
        }
      }
    }
  }
}

/** Few rows of A against rows of B: C[m, begin … end) as dot products. */
function dotRows(
  c: usize, a: usize, b: usize, bias: usize, own: usize, m: i32, n: i32, k: i32, accumulate: bool, ending: i32, begin: i32,
  end: i32,
): void {
  const step = <usize>k << 2;
  const piece = k > LONG_K ? DOT_PIECE_K : LONG_K;
  const edge = own + EDGE;
  for (let j = begin; j < end; j += TILE_COLUMNS) {
    const columns = min(TILE_COLUMNS, end - j);
    const at = <usize>j << 2;
    const direct = columns == TILE_COLUMNS && k <= piece && ending == Ending.STORE;
    for (let i = 0; i < m; i++) {
      const to = c + ((<usize>i * <usize>n) << 2) + at;
      let start: usize = accumulate ? to : bias != 0 ? bias + at : 0;
      // At least one piece, also where k = 0.
      let k0 = 0;
      do {
        const along = <usize>k0 << 2;
        const x = a + <usize>i * step + along;
        dotRow(min(k - k0, piece), x, b + <usize>j * step + along, step, columns, start, direct ? to : edge);
        if (k > piece) addPiece(own + SUMS, edge, TILE_COLUMNS, k0 == 0, k0 + piece >= k);
        start = 0;
        k0 += piece;
      } while (k0 < k);
      if (!direct) putTile(ending, to, 0, edge, 1, columns, 0, 0);
    }
  }
}

/** A row of eight zeros. */
function zero(row: usize): void {
  v128.store(row, f32x4.splat(0));
  v128.store(row, f32x4.splat(0), 16);
}

/** The first `count` of eight floats; the others are left as they are. */
function copyPart(to: usize, from: usize, count: i32): void {
  for (let j = 0; j < count; j++) store<f32>(to + (<usize>j << 2), load<f32>(from + (<usize>j << 2)));
}

/** Row r of a tile becomes eight times the r-th of these floats. */
function splatRows(to: usize, from: usize, rows: i32): void {
  for (let r = 0; r < rows; r++) {
    const v = v128.load32_splat(from);
    v128.store(to, v);
    v128.store(to, v, 16);
    from += 4;
    to += EDGE_STEP;
  }
}
