import { firstLanes, loadUpTo, transpose4 } from '../simd';
import { TILE_COLUMNS } from './limits';

/** Bytes of a row of a panel. */
const STEP: usize = TILE_COLUMNS << 2;

/**
 * A panel [k, 8] from the first `columns` ≤ 8 of each of k rows. The columns that are missing get whatever follows in
 * memory, short of what lies behind the last row.
 */
export function packRows(panel: usize, from: usize, step: usize, k: i32, columns: i32): void {
  const end = panel + <usize>k * STEP;
  // Where eight floats may be read: up to the end of the last row.
  const last = from + <usize>(k - 1) * step + (<usize>columns << 2) - STEP;
  for (; panel < end && from <= last; panel += STEP) {
    v128.store(panel, v128.load(from));
    v128.store(panel, v128.load(from, 16), 16);
    from += step;
  }
  for (; panel < end; panel += STEP) {
    v128.store(panel, loadUpTo(from, columns));
    v128.store(panel, columns > 4 ? loadUpTo(from + 16, columns - 4) : f32x4.splat(0), 16);
    from += step;
  }
}

/** Two panels from the first sixteen columns of each of k rows. */
export function packTwo(panel: usize, next: usize, from: usize, step: usize, k: i32): void {
  const end = panel + <usize>k * STEP;
  for (; panel < end; panel += STEP) {
    v128.store(panel, v128.load(from));
    v128.store(panel, v128.load(from, 16), 16);
    v128.store(next, v128.load(from, 32));
    v128.store(next, v128.load(from, 48), 16);
    from += step;
    next += STEP;
  }
}

/** Zeros in the first `count` columns of a panel. */
export function clearColumns(panel: usize, k: i32, count: i32): void {
  const zero = f32x4.splat(0);
  const end = panel + <usize>k * STEP;
  for (; panel < end; panel += STEP) {
    v128.store(panel, firstLanes(zero, v128.load(panel), count));
    v128.store(panel, firstLanes(zero, v128.load(panel, 16), count - 4), 16);
  }
}

/** Tiles of A, whose rows are neighbours in memory: for each tile of `count` rows a block [k, count], one after the other. */
export function packTile(to: usize, from: usize, step: usize, k: i32, count: i32): void {
  const width = <usize>count << 2;
  const end = to + <usize>k * width;
  for (; to < end; to += width) {
    for (let at: usize = 0; at < width; at += 4) store<f32>(to + at, load<f32>(from + at));
    from += step;
  }
}

/** A panel [k, 8] whose columns are `rows` ≤ 8 rows of length k; the columns that are missing repeat others. */
export function packTransposed(panel: usize, from: usize, step: usize, k: i32, rows: i32): void {
  packFour(panel, from, step, k, min(4, rows));
  if (rows > 4) packFour(panel + 16, from + 4 * step, step, k, rows - 4);
}

/** Half of a panel: four columns from 1 to 4 rows. */
function packFour(to: usize, from: usize, step: usize, k: i32, rows: i32): void {
  const f1 = rows > 1 ? from + step : from;
  const f2 = rows > 2 ? f1 + step : from;
  const f3 = rows > 3 ? f2 + step : from;
  let at: usize = 0;
  const end = <usize>k << 2;
  if (k >= 4) {
    const whole = end & ~15;
    for (; at < whole; at += 16) {
      transpose4(v128.load(from + at), v128.load(f1 + at), v128.load(f2 + at), v128.load(f3 + at), to, STEP);
      to += 4 * STEP;
    }
    if (at == end) return;
    // The last four, some of them once more.
    to -= 4 * STEP - ((end - at) >> 2) * STEP;
    at = end - 16;
    transpose4(v128.load(from + at), v128.load(f1 + at), v128.load(f2 + at), v128.load(f3 + at), to, STEP);
    return;
  }
  for (; at < end; at += 4) {
    store<f32>(to, load<f32>(from + at));
    store<f32>(to, load<f32>(f1 + at), 4);
    store<f32>(to, load<f32>(f2 + at), 8);
    store<f32>(to, load<f32>(f3 + at), 12);
    to += STEP;
  }
}
