import { Opcode } from './opcodes';

/** Multiply-adds of a matrix product in a nanosecond, roughly. */
const PRODUCTS: f64 = 16;

/**
 * What an instruction takes on one thread, in nanoseconds, as a guess from its dimensions: a matrix product by its
 * multiply-adds, everything else a nanosecond for each element it reads. It only decides who computes, never what.
 */
export function work(at: usize): f64 {
  const opcode = load<i32>(at);
  // Its dimension is what it adds.
  if (opcode == Opcode.COUNT) return 0;
  const units = <f64>load<i32>(at, 32) * <f64>max(1, load<i32>(at, 36)) * <f64>max(1, load<i32>(at, 40));
  return opcode == Opcode.GEMM ? units / PRODUCTS : units;
}

/** Whether the instructions of [first, last) that are worth sharing take `least` nanoseconds together. */
export function isWorth(program: usize, step: usize, first: i32, last: i32, from: f64, least: f64): bool {
  let sum: f64 = 0;
  for (let i = first; i < last && sum < least; i++) {
    const units = work(program + <usize>i * step);
    if (units >= from) sum += units;
  }
  return sum >= least;
}
