import { Binary, FUNCTION_SHIFT, Opcode, Reduction, Unary } from '../../assembly/opcodes.js';
import { currentTape } from '../tensor/scope.js';
import type { Tape } from '../tensor/tape.js';
import { checkOptions, Tensor } from '../tensor/tensor.js';
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
 * g ← g · min(1, maxNorm / (norm + 10⁻⁶)), with the norm over all numbers of all gradients. Call it between backward()
 * and step(), also inside a captured function. Parameters without a gradient count for nothing.
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
  if (!(maxNorm >= 0))
    throw new RangeError(`clipGradNorm: expected maxNorm to be at least 0, got ${String(maxNorm)}`);
  if (!(normType > 0))
    throw new RangeError(`clipGradNorm: expected normType to be above 0, got ${String(normType)}`);
  const tape = currentTape();
  return tape.perform('clipGradNorm', () => {
    const gradients = gradientsOf('clipGradNorm', tape, parameters);
    const norm = tape.floats(1);
    appendNorm(tape, gradients, normType, norm);
    const [tiny, most, one, factor] = [1e-6, maxNorm, 1, 0].map((value) => {
      const pointer = tape.floats(1);
      tape.fill(pointer, 1, value);
      return pointer;
    });
    const scalar = (fn: Binary, a: number, b: number): void => {
      tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [factor, a, b, tape.layout([0])], [1]);
    };
    scalar(Binary.ADD, norm, tiny);
    scalar(Binary.DIVIDE, most, factor);
    scalar(Binary.MINIMUM, factor, one);
    for (const { pointer, size } of gradients) {
      tape.program.append(
        Opcode.BINARY,
        Binary.MULTIPLY << FUNCTION_SHIFT,
        [pointer, pointer, factor, tape.layout([1, size, 1, 0])],
        [size],
      );
    }
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
  if (!(limit >= 0))
    throw new RangeError(`clipGradValue: expected a limit of at least 0, got ${String(limit)}`);
  const tape = currentTape();
  tape.perform('clipGradValue', () => {
    for (const { pointer, size } of gradientsOf('clipGradValue', tape, parameters)) {
      unary(tape, Unary.CLAMP, pointer, pointer, size, [-limit, limit]);
    }
  });
}

function gradientsOf(name: string, tape: Tape, parameters: Tensor | Iterable<Tensor>): Filled[] {
  const list = parameters instanceof Tensor ? [parameters] : [...parameters];
  const found: Filled[] = [];
  for (const parameter of list) {
    if (!(parameter instanceof Tensor))
      throw new TypeError(`${name}: expected tensors, got ${String(parameter)}`);
    if (parameter.gradientApplied) throw new Error(`${name}: ${APPLIED}`);
    const { gradient, size } = parameter;
    if (!gradient?.filled || size === 0) continue;
    const { pointer } = gradient.block;
    tape.hold(gradient.block);
    noteWrite(pointer, size);
    found.push({ pointer, size });
  }
  return found;
}

/** Appends: the number at `norm` becomes the norm of all these numbers. */
function appendNorm(tape: Tape, gradients: readonly Filled[], p: number, norm: number): void {
  const total = gradients.reduce((sum, { size }) => sum + size, 0);
  const chunks = Math.ceil(total / CHUNK);
  const terms = tape.floats(chunks * CHUNK);
  const sums = tape.floats(chunks);
  let at = terms;
  for (const { pointer, size } of gradients) {
    if (p === 2) unary(tape, Unary.SQUARE, at, pointer, size);
    else unary(tape, Unary.ABS, at, pointer, size);
    at += size * 4;
  }
  if (total < chunks * CHUNK) tape.fill(at, chunks * CHUNK - total, 0);
  const raised = p !== 1 && p !== 2 && p !== Infinity;
  if (raised) unary(tape, Unary.POWER, terms, terms, total, [p]);
  const fn = p === Infinity ? Reduction.MAX : Reduction.SUM;
  const reduce = (to: number, from: number, rows: number, columns: number): void => {
    const layout = tape.layout([1, 1, rows, columns, columns, 1]);
    tape.program.append(Opcode.REDUCE, fn << FUNCTION_SHIFT, [to, from, layout], [rows, columns], [1]);
  };
  reduce(sums, terms, chunks, CHUNK);
  if (chunks > 0) reduce(norm, sums, 1, chunks);
  else tape.fill(norm, 1, 0);
  if (p === 2) unary(tape, Unary.SQRT, norm, norm, 1);
  if (raised) unary(tape, Unary.POWER, norm, norm, 1, [1 / p]);
}

function unary(tape: Tape, fn: Unary, y: number, x: number, size: number, scalars: number[] = []): void {
  tape.program.append(Opcode.UNARY, fn << FUNCTION_SHIFT, [y, x], [size], scalars);
}
