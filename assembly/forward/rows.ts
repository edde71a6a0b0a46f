import { isIndex } from '../kernels/pick';
import { Status } from '../opcodes';
import { loadUpTo, storeUpTo, weigh4 } from '../simd';

/** Four parameters of features, or one of them four times. */
// @ts-ignore: decorator
@inline
function parameter(at: usize, one: bool): v128 {
  return one ? v128.load32_splat(at) : v128.load(at);
}

/**
 * y = (x − p0) / p1 · p2 + p3 for x [outer, features, inner] and parameters [features]; what is absent changes no bit.
 *
 * @param weighs whether what p2 is 0 for is 0, also at infinity
 */
export function affine(
  weighs: i32, y: usize, x: usize, outer: i32, features: i32, inner: i32, p0: usize, p1: usize, p2: usize, p3: usize,
): void {
  // Where inner is 1 four neighbouring features go through the lanes, else four neighbouring numbers of one.
  const one = inner != 1;
  const length = one ? inner : features;
  const groups = one ? features : 1;
  for (let i = 0; i < outer; i++) {
    for (let group = 0; group < groups; group++) {
      for (let j = 0; j < length; j += 4) {
        const at = <usize>(one ? group : j) << 2;
        const here = <usize>j << 2;
        const left = length - j;
        let v = loadUpTo(x + here, left);
        if (p0 != 0) v = f32x4.sub(v, parameter(p0 + at, one));
        if (p1 != 0) v = f32x4.div(v, parameter(p1 + at, one));
        if (p2 != 0) {
          const factor = parameter(p2 + at, one);
          v = weighs ? weigh4(v, factor) : f32x4.mul(v, factor);
        }
        if (p3 != 0) v = f32x4.add(v, parameter(p3 + at, one));
        storeUpTo(y + here, v, left);
      }
      x += <usize>length << 2;
      y += <usize>length << 2;
    }
  }
}

/** y = a + b */
export function add(y: usize, a: usize, b: usize, total: i32): void {
  for (let i = 0; i < total; i += 4) {
    const at = <usize>i << 2;
    storeUpTo(y + at, f32x4.add(loadUpTo(a + at, total - i), loadUpTo(b + at, total - i)), total - i);
  }
}

/** Pieces of `width` floats, each to the begin of `step` floats. */
export function spread(y: usize, x: usize, pieces: i32, width: i32, step: i32): void {
  for (let i = 0; i < pieces; i++) {
    memory.copy(y, x, <usize>width << 2);
    x += <usize>width << 2;
    y += <usize>step << 2;
  }
}

/** Rows of a table in 8 bits at some indices: out[i] = table[indices[i]] · scale of the row. */
export function embedding8(
  out: usize, table: usize, scales: usize, indices: usize, width: i32, rows: i32, count: i32,
): i32 {
  for (let i = 0; i < count; i++) {
    const index = load<f32>(indices + (<usize>i << 2));
    if (!isIndex(index, rows)) return Status.INDEX;
    const row = <usize>(<i32>index);
    const scale = load<f32>(scales + (row << 2));
    for (let from = table + row * <usize>width, end = from + <usize>width; from < end; from++) {
      store<f32>(out, <f32>load<i8>(from) * scale);
      out += 4;
    }
  }
  return Status.OK;
}
