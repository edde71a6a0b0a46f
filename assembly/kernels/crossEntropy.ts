import { Softmax, Status } from '../opcodes';
import { exp4, loadUpTo, log4, logOf, storeUpTo, weigh4 } from '../simd';
import { isIndex } from './pick';
import { below, expSum, finish, largest } from './softmax';

/** Up to so many classes four rows go through the lanes together: rows shorter than that leave lanes empty. */
const NARROW = 16;

/** dlogits = scale · dy · (probabilities · Σ target − target) for one row; scale · dy is `g`. */
function rowGradient(
  dx: usize, probabilities: usize, targets: usize, row: i32, classes: i32, g: f32, soft: bool, accumulate: bool,
): void {
  const target = soft ? targets + ((<usize>row * <usize>classes) << 2) : 0;
  const label = soft ? -1 : <i32>load<f32>(targets + (<usize>row << 2));
  let mass: f64 = 1;
  if (soft) {
    mass = 0;
    for (let i = 0; i < classes; i++) {
      mass += load<f32>(target + (<usize>i << 2));
      // As narrowRows() has it.
      if (classes <= NARROW) mass = <f32>mass;
    }
  }
  const factor = f32x4.splat(g);
  const masses = f32x4.splat(<f32>mass);
  for (let i = 0; i < classes; i += 4) {
    const at = <usize>i << 2;
    const left = classes - i;
    const t = soft ? loadUpTo(target + at, left) : oneAt(label - i);
    let d = weigh4(f32x4.sub(f32x4.mul(loadUpTo(probabilities + at, left), masses), t), factor);
    if (accumulate) d = f32x4.add(loadUpTo(dx + at, left), d);
    storeUpTo(dx + at, d, left);
  }
}

/** 1 in that lane, if it is one, and 0 in the others. */
// @ts-ignore: decorator
@inline
function oneAt(lane: i32): v128 {
  return v128.and(i32x4.eq(i32x4(0, 1, 2, 3), i32x4.splat(lane)), f32x4.splat(1));
}

/** below() of one number. */
// @ts-ignore: decorator
@inline
function belowOne(x: f32, maximum: f32): f32 {
  return x == Infinity ? 0 : x - maximum;
}

/** Element `at` (bytes) of four rows. */
// @ts-ignore: decorator
@inline
function column(at: usize, r0: usize, r1: usize, r2: usize, r3: usize): v128 {
  let v = v128.load32_zero(r0 + at);
  v = v128.load_lane<f32>(r1 + at, v, 1);
  v = v128.load_lane<f32>(r2 + at, v, 2);
  return v128.load_lane<f32>(r3 + at, v, 3);
}

/** Element `at` (bytes) of the first `count` of four rows becomes its lane of v. */
// @ts-ignore: decorator
@inline
function putColumn(row: usize, step: usize, at: usize, v: v128, count: i32): void {
  let p = row + at;
  v128.store_lane<f32>(p, v, 0);
  if (count > 1) v128.store_lane<f32>((p += step), v, 1);
  if (count > 2) v128.store_lane<f32>((p += step), v, 2);
  if (count > 3) v128.store_lane<f32>(p + step, v, 3);
}

/** crossEntropy() for up to four rows from `row` on, each in a lane. */
function narrowRows(
  losses: usize, logits: usize, targets: usize, probabilities: usize, classes: i32, soft: bool, dy: usize, dyStep: i32,
  scale: f32, row: i32, count: i32,
): i32 {
  const step = <usize>classes << 2;
  const first = <usize>row * step;
  // Where there are fewer rows, the last is taken again.
  const o1 = count > 1 ? step : 0;
  const o2 = count > 2 ? o1 + step : o1;
  const o3 = count > 3 ? o2 + step : o2;
  const x = logits + first;
  const p = probabilities + first;
  const t = soft ? targets + first : targets + (<usize>row << 2);
  const zero = f32x4.splat(0);
  let labels = zero;
  if (!soft) {
    for (let i = 0; i < count; i++) if (!isIndex(load<f32>(t + (<usize>i << 2)), classes)) return Status.LABEL;
    labels = loadUpTo(t, count);
  }
  let maximum = f32x4.splat(-Infinity);
  for (let at: usize = 0; at < step; at += 4) maximum = f32x4.max(maximum, column(at, x, x + o1, x + o2, x + o3));
  let sum = zero;
  for (let at: usize = 0; at < step; at += 4) {
    const e = exp4(below(column(at, x, x + o1, x + o2, x + o3), maximum));
    putColumn(p, step, at, e, count);
    sum = f32x4.add(sum, e);
  }
  const logSum = log4(sum);
  let mass = f32x4.splat(soft ? 0 : 1);
  if (soft) for (let at: usize = 0; at < step; at += 4) mass = f32x4.add(mass, column(at, t, t + o1, t + o2, t + o3));
  let factor = zero;
  if (dy != 0) {
    factor = f32x4.splat(load<f32>(dy));
    if (dyStep != 0) factor = loadUpTo(dy + (<usize>row << 2), count);
    factor = f32x4.mul(f32x4.splat(scale), factor);
  }
  let loss = zero;
  let c: f32 = 0;
  for (let at: usize = 0; at < step; at += 4) {
    const share = soft ? column(at, t, t + o1, t + o2, t + o3) : v128.and(f32x4.eq(labels, f32x4.splat(c)), f32x4.splat(1));
    const log = f32x4.sub(logSum, below(column(at, x, x + o1, x + o2, x + o3), maximum));
    if (soft) loss = f32x4.add(loss, weigh4(log, share));
    else loss = v128.bitselect(log, loss, f32x4.eq(labels, f32x4.splat(c)));
    let v = f32x4.div(column(at, p, p + o1, p + o2, p + o3), sum);
    if (dy != 0) v = weigh4(f32x4.sub(f32x4.mul(v, mass), share), factor);
    putColumn(p, step, at, v, count);
    c += 1;
  }
  storeUpTo(losses + (<usize>row << 2), loss, count);
  return Status.OK;
}

/**
 * losses[row] = −Σ target · logSoftmax(logits[row]) and probabilities = softmax(logits) for rows [begin, end).
 * Targets are class indices [rows], or probabilities [rows, classes] where `soft`. Where there is a `dy` the gradient
 * takes the place of the probabilities, as crossEntropyGradient() gives it.
 *
 * @returns Status.LABEL where a class index is not an integer in [0, classes)
 */
export function crossEntropy(
  losses: usize, logits: usize, targets: usize, probabilities: usize, classes: i32, soft: bool, dy: usize, dyStep: i32,
  scale: f32, begin: i32, end: i32,
): i32 {
  if (classes <= NARROW) {
    for (let row = begin; row < end; row += 4) {
      const count = min(4, end - row);
      const status = narrowRows(losses, logits, targets, probabilities, classes, soft, dy, dyStep, scale, row, count);
      if (status != Status.OK) return status;
    }
    return Status.OK;
  }
  for (let row = begin; row < end; row++) {
    const at = (<usize>row * <usize>classes) << 2;
    const x = logits + at;
    const p = probabilities + at;
    const vectors = (classes + 3) >> 2;
    const maxima = largest(x, vectors, 16, classes, 4);
    const sum = expSum(p, x, vectors, 16, classes, 4, maxima);
    finish(Softmax.PLAIN, p, p, vectors, 16, classes, 4, maxima, sum);
    const maximum = f32x4.extract_lane(maxima, 0);
    const logSum = logOf(f32x4.extract_lane(sum, 0));
    let loss: f64 = 0;
    if (soft) {
      for (let i = 0; i < classes; i++) {
        const offset = <usize>i << 2;
        const share = load<f32>(targets + at + offset);
        if (share != 0) loss += <f64>share * <f64>(logSum - belowOne(load<f32>(x + offset), maximum));
      }
    } else {
      const label = load<f32>(targets + (<usize>row << 2));
      if (!isIndex(label, classes)) return Status.LABEL;
      loss = logSum - belowOne(load<f32>(x + (<usize>(<i32>label) << 2)), maximum);
    }
    store<f32>(losses + (<usize>row << 2), <f32>loss);
    if (dy != 0) {
      const g = scale * load<f32>(dy + (<usize>(row * dyStep) << 2));
      rowGradient(p, p, targets, row, classes, g, soft, false);
    }
  }
  return Status.OK;
}

/** dlogits (+)= scale · dy · (probabilities · Σ target − target) for rows [begin, end). */
export function crossEntropyGradient(
  dx: usize, dy: usize, probabilities: usize, targets: usize, classes: i32, dyStep: i32, scale: f32, soft: bool,
  accumulate: bool, begin: i32, end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const at = (<usize>row * <usize>classes) << 2;
    const g = scale * load<f32>(dy + (<usize>(row * dyStep) << 2));
    rowGradient(dx + at, probabilities + at, targets, row, classes, g, soft, accumulate);
  }
}
