import { firstLanes, loadUpTo } from '../simd';

/** Writes lanes 0–3 of four vectors as four columns: a 4×4 transposition. */
// @ts-ignore: decorator
@inline
function storeTransposed(to: usize, step: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5);
  const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
  const low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
  const high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
  v128.store(to, i64x2.shuffle(low01, low23, 0, 2));
  v128.store(to + step, i64x2.shuffle(low01, low23, 1, 3));
  v128.store(to + 2 * step, i64x2.shuffle(high01, high23, 0, 2));
  v128.store(to + 3 * step, i64x2.shuffle(high01, high23, 1, 3));
}

/** The first `columns` ≤ 8 of each of k rows of B, side by side as [k, 8]; zeros in the columns that are missing. */
export function packRows(to: usize, b: usize, step: usize, k: i32, columns: i32): void {
  for (let i = 0; i < k; i++) {
    if (columns == 8) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
    } else {
      const zero = f32x4.splat(0);
      v128.store(to, firstLanes(loadUpTo(b, columns), zero, columns));
      v128.store(to, columns > 4 ? firstLanes(loadUpTo(b + 16, columns - 4), zero, columns - 4) : zero, 16);
    }
    b += step;
    to += 32;
  }
}

/**
 * `rows` ≤ 4 rows of length k as four columns of width `toStep` bytes: to[i][j] = from[j][i]. Missing rows are read
 * as the last one, so the caller keeps at least one.
 */
export function packColumns(to: usize, toStep: usize, from: usize, fromStep: usize, rows: i32, k: i32): void {
  const f1 = rows > 1 ? from + fromStep : from;
  const f2 = rows > 2 ? f1 + fromStep : f1;
  const f3 = rows > 3 ? f2 + fromStep : f2;
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    const at = <usize>i << 2;
    storeTransposed(
      to, toStep, v128.load(from + at), v128.load(f1 + at), v128.load(f2 + at), v128.load(f3 + at),
    );
    to += 4 * toStep;
  }
  for (; i < k; i++) {
    const at = <usize>i << 2;
    store<f32>(to, load<f32>(from + at));
    store<f32>(to, load<f32>(f1 + at), 4);
    store<f32>(to, load<f32>(f2 + at), 8);
    store<f32>(to, load<f32>(f3 + at), 12);
    to += toStep;
  }
}

/** A block [rows, columns] of a matrix, transposed: to[j][i] = from[i][j], rows of `toStep` bytes. */
export function packTransposed(to: usize, toStep: usize, from: usize, fromStep: usize, rows: i32, columns: i32): void {
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    packColumns(to + (<usize>i << 2), toStep, from + <usize>i * fromStep, fromStep, 4, columns);
  }
  for (; i < rows; i++) {
    const row = from + <usize>i * fromStep;
    let at = to + (<usize>i << 2);
    for (let j = 0; j < columns; j++) {
      store<f32>(at, load<f32>(row + (<usize>j << 2)));
      at += toStep;
    }
  }
}
