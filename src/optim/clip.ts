import { checkNumber } from '../core/checks.js';
import { tensorsIn } from './optimizer.js';
import { Binary, FUNCTION_SHIFT, Opcode, Reduction, Unary } from '../../assembly/opcodes.js';
import { DIVISORS, raise, unary } from '../tensor/operations/rows.js';
import { currentTape } from '../tensor/scope.js';
import type { Tape } from '../tensor/tape.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from '../tensor/tensor.js';
import { APPLIED } from '../tensor/value.js';
import { noteWrite } from '../tensor/writes.js';

export interface ClipGradNormOptions {
  /** The p of the norm (Σ |g|ᵖ)^(1/p): 2 by default; Infinity takes the largest |g|. */
  normType?: number;
}

/** How many numbers are summed up at a time: sums of sums round less, and threads can share them. */
const CHUNK = 1024;

interface Filled {
  readonly pointer: number;
  readonly size: number;
}

/**
 * Scales all gradients alike where their common norm is above `maxNorm`, as PyTorch's clip_grad_norm_ does:
 * g ← g · min(1, maxNorm / (norm + 10⁻⁶)), with the norm over all numbers of all gradients. Their powers may be too large
 * or too small for float32: [3e30, 4e30] keeps its direction (PyTorch: zeros). An infinite or NaN gradient makes the norm
 * infinite or NaN, and itself NaN. Call it between backward() and step(), also inside a captured function. Parameters
 * without a gradient count for nothing.
 *
 * @returns the norm as it was before, a single number, to be read like a loss
 * @throws TypeError on anything but tensors, RangeError on a negative or NaN maximum
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([3, 4], { requiresGrad: true });
 * w.square().sum().mul(0.5).backward(); // the gradient is [3, 4]
 * optim.clipGradNorm([w], 1).item(); // 5
 * w.grad!.toArray(); // [0.6, 0.8]
 * ```
 */
export function clipGradNorm(
  parameters: Tensor | Iterable<Tensor>,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor {
  checkOptions('clipGradNorm', options, ['normType']);
  const { normType = 2 } = options;
  checkNumber('clipGradNorm', 'maxNorm', maxNorm, { least: 0, most: Infinity });
  checkNumber('clipGradNorm', 'normType', normType, { above: 0, most: Infinity });
  const tape = currentTape();
  return tape.perform('clipGradNorm', () => {
    const gradients = gradientsOf('clipGradNorm', tape, parameters);
    const norm = tape.floats(1);
    const scale = tape.floats(1);
    const share = tape.floats(1);
    appendNorm(tape, gradients, normType, share, scale);
    scalar(tape, Binary.MULTIPLY, norm, share, scale);
    if (Math.fround(maxNorm) < Infinity) appendClipping(tape, gradients, maxNorm, share, scale);
    return new Tensor([], tape, norm, false);
  });
}

/**
 * Limits every number of every gradient to [−limit, limit], as PyTorch's clip_grad_value_ does. Call it between
 * backward() and step(), also inside a captured function.
 *
 * @throws TypeError on anything but tensors, RangeError on a negative or NaN limit
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([3, -0.5], { requiresGrad: true });
 * w.square().sum().backward(); // the gradient is [6, -1]
 * optim.clipGradValue([w], 2);
 * w.grad!.toArray(); // [2, -1]
 * ```
 */
export function clipGradValue(parameters: Tensor | Iterable<Tensor>, limit: number): void {
  checkNumber('clipGradValue', 'limit', limit, { least: 0, most: Infinity });
  const tape = currentTape();
  tape.perform('clipGradValue', () => {
    for (const { pointer, size } of gradientsOf('clipGradValue', tape, parameters)) {
      unary(tape, Unary.CLAMP, pointer, pointer, size, [-limit, limit]);
    }
  });
}

function gradientsOf(name: string, tape: Tape, parameters: Tensor | Iterable<Tensor>): Filled[] {
  const found: Filled[] = [];
  for (const parameter of tensorsIn(name, parameters)) {
    if (parameter.gradientApplied) throw new Error(`${name}: ${APPLIED}`);
    const { gradient, size } = parameter;
    tape.ask(parameter);
    if (!gradient?.filled || size === 0) continue;
    const { pointer } = gradient.block;
    tape.hold(gradient.block);
    noteWrite(pointer, size);
    found.push({ pointer, size });
  }
  return found;
}

/**
 * Appends: share · scale becomes the norm of all these numbers, and the scale their largest, by which they are divided first:
 * no power of them overflows or vanishes.
 */
function appendNorm(tape: Tape, gradients: readonly Filled[], p: number, share: number, scale: number): void {
  const total = gradients.reduce((sum, { size }) => sum + size, 0);
  const chunks = Math.ceil(total / CHUNK);
  if (chunks === 0) {
    tape.fill(share, 1, 0);
    tape.fill(scale, 1, 1);
    return;
  }
  const terms = tape.floats(chunks * CHUNK);
  const parts = tape.floats(chunks);
  let at = terms;
  for (const { pointer, size } of gradients) {
    unary(tape, Unary.ABS, at, pointer, size);
    at += size * 4;
  }
  if (total < chunks * CHUNK) tape.fill(at, chunks * CHUNK - total, 0);
  const reduce = (fn: Reduction, to: number): void => {
    for (const [out, from, rows, columns] of [
      [parts, terms, chunks, CHUNK],
      [to, parts, 1, chunks],
    ]) {
      const layout = tape.layout([1, 1, rows, columns, columns, 1]);
      tape.program.append(Opcode.REDUCE, fn << FUNCTION_SHIFT, [out, from, layout], [rows, columns], [1]);
    }
  };
  reduce(Reduction.MAX, scale);
  unary(tape, Unary.CLAMP, scale, scale, 1, DIVISORS);
  byNumber(tape, Binary.DIVIDE, terms, total, scale);
  if (p === Infinity) reduce(Reduction.MAX, share);
  else {
    raise(tape, terms, total, p);
    reduce(Reduction.SUM, share);
    raise(tape, share, 1, 1 / p);
  }
}

/** Where the norm is computed as it is: scales above are divided by it. A power of two, so that this rounds nothing. */
const LARGE = 2 ** 60;

/**
 * Appends: the gradients times min(1, maxNorm / (share · scale + 10⁻⁶)), in two factors of which the first is 1 unless the
 * scale is above both `LARGE` and maxNorm: one factor might be less than any float32.
 */
function appendClipping(
  tape: Tape,
  gradients: readonly Filled[],
  maxNorm: number,
  share: number,
  scale: number,
): void {
  const large = Math.max(LARGE, maxNorm);
  const [most, one, tiny, limit, first, second] = [large, 1, 1e-6 / large, maxNorm / large, 0, 0].map(
    (value) => {
      const pointer = tape.floats(1);
      tape.fill(pointer, 1, value);
      return pointer;
    },
  );
  scalar(tape, Binary.DIVIDE, first, most, scale);
  scalar(tape, Binary.MINIMUM, first, first, one);
  // (limit / large) / (share · min(scale, large) / large + 10⁻⁶ / large)
  scalar(tape, Binary.MINIMUM, second, scale, most);
  scalar(tape, Binary.DIVIDE, second, second, most);
  scalar(tape, Binary.MULTIPLY, second, second, share);
  scalar(tape, Binary.ADD, second, second, tiny);
  scalar(tape, Binary.DIVIDE, second, limit, second);
  scalar(tape, Binary.MINIMUM, second, second, one);
  for (const { pointer, size } of gradients) {
    byNumber(tape, Binary.MULTIPLY, pointer, size, first);
    byNumber(tape, Binary.MULTIPLY, pointer, size, second);
  }
}

/** Appends out = f(a, b) of single numbers. */
function scalar(tape: Tape, fn: Binary, out: number, a: number, b: number): void {
  tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [out, a, b, tape.layout([0])], [1]);
}

/** Appends x = f(x, y) of each number x and a single y. */
function byNumber(tape: Tape, fn: Binary, x: number, size: number, y: number): void {
  const layout = tape.layout([1, size, 1, 0]);
  tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [x, x, y, layout], [size]);
}
