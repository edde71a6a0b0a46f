import { engine } from '../core/engine.js';
import { isCapturing, tapesInUse } from './scope.js';
import type { Call, Tape } from './tape.js';
import { formatShape } from './layout.js';
import type { Value } from './value.js';

/** Numbers that were overwritten in place. */
export interface Write {
  /** Of how many floats. */
  readonly size: number;
  /** How many calls the tape had recorded by then: these may have used what was there before. */
  readonly calls: number;
}

/** Tells the tapes in use that `size` numbers at `pointer` are not what they were. */
export function noteWrite(pointer: number, size: number): void {
  for (const tape of tapesInUse()) tape.noteWrite(pointer, size);
}

/**
 * Puts other numbers into a leaf, in place.
 *
 * @param name the call that does so, for the error
 * @throws Error while a function is captured: a replay would not do it again
 */
export function overwrite(name: string, leaf: Value, values: ArrayLike<number>): void {
  refuseCaptured(name);
  const pointer = leaf.pointer();
  engine().f32.set(values, pointer / 4);
  noteWrite(pointer, leaf.size);
}

/** @throws Error while a function is captured: a replay would not do again what JavaScript does */
export function refuseCaptured(name: string): void {
  if (!isCapturing()) return;
  throw new Error(
    `${name}: nothing can be overwritten inside a captured function, a replay would not do it again; do so between its calls`,
  );
}

/**
 * Refuses a gradient that would be computed from numbers that were overwritten after the forward pass.
 *
 * @param index of the call on its tape
 * @param from the first of the instructions that compute its gradients
 * @throws Error which names the operation and the shape
 */
export function refuseOverwritten(tape: Tape, call: Call, index: number, from: number): void {
  const later = [...tape.writes].filter(([, { calls }]) => calls > index);
  const isOverwritten = (pointer: number): boolean =>
    later.some(([start, { size }]) => pointer >= start && pointer < start + size * 4);
  const { operation, inputs, addresses } = call;
  const gradients = inputs.map(({ gradient }) => gradient?.block.pointer);
  // An operation of the user's own runs its instructions itself; it may read every input.
  const pointers = operation.runsBackward ? addresses : tape.program.pointersFrom(from);
  for (const pointer of pointers) {
    if (!isOverwritten(pointer)) continue;
    const places = inputs.flatMap((_, i) => (addresses[i] === pointer ? [i] : []));
    // It is written, unless it is an input, too.
    if (places.length === 0 && gradients.includes(pointer)) continue;
    if (places.length > 0 && !places.some((i) => operation.reads?.(call, i) ?? true)) continue;
    const shape = places.length > 0 ? ` ${formatShape(inputs[places[0]].shape)}` : '';
    throw new Error(
      `backward: ${operation.name} needs a tensor${shape} as it was in the forward pass, and it was changed in place ` +
        'since (by backward(), step(), loadStateDict(), nn.init or disposal); call backward() first, or compute the loss again',
    );
  }
}
