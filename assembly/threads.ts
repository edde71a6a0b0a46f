// How threads divide work. One of them, the leader, walks through the program; the others wait until it shares an
// instruction. Whoever comes first takes a slice: a worker that still sleeps holds nobody up, the leader does its
// slice too. Which thread computes a slice changes nothing in it.
import { Control, LINE_BYTES, Status } from './opcodes';

/** The leader's naps while it waits, in nanoseconds; and what stands for one where it may not sleep, in looks. */
const NAP: i64 = 100_000_000;
const NAP_LOOKS: i32 = 1 << 25;

// Slices are multiples of a granule, so that no two ranks write to one cache line (16 floats), or so that no register
// tile is cut.

/** The first unit of `rank`; that of rank + 1 is where its slice ends. */
export function sliceBegin(units: i32, granule: i32, rank: i32, ranks: i32): i32 {
  const granules = (units + granule - 1) / granule;
  const begin = <i32>((<i64>granules * rank) / ranks) * granule;
  return begin < units ? begin : units;
}

/** Offers the instruction at `at` to the workers, slice 0 taken already. Returns its number. */
export function open(control: usize, at: usize): i32 {
  const number = load<i32>(control, Control.OPENED) + 1;
  atomic.store<i32>(control, number, Control.TAKEN);
  atomic.store<u32>(control, <u32>at, Control.INSTRUCTION);
  atomic.store<i32>(control, number, Control.OPENED);
  // Whoever goes to sleep later sees the new number and stays awake.
  if (atomic.load<i32>(control, Control.SLEEPERS) > 0) atomic.notify(control + Control.OPENED, -1);
  return number;
}

/**
 * Whether a slice of instruction `number` is now the caller's. Slices are taken once for each instruction, in turn, and
 * the leader opens the next one when all are taken and finished; so who comes too late gets nothing.
 */
export function take(control: usize, slice: i32, number: i32): bool {
  const taken = control + <usize>slice * LINE_BYTES;
  return (
    atomic.load<i32>(taken, Control.TAKEN) == number - 1 &&
    atomic.cmpxchg<i32>(taken, number - 1, number, Control.TAKEN) == number - 1
  );
}

/** Gives a worker some time to take a slice. */
export function yieldSlice(control: usize, slice: i32, number: i32): void {
  const taken = control + <usize>slice * LINE_BYTES;
  let spins = load<i32>(control, Control.YIELD_SPINS);
  while (spins > 0 && atomic.load<i32>(taken, Control.TAKEN) != number) spins--;
}

/** A worker has finished a slice. */
export function finish(control: usize, status: i32): void {
  let largest = atomic.load<i32>(control, Control.STATUS);
  while (largest < status) {
    const before = atomic.cmpxchg<i32>(control, largest, status, Control.STATUS);
    if (before == largest) break;
    largest = before;
  }
  atomic.add<i32>(control, 1, Control.FINISHED);
  if (atomic.load<i32>(control, Control.LEADER_SLEEPS) != 0) atomic.notify(control + Control.FINISHED, 1);
}

/**
 * The leader waits until the workers have finished `slices` slices.
 *
 * @returns the largest status of theirs
 */
export function join(control: usize, slices: i32): i32 {
  const expected = load<i32>(control, Control.EXPECTED) + slices;
  store<i32>(control, expected, Control.EXPECTED);
  if (!finished(control, expected)) return Status.STALLED;
  if (atomic.load<i32>(control, Control.FAILED) != 0) return Status.FAILED;
  const status = atomic.load<i32>(control, Control.STATUS);
  if (status != Status.OK) atomic.store<i32>(control, Status.OK, Control.STATUS);
  return status;
}

function finished(control: usize, expected: i32): bool {
  let looks = load<i32>(control, Control.LEADER_SPINS);
  while (looks-- > 0) if (atomic.load<i32>(control, Control.FINISHED) == expected) return true;
  for (let naps = load<i32>(control, Control.PATIENCE); naps > 0; naps--) {
    if (load<i32>(control, Control.LEADER_MAY_SLEEP) == 0) {
      for (let i = 0; i < NAP_LOOKS; i++) if (atomic.load<i32>(control, Control.FINISHED) == expected) return true;
      continue;
    }
    atomic.store<i32>(control, 1, Control.LEADER_SLEEPS);
    const seen = atomic.load<i32>(control, Control.FINISHED);
    if (seen != expected) atomic.wait<i32>(control + Control.FINISHED, seen, NAP);
    atomic.store<i32>(control, 0, Control.LEADER_SLEEPS);
    if (atomic.load<i32>(control, Control.FINISHED) == expected) return true;
    // A worker that woke the leader is no sign of one that hangs.
    if (atomic.load<i32>(control, Control.FINISHED) != seen) naps++;
  }
  return false;
}

/** A worker waits for an instruction other than `seen`. */
export function awaitOpening(control: usize, seen: i32): i32 {
  for (let spins = load<i32>(control, Control.WORKER_SPINS); spins > 0; spins--) {
    const number = atomic.load<i32>(control, Control.OPENED);
    if (number != seen) return number;
  }
  atomic.add<i32>(control, 1, Control.SLEEPERS);
  let number = seen;
  do {
    atomic.wait<i32>(control + Control.OPENED, seen, -1);
    number = atomic.load<i32>(control, Control.OPENED);
  } while (number == seen);
  atomic.sub<i32>(control, 1, Control.SLEEPERS);
  return number;
}
