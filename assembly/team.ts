// What a build with threads exports besides: the leader's way through a program, and the workers' loop.
import { Control, INSTRUCTION_BYTES, Status } from './opcodes';
import { run, step } from './program';
import { keepLoss } from './steps';
import { awaitOpening, finish, join, open, take, yieldSlice } from './threads';
import { isWorth, work } from './work';

/**
 * Runs instructions [first, last) of a program with the workers' help: small instructions alone, the others shared,
 * each finished before the next begins. A program that is not worth waking workers for is run alone if they sleep.
 *
 * @returns Status.OK, or the status that stopped it: the same as on one thread
 */
export function lead(control: usize, program: usize, first: i32, last: i32, scratch: usize): i32 {
  const from = load<f64>(control, Control.SHARE_FROM);
  // Workers that are awake cost nothing more.
  if (
    atomic.load<i32>(control, Control.SLEEPERS) > 0 &&
    !isWorth(program, INSTRUCTION_BYTES, first, last, from, load<f64>(control, Control.WAKE_FROM))
  ) {
    return run(program, first, last, 0, 1, scratch);
  }
  for (let i = first; i < last; i++) {
    const at = program + <usize>i * INSTRUCTION_BYTES;
    const status = work(at) < from ? step(at, 0, 1, scratch) : share(control, at, scratch);
    if (status != Status.OK) return status;
  }
  return Status.OK;
}

/** runSteps(), with the workers' help. */
export function leadSteps(
  control: usize, program: usize, last: i32, scratch: usize, cursor: usize, stride: i32, loss: usize, losses: usize,
  times: i32,
): i32 {
  for (let i = 0; i < times; i++) {
    store<i32>(cursor, load<i32>(cursor) + stride);
    const status = lead(control, program, 0, last, scratch);
    if (status != Status.OK) return -status;
    if (!keepLoss(loss, losses, i)) return i + 1;
  }
  return times;
}

function share(control: usize, at: usize, scratch: usize): i32 {
  const ranks = load<i32>(control, Control.RANKS);
  const number = open(control, at);
  let status = step(at, 0, ranks, scratch);
  let others = ranks - 1;
  for (let slice = 1; slice < ranks; slice++) {
    yieldSlice(control, slice, number);
    if (!take(control, slice, number)) continue;
    others--;
    status = max(status, step(at, slice, ranks, scratch));
  }
  return max(status, join(control, others));
}

/** A worker's life: it takes slices, its own first, until it is told to stop. */
export function serve(control: usize, rank: i32): void {
  const ranks = load<i32>(control, Control.RANKS);
  const scratch = <usize>load<u32>(control, Control.SCRATCH);
  let number = 0;
  while (true) {
    number = awaitOpening(control, number);
    if (atomic.load<i32>(control, Control.STOP) != 0) return;
    const at = <usize>atomic.load<u32>(control, Control.INSTRUCTION);
    for (let i = 0; i < ranks; i++) {
      const slice = rank + i < ranks ? rank + i : rank + i - ranks;
      if (take(control, slice, number)) finish(control, step(at, slice, ranks, scratch));
    }
  }
}
