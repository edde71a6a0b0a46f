import { demote4, high64, low64 } from '../simd';
import { LONG_K, SINGLE_COLUMNS, SMALL, SWAP_K, TILE_COLUMNS } from './limits';

// In which order the products of an element are added. It follows from the sizes alone, and is the same in gemm.ts and in
// forward/dense.ts.

/** Whether there are so few products that nothing is prepared; of sizes that fit into memory there may be more than 2³¹. */
// @ts-ignore: decorator
@inline
export function isSmall(m: i32, n: i32, k: i32): bool {
  return <i64>m * <i64>n * <i64>k <= SMALL;
}

/** Whether a product of two operands that are contiguous along k is computed as Cᵀ, since the rows are fewer. */
// @ts-ignore: decorator
@inline
export function isSwapped(m: i32, n: i32, k: i32): bool {
  return m < n && k >= SWAP_K;
}

/** How many of the last columns of a product that is not swapped are computed one by one. */
// @ts-ignore: decorator
@inline
export function singleColumns(m: i32, n: i32, k: i32): i32 {
  const left = n & (TILE_COLUMNS - 1);
  return left <= SINGLE_COLUMNS && n > TILE_COLUMNS && k <= LONG_K && !isSmall(m, n, k) ? left : 0;
}

/**
 * Adds the sums of a piece to those of the pieces before it.
 *
 * @param totals float64 [count]
 * @param sums float32 [count], whole vectors; with the last piece they become the totals
 */
export function addPiece(totals: usize, sums: usize, count: i32, first: bool, last: bool): void {
  for (const end = sums + (<usize>count << 2); sums < end; sums += 16) {
    const v = v128.load(sums);
    let low = low64(v);
    let high = high64(v);
    if (!first) {
      low = f64x2.add(v128.load(totals), low);
      high = f64x2.add(v128.load(totals, 16), high);
    }
    v128.store(totals, low);
    v128.store(totals, high, 16);
    if (last) v128.store(sums, demote4(low, high));
    totals += 32;
  }
}
