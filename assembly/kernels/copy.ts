import { loadPart, storePart } from '../simd';

/** out[begin, end) = value, or += value. */
export function fill(out: usize, accumulate: bool, value: f32, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const p = out + (<usize>i << 2);
    store<f32>(p, accumulate ? load<f32>(p) + value : value);
  }
}

/**
 * out (+)= scale · in for elements [begin, end) in row-major order of the walked shape.
 * layout: [rank, shape…, outStrides…, inStrides…]
 */
export function copy(out: usize, input: usize, layout: usize, scale: f32, accumulate: bool, begin: i32, end: i32): void {
  const rank = load<i32>(layout);
  const shape = layout + 4;
  const outStrides = shape + (<usize>rank << 2);
  const inStrides = outStrides + (<usize>rank << 2);
  const last = <usize>(rank - 1) << 2;
  const inner = rank > 0 ? load<i32>(shape + last) : 1;
  const outStep = rank > 0 ? load<i32>(outStrides + last) : 0;
  const inStep = rank > 0 ? load<i32>(inStrides + last) : 0;
  let i = begin;
  while (i < end) {
    // Where row i / inner begins.
    let rest = i / inner;
    const column = i - rest * inner;
    let o = column * outStep;
    let s = column * inStep;
    for (let d = rank - 2; d >= 0; d--) {
      const length = load<i32>(shape + (<usize>d << 2));
      const at = rest % length;
      rest /= length;
      o += at * load<i32>(outStrides + (<usize>d << 2));
      s += at * load<i32>(inStrides + (<usize>d << 2));
    }
    const count = min(inner - column, end - i);
    copyRow(out + (<usize>o << 2), input + (<usize>s << 2), outStep, inStep, scale, accumulate, count);
    i += count;
  }
}

function copyRow(out: usize, input: usize, outStep: i32, inStep: i32, scale: f32, accumulate: bool, count: i32): void {
  if (outStep == 1 && inStep <= 1) {
    const factor = f32x4.splat(scale);
    const constant = inStep == 0;
    const repeated = constant && count > 0 ? f32x4.mul(v128.load32_splat(input), factor) : factor;
    for (let i = 0; i < count; i += 4) {
      const p = out + (<usize>i << 2);
      const left = count - i;
      const x = constant
        ? repeated
        : f32x4.mul(left >= 4 ? v128.load(input + (<usize>i << 2)) : loadPart(input + (<usize>i << 2), left), factor);
      if (left >= 4) v128.store(p, accumulate ? f32x4.add(v128.load(p), x) : x);
      else storePart(p, accumulate ? f32x4.add(loadPart(p, left), x) : x, left);
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const p = out + (<usize>(i * outStep) << 2);
    const x = load<f32>(input + (<usize>(i * inStep) << 2)) * scale;
    store<f32>(p, accumulate ? load<f32>(p) + x : x);
  }
}

/** out[i] = table[indices[i]] for rows [begin, end) of `width` elements. */
export function gather(out: usize, table: usize, indices: usize, width: i32, begin: i32, end: i32): void {
  for (let i = begin; i < end; i++) {
    const row = load<i32>(indices + (<usize>i << 2));
    const from = table + (<usize>row * <usize>width << 2);
    copyRow(out + (<usize>i * <usize>width << 2), from, 1, 1, 1, false, width);
  }
}
