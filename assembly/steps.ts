// Training steps in a row: a program whose batches lie one behind the other in linear memory goes from one to the next by
// itself. A step of a small network takes less time than JavaScript needs to come back and call again.
import { Status } from './opcodes';
import { run } from './program';

/**
 * Runs a program for so many batches, and keeps the loss of each; ends after a loss that is NaN or infinite.
 *
 * @param cursor the address of the indices of the batch before; see the opcode GATHER
 * @param stride bytes from one batch's indices to the next one's
 * @param loss where the program leaves its loss
 * @param losses out [times]
 * @returns how many batches were done, or the negative status that stopped it
 */
export function runSteps(
  program: usize, last: i32, scratch: usize, cursor: usize, stride: i32, loss: usize, losses: usize, times: i32,
): i32 {
  for (let i = 0; i < times; i++) {
    store<i32>(cursor, load<i32>(cursor) + stride);
    const status = run(program, 0, last, 0, 1, scratch);
    if (status != Status.OK) return -status;
    if (!keepLoss(loss, losses, i)) return i + 1;
  }
  return times;
}

/** Keeps the loss of step i. Returns whether it is finite. */
// @ts-ignore: decorator
@inline
export function keepLoss(loss: usize, losses: usize, i: i32): bool {
  const value = load<f32>(loss);
  store<f32>(losses + (<usize>i << 2), value);
  return value - value == 0;
}
