import { Opcode } from '../../assembly/opcodes.js';
import type { Instruction } from '../core/program.js';

/**
 * Floating-point operations of an instruction, as they are usually counted: two for a multiplication and addition of a
 * matrix product, one for each number that any other function reads, none for moving numbers.
 */
export function flopsOf({ opcode, pointers, dims }: Instruction): number {
  const [d0, d1, d2] = dims;
  switch (opcode) {
    case Opcode.GEMM:
      return 2 * d0 * d1 * d2 + (pointers[3] === 0 ? 0 : d0 * d1);
    case Opcode.FILL:
    case Opcode.COPY:
    case Opcode.GATHER:
    case Opcode.EMBEDDING:
    case Opcode.PICK:
    case Opcode.COUNT:
      return 0;
    default:
      return d0 * Math.max(1, d1) * Math.max(1, d2);
  }
}
