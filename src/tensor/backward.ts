import { FLAG_ACCUMULATE } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { formatShape } from './layout.js';
import type { Call, Tape } from './tape.js';
import { currentTape } from './scope.js';
import { Gradient, type Value } from './value.js';
import { watching } from './watch.js';
import { noteWrite, refuseOverwritten } from './writes.js';

/** Where an operation writes the gradient of an input. */
export interface Target {
  readonly pointer: number;
  /** FLAG_ACCUMULATE where the gradient holds something already. */
  readonly flags: number;
}

/**
 * The place for the gradient of input `i`, or undefined where it needs none. To be asked for right before the
 * instruction that writes it, once for each such instruction: the first write overwrites, later ones add.
 */
export function gradientOf(tape: Tape, call: Call, i: number): Target | undefined {
  const input = call.inputs[i];
  if (!input.requiresGrad) return undefined;
  if (input.call) {
    if (input.call.outputGradient !== 0)
      return { pointer: input.call.outputGradient, flags: FLAG_ACCUMULATE };
    input.call.outputGradient = tape.floats(input.size);
    return { pointer: input.call.outputGradient, flags: 0 };
  }
  return leafTarget(tape, input);
}

function leafTarget(tape: Tape, leaf: Value): Target {
  const gradient = (leaf.gradient ??= new Gradient(leaf.size));
  // One that a replay applied and did not keep begins with nothing.
  leaf.gradientApplied = false;
  // What a replay adds to is added to already now.
  if (tape.leaves && !tape.leaves.has(leaf) && tape.noteLeaf(leaf).continues && !gradient.filled) {
    tape.firstWrites.push(gradient);
    gradient.fillWithZeros();
    gradient.filled = true;
  }
  const { pointer } = gradient.block;
  if (tape.keepsProgram && !tape.holds(gradient.block)) {
    tape.hold(gradient.block);
    gradient.recordings++;
  }
  const flags = gradient.filled ? FLAG_ACCUMULATE : 0;
  if (!gradient.filled) tape.firstWrites.push(gradient);
  gradient.filled = true;
  // Only a gradient that was looked at can be an input, whose numbers somebody still wants as they were.
  if (gradient.seen) noteWrite(pointer, leaf.size);
  return { pointer, flags };
}

/** Clears the gradient of a leaf: the next write overwrites it. */
export function clearGradient(leaf: Value): void {
  const { leaves } = currentTape();
  if (leaves && !leaves.has(leaf)) leaves.set(leaf, { zeroed: true, continues: false });
  leaf.gradient?.clear();
  leaf.gradientApplied = false;
}

/**
 * Walks the recorded calls in reverse from `root` and appends and runs their gradient instructions.
 *
 * @param seed the gradient of the root, where it is not a single number
 */
export function backward(root: Value, seed?: Value): void {
  const tape = currentTape();
  if (!root.requiresGrad) {
    throw new Error(
      'backward: this tensor needs no gradient; was it made from tensors with requiresGrad, outside noGrad()?',
    );
  }
  if (!seed && root.size !== 1) {
    throw new RangeError(
      `backward: expected a single number, got a tensor ${formatShape(root.shape)}; ` +
        'reduce it with sum() or mean(), or pass its gradient: backward(gradient)',
    );
  }
  if (seed && seed.size !== root.size) {
    throw new RangeError(
      `backward: expected a gradient ${formatShape(root.shape)}, got ${formatShape(seed.shape)}`,
    );
  }
  if (!root.call) {
    seedLeaf(tape, root, seed);
    return;
  }
  const start = tape.calls.lastIndexOf(root.call);
  if (start < 0) {
    root.pointer();
    throw new Error(
      'backward: the tensor was computed on another tape; call backward() where it was computed',
    );
  }
  const reached = reachable(tape, start);
  if (reached.some((i) => tape.calls[i].spent)) {
    throw new Error(
      'backward: these operations went backward before; compute the loss again, or add the losses first',
    );
  }
  const { call } = root;
  const calls = reached.map((i) => tape.calls[i]);
  atomically(tape, calls, () => {
    call.outputGradient = tape.floats(root.size);
    if (seed) tape.copy(tape.address(seed, 'backward'), call.outputGradient, root.size, 0);
    else tape.fill(call.outputGradient, root.size, 1);
    for (const i of reached) goBack(tape, i);
  });
}

/** Appends the gradient instructions of one call. */
function goBack(tape: Tape, index: number): void {
  const call = tape.calls[index];
  if (call.outputGradient !== 0) {
    const { count } = tape.program;
    call.operation.backward(tape, call);
    if (tape.writes.size > 0) refuseOverwritten(tape, call, index, count);
    for (const watcher of watching()) watcher.wentBack?.(tape, call);
  }
  call.outputGradient = 0;
  call.spent = true;
}

/**
 * Runs the instructions that `append` appends.
 *
 * @param calls whose gradients they compute
 * @throws what `append` throws; then every gradient holds what it held before
 */
function atomically(tape: Tape, calls: readonly Call[], append: () => void): void {
  const { firstWrites } = tape;
  firstWrites.length = 0;
  // What runs before the end may have added to gradients when something throws.
  const runsBefore = watching().length > 0 || calls.some(({ operation }) => operation.runsBackward);
  const copies = runsBefore
    ? filledGradients(calls).map(({ block, size }) => [block, engine().read(block.pointer, size)] as const)
    : [];
  // Gradients may be written with operations: they must not start the tape anew.
  tape.finished = false;
  try {
    tape.perform('backward', append);
  } catch (error) {
    for (const call of calls) {
      call.outputGradient = 0;
      call.spent = false;
    }
    for (const gradient of firstWrites) gradient.clear();
    for (const [{ pointer }, values] of copies) engine().f32.set(values, pointer / 4);
    throw error;
  } finally {
    tape.finished = true;
  }
}

function filledGradients(calls: readonly Call[]): Gradient[] {
  const inputs = new Set(calls.flatMap((call) => call.inputs));
  return [...inputs].flatMap(({ gradient }) => (gradient?.filled ? [gradient] : []));
}

/** Places of the calls that lead to the one at `last`, newest first. */
function reachable(tape: Tape, last: number): number[] {
  const wanted = new Set([tape.calls[last]]);
  const order: number[] = [];
  for (let i = last; i >= 0; i--) {
    const call = tape.calls[i];
    if (!wanted.has(call)) continue;
    order.push(i);
    for (const input of call.inputs) if (input.call) wanted.add(input.call);
  }
  return order;
}

/** backward() on a leaf itself: its gradient is the seed. */
function seedLeaf(tape: Tape, leaf: Value, seed: Value | undefined): void {
  atomically(tape, [], () => {
    const from = seed && tape.address(seed, 'backward');
    const { pointer, flags } = leafTarget(tape, leaf);
    if (from !== undefined) tape.copy(from, pointer, leaf.size, flags);
    else tape.fill(pointer, leaf.size, 1, flags);
  });
}
