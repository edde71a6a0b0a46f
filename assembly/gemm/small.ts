import { loadUpTo, madd } from '../simd';
import { putVector } from './ending';

/** Four floats that are `step` bytes apart. */
// @ts-ignore: decorator
@inline
function spaced(at: usize, step: usize): v128 {
  let v = v128.load32_zero(at);
  v = v128.load_lane<f32>(at + step, v, 1);
  v = v128.load_lane<f32>(at + 2 * step, v, 2);
  return v128.load_lane<f32>(at + 3 * step, v, 3);
}

/**
 * C[m, n] = ending of A · B + bias for so few products that nothing is worth preparing: four rows by four columns at a
 * time, n from 4 on. Element (i, p) of A is i · aRow + p · aStep bytes from a; row p of B begins p · bStep bytes from b, its
 * elements bColumn bytes apart.
 */
export function small(
  ending: i32, c: usize, a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, bColumn: usize, bias: usize,
  extra: usize, m: i32, n: i32, k: i32,
): void {
  const cStep = <usize>n << 2;
  for (let j0 = 0; j0 < n; j0 += 4) {
    // The last four, some of them for the second time where that changes nothing.
    const j = min(j0, n - 4);
    const at = <usize>j << 2;
    const start = bias != 0 ? v128.load(bias + at) : f32x4.splat(0);
    const column = b + <usize>j * bColumn;
    for (let i = 0; i < m; i += 4) {
      const rows = m - i;
      let a0 = a + <usize>i * aRow;
      let a1 = rows > 1 ? a0 + aRow : a0;
      let a2 = rows > 2 ? a1 + aRow : a0;
      let a3 = rows > 3 ? a2 + aRow : a0;
      let c0 = start, c1 = start, c2 = start, c3 = start;
      let row = column;
      for (let p = 0; p < k; p++) {
        const x = bColumn == 4 ? v128.load(row) : spaced(row, bColumn);
        c0 = madd(v128.load32_splat(a0), x, c0);
        c1 = madd(v128.load32_splat(a1), x, c1);
        c2 = madd(v128.load32_splat(a2), x, c2);
        c3 = madd(v128.load32_splat(a3), x, c3);
        row += bStep;
        a0 += aStep;
        a1 += aStep;
        a2 += aStep;
        a3 += aStep;
      }
      let to = <usize>i * cStep + at;
      putVector(ending, c + to, c0, extra + to, extra);
      if (rows > 1) putVector(ending, c + (to += cStep), c1, extra + to, extra);
      if (rows > 2) putVector(ending, c + (to += cStep), c2, extra + to, extra);
      if (rows > 3) putVector(ending, c + (to += cStep), c3, extra + to, extra);
    }
  }
}

/**
 * The same for a C of one or two columns: four of its rows at a time, which lie side by side. Here `a` is read four
 * elements at a time, aRow bytes apart, and m is 4 or more.
 */
export function smallNarrow(
  ending: i32, c: usize, a: usize, aRow: usize, aStep: usize, b: usize, bStep: usize, bColumn: usize, bias: usize,
  extra: usize, m: i32, n: i32, k: i32,
): void {
  const two = n == 2;
  const start0 = bias != 0 ? v128.load32_splat(bias) : f32x4.splat(0);
  const start1 = bias != 0 && two ? v128.load32_splat(bias, 4) : start0;
  const second = two ? bColumn : 0;
  for (let i0 = 0; i0 < m; i0 += 4) {
    const i = min(i0, m - 4);
    let rows = a + <usize>i * aRow;
    let at = b;
    let c0 = start0, c1 = start1;
    for (let p = 0; p < k; p++) {
      const x = aRow == 4 ? v128.load(rows) : spaced(rows, aRow);
      c0 = madd(x, v128.load32_splat(at), c0);
      c1 = madd(x, v128.load32_splat(at + second), c1);
      rows += aStep;
      at += bStep;
    }
    const to = <usize>(i * n) << 2;
    if (!two) {
      putVector(ending, c + to, c0, extra + to, extra);
      continue;
    }
    putVector(ending, c + to, i32x4.shuffle(c0, c1, 0, 4, 1, 5), extra + to, extra);
    putVector(ending, c + to + 16, i32x4.shuffle(c0, c1, 2, 6, 3, 7), extra + to + 16, extra);
  }
}
