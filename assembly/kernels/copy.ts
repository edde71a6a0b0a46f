import { loadUpTo, storeUpTo } from '../simd';
import { lastOf, loadStrided, rowOffset } from './walk';

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
  const inner = lastOf(shape, rank, 1);
  const outStep = lastOf(outStrides, rank, 0);
  const inStep = lastOf(inStrides, rank, 0);
  let i = begin;
  while (i < end) {
    const row = i / inner;
    const column = i - row * inner;
    const count = min(inner - column, end - i);
    const o = out + (<usize>(rowOffset(shape, outStrides, rank, row) + column * outStep) << 2);
    const s = input + (<usize>(rowOffset(shape, inStrides, rank, row) + column * inStep) << 2);
    copyRow(o, s, outStep, inStep, scale, accumulate, count);
    i += count;
  }
}

function copyRow(out: usize, input: usize, outStep: i32, inStep: i32, scale: f32, accumulate: bool, count: i32): void {
  if (outStep == 1) {
    const factor = f32x4.splat(scale);
    for (let i = 0; i < count; i += 4) {
      const p = out + (<usize>i << 2);
      const left = count - i;
      const x = f32x4.mul(loadStrided(input + (<usize>(i * inStep) << 2), inStep, left), factor);
      storeUpTo(p, accumulate ? f32x4.add(loadUpTo(p, left), x) : x, left);
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
  const bytes = <usize>width << 2;
  let to = out + <usize>begin * bytes;
  // Rows of a power of two up to a vector are sooner loaded and stored than a length is looked at, and short ones sooner
  // copied than memory.copy is called.
  if (width == 1) {
    for (let i = begin; i < end; i++, to += 4) store<f32>(to, load<f32>(rowOf(table, indices, i, 4)));
  } else if (width == 2) {
    for (let i = begin; i < end; i++, to += 8) store<u64>(to, load<u64>(rowOf(table, indices, i, 8)));
  } else if (width == 4) {
    for (let i = begin; i < end; i++, to += 16) v128.store(to, v128.load(rowOf(table, indices, i, 16)));
  } else if (width < 32) {
    for (let i = begin; i < end; i++, to += bytes) {
      const from = rowOf(table, indices, i, bytes);
      for (let at: usize = 0; at < bytes; at += 16) {
        const left = <i32>(bytes - at) >> 2;
        storeUpTo(to + at, loadUpTo(from + at, left), left);
      }
    }
  } else {
    for (let i = begin; i < end; i++, to += bytes) memory.copy(to, rowOf(table, indices, i, bytes), bytes);
  }
}

// @ts-ignore: decorator
@inline
function rowOf(table: usize, indices: usize, i: i32, bytes: usize): usize {
  return table + <usize>load<u32>(indices + (<usize>i << 2)) * bytes;
}
