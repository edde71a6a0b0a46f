import { Status } from '../opcodes';
import { loadUpTo, logOf, storeUpTo } from '../simd';
import { rowDivide, rowExp, rowMaximum } from './softmax';

/** dlogits = scale · dy · (probabilities · Σ target − target) for one row; scale · dy is `g`. */
function rowGradient(
  dx: usize, probabilities: usize, targets: usize, row: i32, classes: i32, g: f32, soft: bool, accumulate: bool,
): void {
  const target = soft ? targets + ((<usize>row * <usize>classes) << 2) : 0;
  const label = soft ? -1 : <i32>load<f32>(targets + (<usize>row << 2));
  let mass: f32 = 1;
  if (soft) {
    mass = 0;
    for (let i = 0; i < classes; i++) mass += load<f32>(target + (<usize>i << 2));
  }
  const factor = f32x4.splat(g);
  const masses = f32x4.splat(mass);
  for (let i = 0; i < classes; i += 4) {
    const at = <usize>i << 2;
    const left = classes - i;
    const t = soft ? loadUpTo(target + at, left) : oneAt(label - i);
    let d = f32x4.mul(factor, f32x4.sub(f32x4.mul(loadUpTo(probabilities + at, left), masses), t));
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
  for (let row = begin; row < end; row++) {
    const at = (<usize>row * <usize>classes) << 2;
    const x = logits + at;
    const p = probabilities + at;
    const maximum = rowMaximum(x, classes);
    const sum = rowExp(p, x, classes, maximum);
    rowDivide(p, classes, sum);
    const logSum = logOf(sum);
    let loss: f32 = 0;
    if (soft) {
      for (let i = 0; i < classes; i++) {
        const offset = <usize>i << 2;
        loss -= load<f32>(targets + at + offset) * (load<f32>(x + offset) - maximum - logSum);
      }
    } else {
      const label = load<f32>(targets + (<usize>row << 2));
      if (!(label >= 0 && label < <f32>classes && trunc(label) == label)) return Status.LABEL;
      loss = logSum - (load<f32>(x + (<usize>(<i32>label) << 2)) - maximum);
    }
    store<f32>(losses + (<usize>row << 2), loss);
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
