import { Binary, Opcode, Unary, Update, FUNCTION_SHIFT } from './opcodes';

// Nanoseconds on one thread, measured by bench/crossover.mjs: one multiply-add of a matrix product, and one element of
// instructions that move or add numbers, and of those that call exponentials, divide or go one by one.
const PRODUCT: f64 = 0.07;
const LIGHT: f64 = 0.4;
const HEAVY: f64 = 3;
/** One element of an optimizer that has buffers, a root and a division. */
const ADAPTIVE: f64 = 1.5;

/**
 * What an instruction takes on one thread, in nanoseconds: a guess from its dimensions, within a factor of two or so. It
 * only decides who computes, never what.
 */
export function work(at: usize): f64 {
  const opcode = load<i32>(at);
  const units = <f64>load<i32>(at, 32) * <f64>max(1, load<i32>(at, 36)) * <f64>max(1, load<i32>(at, 40));
  switch (opcode) {
    case Opcode.COUNT: return 0;
    case Opcode.GEMM: return units * PRODUCT;
    case Opcode.UNARY:
    case Opcode.UNARY_GRADIENT: return units * (isLight(load<i32>(at, 4) >> FUNCTION_SHIFT) ? LIGHT : HEAVY);
    case Opcode.FILL:
    case Opcode.COPY:
    case Opcode.BINARY:
    case Opcode.BINARY_GRADIENT: {
      // d1 of a gradient tells the operand.
      const elements = <f64>load<i32>(at, 32);
      return elements * (load<i32>(at, 4) >> FUNCTION_SHIFT >= Binary.CROSS_ENTROPY ? HEAVY : LIGHT);
    }
    case Opcode.EMBEDDING: return <f64>load<i32>(at, 32) * <f64>load<i32>(at, 36) * LIGHT;
    case Opcode.EMBEDDING_GRADIENT: {
      return <f64>load<i32>(at, 36) * (<f64>load<i32>(at, 32) + <f64>load<i32>(at, 40)) * LIGHT;
    }
    case Opcode.PICK: return <f64>load<i32>(at, 32) * HEAVY;
    case Opcode.NORMALIZE:
    case Opcode.NORMALIZE_GRADIENT: return units * (3 * LIGHT);
    case Opcode.BLEND:
    case Opcode.PICK_GRADIENT:
    case Opcode.REDUCE:
    case Opcode.GATHER: return units * LIGHT;
    case Opcode.UPDATE: return units * (load<i32>(at, 4) >> FUNCTION_SHIFT == Update.SGD ? LIGHT : ADAPTIVE);
    default: return units * HEAVY;
  }
}

function isLight(fn: i32): bool {
  switch (fn) {
    case Unary.NEGATE:
    case Unary.SQRT:
    case Unary.ABS:
    case Unary.SQUARE:
    case Unary.RELU:
    case Unary.LEAKY_RELU:
    case Unary.CLAMP:
    case Unary.HARDTANH:
    case Unary.HUBER: return true;
    default: return false;
  }
}

/** Whether the instructions of [first, last) that are worth sharing take `least` nanoseconds together. */
export function isWorth(program: usize, step: usize, first: i32, last: i32, from: f64, least: f64): bool {
  let sum: f64 = 0;
  for (let i = first; i < last; i++) {
    const nanoseconds = work(program + <usize>i * step);
    if (nanoseconds >= from) sum += nanoseconds;
    if (sum >= least) return true;
  }
  return sum >= least;
}
