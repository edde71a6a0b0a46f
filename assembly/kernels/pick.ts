import { Status } from '../opcodes';
import { loadUpTo, storeUpTo } from '../simd';

/** Whether this is an integer in [0, count). */
// @ts-ignore: decorator
@inline
export function isIndex(value: f32, count: i32): bool {
  return value >= 0 && value < <f32>count && trunc(value) == value;
}

/** Rows [begin, end) of an embedding: out[i] = table[indices[i]]. */
export function embedding(
  out: usize, table: usize, indices: usize, width: i32, rows: i32, begin: i32, end: i32,
): i32 {
  const bytes = <usize>width << 2;
  for (let i = begin; i < end; i++) {
    const index = load<f32>(indices + (<usize>i << 2));
    if (!isIndex(index, rows)) return Status.INDEX;
    memory.copy(out + <usize>i * bytes, table + <usize>(<i32>index) * bytes, bytes);
  }
  return Status.OK;
}

/**
 * Rows [begin, end) of a table's gradient: dtable[indices[i]] (+)= dy[i], `except` for one row. Whoever has a row walks
 * through all indices, so it is added up in their order.
 */
export function embeddingGradient(
  dtable: usize, dy: usize, indices: usize, width: i32, count: i32, except: f32, accumulate: bool, begin: i32, end: i32,
): void {
  const bytes = <usize>width << 2;
  if (!accumulate) memory.fill(dtable + <usize>begin * bytes, 0, <usize>(end - begin) * bytes);
  for (let i = 0; i < count; i++) {
    const index = load<f32>(indices + (<usize>i << 2));
    if (index < <f32>begin || index >= <f32>end || index == except) continue;
    const to = dtable + <usize>(<i32>index) * bytes;
    const from = dy + <usize>i * bytes;
    for (let j = 0; j < width; j += 4) {
      const at = <usize>j << 2;
      storeUpTo(to + at, f32x4.add(loadUpTo(to + at, width - j), loadUpTo(from + at, width - j)), width - j);
    }
  }
}

/** out[row] = x[row · step + label] for rows [begin, end), 0 where the label is `ignored`. */
export function pick(
  out: usize, x: usize, labels: usize, classes: i32, step: i32, ignored: f32, begin: i32, end: i32,
): i32 {
  for (let row = begin; row < end; row++) {
    const at = <usize>row << 2;
    const label = load<f32>(labels + at);
    let value: f32 = 0;
    if (label != ignored) {
      if (!isIndex(label, classes)) return Status.LABEL;
      value = load<f32>(x + (<usize>(row * step + <i32>label) << 2));
    }
    store<f32>(out + at, value);
  }
  return Status.OK;
}

/** dx (+)= dy[row] at the label, 0 elsewhere, for rows [begin, end). */
export function pickGradient(
  dx: usize, dy: usize, labels: usize, classes: i32, ignored: f32, accumulate: bool, begin: i32, end: i32,
): void {
  const bytes = <usize>classes << 2;
  if (!accumulate) memory.fill(dx + <usize>begin * bytes, 0, <usize>(end - begin) * bytes);
  for (let row = begin; row < end; row++) {
    const label = load<f32>(labels + (<usize>row << 2));
    if (label == ignored) continue;
    const p = dx + <usize>row * bytes + (<usize>(<i32>label) << 2);
    store<f32>(p, load<f32>(p) + load<f32>(dy + (<usize>row << 2)));
  }
}
