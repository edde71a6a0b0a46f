import { descend, rateOf, withDecay } from '../kernels/optimizer';
import { loadUpTo, relu4, storeUpTo, transpose4 } from '../simd';
import { TILE_COLUMNS } from './limits';

/** What becomes of the sums on their way from a tile in scratch memory into C. */
export const enum Ending {
  STORE,
  /** max(0, sum) */
  RELU,
  /** sum where the matrix beside C is above 0, else 0 */
  RELU_GRADIENT,
  /** C − lr · sum */
  UPDATE,
  /** C − lr · (sum + weightDecay · C) */
  UPDATE_WITH_DECAY,
}

/** Bytes of a row of a tile in scratch memory. */
export const EDGE_STEP: usize = TILE_COLUMNS << 2;

/** What is known not to be a constant: how many floats of four there are. */
const SOME = 0;

/** Four floats, or the first `left`: COUNT, where that is known. */
// @ts-ignore: decorator
@inline
function read(COUNT: i32, from: usize, left: i32): v128 {
  if (COUNT == 4) return v128.load(from);
  return COUNT == 1 ? v128.load32_zero(from) : loadUpTo(from, left);
}

// @ts-ignore: decorator
@inline
function put4(ENDING: i32, COUNT: i32, c: usize, sum: v128, beside: usize, options: usize, left: i32): void {
  let v = sum;
  if (ENDING == Ending.RELU) v = relu4(sum);
  if (ENDING == Ending.RELU_GRADIENT) v = v128.and(sum, f32x4.gt(read(COUNT, beside, left), f32x4.splat(0)));
  if (ENDING == Ending.UPDATE) v = descend(read(COUNT, c, left), sum, rateOf(options));
  if (ENDING == Ending.UPDATE_WITH_DECAY) {
    const p = read(COUNT, c, left);
    v = descend(p, withDecay(sum, p, options), rateOf(options));
  }
  if (COUNT == 4) v128.store(c, v);
  else if (COUNT == 1) v128.store_lane<f32>(c, v, 0);
  else storeUpTo(c, v, left);
}

// @ts-ignore: decorator
@inline
function putRows(
  ENDING: i32, c: usize, cStep: usize, edge: usize, rows: i32, columns: i32, beside: usize, options: usize,
): void {
  const end = edge + <usize>rows * EDGE_STEP;
  if (columns == TILE_COLUMNS) {
    for (; edge < end; edge += EDGE_STEP) {
      put4(ENDING, 4, c, v128.load(edge), beside, options, 4);
      put4(ENDING, 4, c + 16, v128.load(edge, 16), beside + 16, options, 4);
      c += cStep;
      beside += cStep;
    }
    return;
  }
  for (; edge < end; edge += EDGE_STEP) {
    put4(ENDING, SOME, c, v128.load(edge), beside, options, columns);
    if (columns > 4) put4(ENDING, SOME, c + 16, v128.load(edge, 16), beside + 16, options, columns - 4);
    c += cStep;
    beside += cStep;
  }
}

/**
 * The part of a tile that lies in C, to C.
 *
 * @param beside the matrix beside C, at the place of the tile
 * @param options those of SGD
 */
export function putTile(
  ending: i32, c: usize, cStep: usize, edge: usize, rows: i32, columns: i32, beside: usize, options: usize,
): void {
  switch (ending) {
    case Ending.STORE: putRows(Ending.STORE, c, cStep, edge, rows, columns, beside, options); break;
    case Ending.RELU: putRows(Ending.RELU, c, cStep, edge, rows, columns, beside, options); break;
    case Ending.RELU_GRADIENT: putRows(Ending.RELU_GRADIENT, c, cStep, edge, rows, columns, beside, options); break;
    case Ending.UPDATE: putRows(Ending.UPDATE, c, cStep, edge, rows, columns, beside, options); break;
    default: putRows(Ending.UPDATE_WITH_DECAY, c, cStep, edge, rows, columns, beside, options);
  }
}

/**
 * The same for a tile whose rows are columns of C, and all of them: what it covers of C is `columns` rows, one after the
 * other, so they are put as one. `flat` is room for a tile.
 */
export function putNarrow(
  ending: i32, c: usize, edge: usize, flat: usize, rows: i32, columns: i32, beside: usize, options: usize,
): void {
  const step = <usize>rows << 2;
  for (let i = 0; i < rows; i++) {
    const low = v128.load(edge);
    const high = v128.load(edge, 16);
    let to = flat + (<usize>i << 2);
    v128.store_lane<f32>(to, low, 0);
    v128.store_lane<f32>((to += step), low, 1);
    v128.store_lane<f32>((to += step), low, 2);
    v128.store_lane<f32>((to += step), low, 3);
    if (columns > 4) {
      v128.store_lane<f32>((to += step), high, 0);
      v128.store_lane<f32>((to += step), high, 1);
      v128.store_lane<f32>((to += step), high, 2);
      v128.store_lane<f32>(to + step, high, 3);
    }
    edge += EDGE_STEP;
  }
  const count = rows * columns;
  const wholes = count >> 3;
  putTile(ending, c, EDGE_STEP, flat, wholes, TILE_COLUMNS, beside, options);
  const at = <usize>wholes * EDGE_STEP;
  if (count & 7) putTile(ending, c + at, EDGE_STEP, flat + at, 1, count & 7, beside + at, options);
}

// @ts-ignore: decorator
@inline
function putEach(ENDING: i32, c: usize, cStep: usize, sums: usize, rows: i32, beside: usize, options: usize): void {
  const end = sums + (<usize>rows << 2);
  for (; sums < end; sums += 4) {
    put4(ENDING, 1, c, v128.load32_zero(sums), beside, options, 1);
    c += cStep;
    beside += cStep;
  }
}

/** Sums that lie side by side to a column of C. */
export function putColumn(
  ending: i32, c: usize, cStep: usize, sums: usize, rows: i32, beside: usize, options: usize,
): void {
  switch (ending) {
    case Ending.STORE: putEach(Ending.STORE, c, cStep, sums, rows, beside, options); break;
    case Ending.RELU: putEach(Ending.RELU, c, cStep, sums, rows, beside, options); break;
    case Ending.RELU_GRADIENT: putEach(Ending.RELU_GRADIENT, c, cStep, sums, rows, beside, options); break;
    case Ending.UPDATE: putEach(Ending.UPDATE, c, cStep, sums, rows, beside, options); break;
    default: putEach(Ending.UPDATE_WITH_DECAY, c, cStep, sums, rows, beside, options);
  }
}

/** Four sums to C. */
// @ts-ignore: decorator
@inline
export function putVector(ending: i32, c: usize, sum: v128, beside: usize, options: usize): void {
  switch (ending) {
    case Ending.STORE: v128.store(c, sum); break;
    case Ending.RELU: v128.store(c, relu4(sum)); break;
    case Ending.RELU_GRADIENT: put4(Ending.RELU_GRADIENT, 4, c, sum, beside, options, 4); break;
    default: put4(Ending.UPDATE, 4, c, sum, beside, options, 4);
  }
}

/** The same for a tile whose rows are columns of C; of the endings it knows STORE and RELU. */
export function putTransposed(ending: i32, c: usize, cStep: usize, edge: usize, rows: i32, columns: i32): void {
  if (ending == Ending.RELU) {
    const end = edge + <usize>rows * EDGE_STEP;
    for (let at = edge; at < end; at += 16) v128.store(at, relu4(v128.load(at)));
  }
  for (let j = 0; j < columns; j += 4) {
    let from = edge + (<usize>j << 2);
    let to = c + <usize>j * cStep;
    const left = columns - j;
    let i = 0;
    if (left >= 4) {
      for (; i + 4 <= rows; i += 4) {
        transpose4(
          v128.load(from), v128.load(from + EDGE_STEP), v128.load(from + 2 * EDGE_STEP), v128.load(from + 3 * EDGE_STEP),
          to, cStep,
        );
        from += 4 * EDGE_STEP;
        to += 16;
      }
    }
    for (; i < rows; i++) {
      const v = v128.load(from);
      v128.store_lane<f32>(to, v, 0);
      if (left > 1) v128.store_lane<f32>(to + cStep, v, 1);
      if (left > 2) v128.store_lane<f32>(to + 2 * cStep, v, 2);
      if (left > 3) v128.store_lane<f32>(to + 3 * cStep, v, 3);
      from += EDGE_STEP;
      to += 4;
    }
  }
}
