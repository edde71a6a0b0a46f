import { loadUpTo } from '../simd';

/** Where row `row` of a walked shape begins in an operand, in elements; a row is what the last dimension spans. */
export function rowOffset(shape: usize, strides: usize, rank: i32, row: i32): i32 {
  let at = 0;
  let rest = row;
  for (let d = rank - 2; d >= 0; d--) {
    const length = load<i32>(shape + (<usize>d << 2));
    at += (rest % length) * load<i32>(strides + (<usize>d << 2));
    rest /= length;
  }
  return at;
}

/** The last of `rank` words, or `none` where there are none. */
// @ts-ignore: decorator
@inline
export function lastOf(words: usize, rank: i32, none: i32): i32 {
  return rank > 0 ? load<i32>(words + (<usize>(rank - 1) << 2)) : none;
}

/** Four elements (or `left` < 4) at a stride. */
// @ts-ignore: decorator
@inline
export function loadStrided(pointer: usize, step: i32, left: i32): v128 {
  if (step == 1) return loadUpTo(pointer, left);
  if (step == 0) return v128.load32_splat(pointer);
  const stride = <usize>step << 2;
  let v = f32x4.splat(load<f32>(pointer));
  if (left > 1) v = f32x4.replace_lane(v, 1, load<f32>(pointer + stride));
  if (left > 2) v = f32x4.replace_lane(v, 2, load<f32>(pointer + 2 * stride));
  if (left > 3) v = f32x4.replace_lane(v, 3, load<f32>(pointer + 3 * stride));
  return v;
}
