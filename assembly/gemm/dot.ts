import { firstLanes, loadUpTo, madd, sum4 } from '../simd';

/**
 * c[j] = start[j] + a · b_j for eight rows b_0 … b_7 of length k, of which only the first `rows` exist. Reads both
 * operands along the reduction, so nothing is packed: the way for few rows of A, where packing B would not pay.
 * `start` is 0 for zeros.
 */
export function dotRow(k: i32, a: usize, b: usize, bStep: usize, rows: i32, start: usize, c: usize, relu: bool): void {
  const b1 = rows > 1 ? b + bStep : b;
  const b2 = rows > 2 ? b1 + bStep : b1;
  const b3 = rows > 3 ? b2 + bStep : b2;
  const b4 = rows > 4 ? b3 + bStep : b3;
  const b5 = rows > 5 ? b4 + bStep : b4;
  const b6 = rows > 6 ? b5 + bStep : b5;
  const b7 = rows > 7 ? b6 + bStep : b6;
  const zero = f32x4.splat(0);
  let s0 = zero;
  let s1 = zero;
  let s2 = zero;
  let s3 = zero;
  let s4 = zero;
  let s5 = zero;
  let s6 = zero;
  let s7 = zero;
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    const left = k - i;
    if (left >= 4) {
      const x = v128.load(a + at);
      s0 = madd(x, v128.load(b + at), s0);
      s1 = madd(x, v128.load(b1 + at), s1);
      s2 = madd(x, v128.load(b2 + at), s2);
      s3 = madd(x, v128.load(b3 + at), s3);
      s4 = madd(x, v128.load(b4 + at), s4);
      s5 = madd(x, v128.load(b5 + at), s5);
      s6 = madd(x, v128.load(b6 + at), s6);
      s7 = madd(x, v128.load(b7 + at), s7);
    } else {
      const x = firstLanes(loadUpTo(a + at, left), zero, left);
      s0 = madd(x, firstLanes(loadUpTo(b + at, left), zero, left), s0);
      s1 = madd(x, firstLanes(loadUpTo(b1 + at, left), zero, left), s1);
      s2 = madd(x, firstLanes(loadUpTo(b2 + at, left), zero, left), s2);
      s3 = madd(x, firstLanes(loadUpTo(b3 + at, left), zero, left), s3);
      s4 = madd(x, firstLanes(loadUpTo(b4 + at, left), zero, left), s4);
      s5 = madd(x, firstLanes(loadUpTo(b5 + at, left), zero, left), s5);
      s6 = madd(x, firstLanes(loadUpTo(b6 + at, left), zero, left), s6);
      s7 = madd(x, firstLanes(loadUpTo(b7 + at, left), zero, left), s7);
    }
  }
  put(c, start, 0, s0, rows, relu);
  put(c, start, 1, s1, rows, relu);
  put(c, start, 2, s2, rows, relu);
  put(c, start, 3, s3, rows, relu);
  put(c, start, 4, s4, rows, relu);
  put(c, start, 5, s5, rows, relu);
  put(c, start, 6, s6, rows, relu);
  put(c, start, 7, s7, rows, relu);
}

function put(c: usize, start: usize, j: i32, sum: v128, rows: i32, relu: bool): void {
  if (j >= rows) return;
  const at = <usize>j << 2;
  const first: f32 = start != 0 ? load<f32>(start + at) : 0;
  const value = first + sum4(sum);
  store<f32>(c + at, relu && value < 0 ? 0 : value);
}
