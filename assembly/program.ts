import { gemm } from './gemm/gemm';
import { binary, binaryGradient } from './kernels/binary';
import { copy, fill, gather } from './kernels/copy';
import { crossEntropy, crossEntropyGradient } from './kernels/crossEntropy';
import { dropout } from './kernels/dropout';
import { count, update } from './kernels/optimizer';
import { maxGradient, reduce } from './kernels/reduce';
import { softmax, softmaxGradient, softmaxUnits } from './kernels/softmax';
import { unary, unaryGradient } from './kernels/unary';
import {
  FLAG_ACCUMULATE, FLAG_PROBABILITIES, FUNCTION_SHIFT, INSTRUCTION_BYTES, Opcode, Status,
} from './opcodes';
import { sliceBegin } from './threads';

/** Elements that no slice cuts: a cache line. */
const LINE = 16;

/**
 * Runs instructions [first, last) of a program: this rank's slice of each.
 *
 * @param scratch at least scratchBytes(ranks), of one program at a time
 * @returns Status.OK, or the status that stopped it
 */
export function run(program: usize, first: i32, last: i32, rank: i32, ranks: i32, scratch: usize): i32 {
  for (let i = first; i < last; i++) {
    const status = step(program + <usize>i * INSTRUCTION_BYTES, rank, ranks, scratch);
    if (status != Status.OK) return status;
  }
  return Status.OK;
}

/** This rank's slice of one instruction. No rank depends on what another does in it. */
export function step(at: usize, rank: i32, ranks: i32, scratch: usize): i32 {
  const flags = load<i32>(at, 4);
  const p0 = <usize>load<u32>(at, 8);
  const p1 = <usize>load<u32>(at, 12);
  const p2 = <usize>load<u32>(at, 16);
  const p3 = <usize>load<u32>(at, 20);
  const p4 = <usize>load<u32>(at, 24);
  const d0 = load<i32>(at, 32);
  const d1 = load<i32>(at, 36);
  const d2 = load<i32>(at, 40);
  const s0 = load<f32>(at, 52);
  const s1 = load<f32>(at, 56);
  const fn = flags >> FUNCTION_SHIFT;
  const accumulate = (flags & FLAG_ACCUMULATE) != 0;
  const begin = ranks == 1 ? 0 : sliceBegin(d0, LINE, rank, ranks);
  const end = ranks == 1 ? d0 : sliceBegin(d0, LINE, rank + 1, ranks);
  switch (load<i32>(at)) {
    case Opcode.FILL: {
      fill(p0, accumulate, s0, begin, end);
      break;
    }
    case Opcode.COPY: {
      copy(p0, p1, p2, s0, accumulate, begin, end);
      break;
    }
    case Opcode.UNARY: {
      unary(fn, p0, p1, s0, s1, begin, end);
      break;
    }
    case Opcode.UNARY_GRADIENT: {
      unaryGradient(fn, p0, p1, p2, p3, s0, s1, accumulate, begin, end);
      break;
    }
    case Opcode.BINARY: {
      binary(fn, p0, p1, p2, p3, begin, end);
      break;
    }
    case Opcode.BINARY_GRADIENT: {
      binaryGradient(fn, d1, p0, p1, p2, p3, p4, s0, accumulate, begin, end);
      break;
    }
    case Opcode.REDUCE: {
      reduce(fn, p0, p1, p2, d1, s0, accumulate, p4, begin, end);
      break;
    }
    case Opcode.MAX_GRADIENT: {
      maxGradient(p0, p1, p2, p3, p4, d1, accumulate, begin, end);
      break;
    }
    case Opcode.GEMM: {
      gemm(p0, p1, p2, p3, p4, scratch, d0, d1, d2, flags, rank, ranks);
      break;
    }
    case Opcode.SOFTMAX: {
      const units = softmaxUnits(d0, d2);
      softmax(fn, p0, p1, d1, d2, sliceBegin(units, 1, rank, ranks), sliceBegin(units, 1, rank + 1, ranks));
      break;
    }
    case Opcode.SOFTMAX_GRADIENT: {
      const units = softmaxUnits(d0, d2);
      const unitBegin = sliceBegin(units, 1, rank, ranks);
      softmaxGradient(fn, p0, p1, p2, d1, d2, accumulate, unitBegin, sliceBegin(units, 1, rank + 1, ranks));
      break;
    }
    case Opcode.CROSS_ENTROPY: {
      return crossEntropy(p0, p1, p2, p3, d1, (flags & FLAG_PROBABILITIES) != 0, p4, d2, s0, begin, end);
    }
    case Opcode.CROSS_ENTROPY_GRADIENT: {
      crossEntropyGradient(p0, p1, p2, p3, d1, d2, s0, (flags & FLAG_PROBABILITIES) != 0, accumulate, begin, end);
      break;
    }
    case Opcode.GATHER: {
      gather(p0, p1, <usize>load<u32>(p2), d1, begin, end);
      break;
    }
    case Opcode.DROPOUT: {
      dropout(p0, p1, p2, p3, s0, begin, end);
      break;
    }
    case Opcode.COUNT: {
      if (rank == 0) count(p0, d0, p1);
      break;
    }
    case Opcode.UPDATE: {
      update(fn, flags, p0, p1, p2, p3, p4, <usize>load<u32>(at, 28), begin, end);
      break;
    }
  }
  return Status.OK;
}
