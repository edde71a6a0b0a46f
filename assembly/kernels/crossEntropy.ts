import { Status } from '../opcodes';
import { logOf } from '../simd';
import { rowDivide, rowExp, rowMaximum } from './softmax';

/**
 * losses[row] = −Σ target · logSoftmax(logits[row]) and probabilities = softmax(logits) for rows [begin, end).
 * Targets are class indices [rows], or probabilities [rows, classes] where `soft`.
 *
 * @returns Status.LABEL where a class index is not an integer in [0, classes)
 */
export function crossEntropy(
  losses: usize, logits: usize, targets: usize, probabilities: usize, classes: i32, soft: bool, begin: i32, end: i32,
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
    const label = soft ? -1 : <i32>load<f32>(targets + (<usize>row << 2));
    let mass: f32 = 1;
    if (soft) {
      mass = 0;
      for (let i = 0; i < classes; i++) mass += load<f32>(targets + at + (<usize>i << 2));
    }
    for (let i = 0; i < classes; i++) {
      const offset = at + (<usize>i << 2);
      const target: f32 = soft ? load<f32>(targets + offset) : i == label ? 1 : 0;
      const d = g * (load<f32>(probabilities + offset) * mass - target);
      store<f32>(dx + offset, accumulate ? load<f32>(dx + offset) + d : d);
    }
  }
}
