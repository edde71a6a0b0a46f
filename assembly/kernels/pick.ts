import { Status } from '../opcodes';
import { demote4, high64, loadUpTo, low64, storeUpTo } from '../simd';

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
 * Rows [begin, end) of a table's gradient: dtable[indices[i]] (+)= dy[i], `except` for one row. Whoever has a row links
 * what belongs to it, in order, and adds that up in float64: a row may occur a million times.
 *
 * @param links room for an int32 for each of `rows` rows, the first of its links, and for each of `count`, the next one
 */
export function embeddingGradient(
  dtable: usize, dy: usize, indices: usize, links: usize, rows: i32, width: i32, count: i32, except: f32,
  accumulate: bool, begin: i32, end: i32,
): void {
  const bytes = <usize>width << 2;
  const next = links + (<usize>rows << 2);
  memory.fill(links + (<usize>begin << 2), 0xff, <usize>(end - begin) << 2);
  for (let i = count - 1; i >= 0; i--) {
    const index = load<f32>(indices + (<usize>i << 2));
    if (index < <f32>begin || index >= <f32>end || index == except) continue;
    const first = links + (<usize>(<i32>index) << 2);
    store<i32>(next + (<usize>i << 2), load<i32>(first));
    store<i32>(first, i);
  }
  for (let row = begin; row < end; row++) {
    const to = dtable + <usize>row * bytes;
    const first = load<i32>(links + (<usize>row << 2));
    if (first < 0) {
      if (!accumulate) memory.fill(to, 0, bytes);
      continue;
    }
    for (let j = 0; j < width; j += 4) {
      const at = <usize>j << 2;
      const left = width - j;
      let low = f64x2.splat(0);
      let high = low;
      for (let i = first; i >= 0; i = load<i32>(next + (<usize>i << 2))) {
        const v = loadUpTo(dy + <usize>i * bytes + at, left);
        low = f64x2.add(low, low64(v));
        high = f64x2.add(high, high64(v));
      }
      let sum = demote4(low, high);
      if (accumulate) sum = f32x4.add(loadUpTo(to + at, left), sum);
      storeUpTo(to + at, sum, left);
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
