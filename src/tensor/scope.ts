import { sweeps } from '../core/allocator.js';
import { Tape } from './tape.js';
import type { Value } from './value.js';

/** The tapes in use, innermost last: the ordinary one, then those of noGrad() and capture(). */
const tapes: Tape[] = [new Tape(false, true)];
/** Tapes of ended noGrad() scopes, with their memory, for the next one. */
const idle: Tape[] = [];
/** A scratch tape that grew beyond this gives its memory back when its scope ends. */
const KEPT_BYTES = 1 << 22;

sweeps.push(() => {
  for (const tape of idle) tape.release();
  return idle.splice(0).length > 0;
});

/** The tape that records now. */
export function currentTape(): Tape {
  return tapes[tapes.length - 1];
}

/**
 * The tape for an operation on these inputs: a finished one starts anew, unless an input still lives on it or its
 * instructions are kept for a replay.
 */
export function recordingTape(inputs: readonly Value[]): Tape {
  const tape = currentTape();
  if (tape.finished && !tape.keepsProgram && !inputs.some((input) => input.livesOn(tape))) tape.reset();
  return tape;
}

/** Runs `work` with `tape` recording. */
export function withTape<T>(tape: Tape, work: () => T): T {
  tapes.push(tape);
  try {
    return work();
  } finally {
    tapes.pop();
  }
}

/** Runs `work` on a tape without gradients, whose memory is taken back when it returns. */
export function withScratch<T>(work: () => T): T {
  const tape = idle.pop() ?? new Tape(false, false);
  tape.fate = 'it was computed inside noGrad() and not returned from it';
  try {
    return withTape(tape, work);
  } finally {
    if (tape.sizeBytes > KEPT_BYTES) tape.release();
    else tape.reset();
    idle.push(tape);
  }
}

/** Runs `work` on the tape that records now, which notes nothing for backward() meanwhile. */
export function withoutGradients<T>(work: () => T): T {
  const tape = currentTape();
  const { recordsGradients } = tape;
  tape.recordsGradients = false;
  try {
    return work();
  } finally {
    tape.recordsGradients = recordsGradients;
  }
}

/** Every tape in use. */
export function tapesInUse(): readonly Tape[] {
  return tapes;
}

/** Whether an operation was recorded for backward() outside of captured functions. */
export function hasEagerCalls(): boolean {
  return tapes[0].calls.length > 0;
}

/** Whether a captured function is being recorded. */
export function isCapturing(): boolean {
  for (const tape of tapes) if (tape.keepsProgram) return true;
  return false;
}
