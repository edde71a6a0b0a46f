import { gemm } from './gemm/gemm';
import { binary, binaryGradient } from './kernels/binary';
import { copy, fill, gather } from './kernels/copy';
import { crossEntropy, crossEntropyGradient } from './kernels/crossEntropy';
import { dropout } from './kernels/dropout';
import { blend, normalize, normalizeGradient, normUnits } from './kernels/norm';
import { count, update } from './kernels/optimizer';
import { embedding, embeddingGradient, pick, pickGradient } from './kernels/pick';
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

/** Pointer operand i of the instruction at `at`. */
// @ts-ignore: decorator
@inline
function p(at: usize, i: i32): usize {
  return <usize>load<u32>(at + 8 + (<usize>i << 2));
}

/** Dimension i. */
// @ts-ignore: decorator
@inline
function d(at: usize, i: i32): i32 {
  return load<i32>(at + 32 + (<usize>i << 2));
}

/** Scalar i. */
// @ts-ignore: decorator
@inline
function s(at: usize, i: i32): f32 {
  return load<f32>(at + 52 + (<usize>i << 2));
}

/** Where the slice of `units` begins that is a rank's; that of rank + 1 is its end. */
// @ts-ignore: decorator
@inline
function cut(units: i32, granule: i32, rank: i32, ranks: i32): i32 {
  if (ranks == 1) return rank == 0 ? 0 : units;
  return sliceBegin(units, granule, rank, ranks);
}

/**
 * This rank's slice of one instruction. No rank depends on what another does in it. Each case reads the operands that it
 * needs: read for all of them beforehand they took longer than a small instruction.
 */
export function step(at: usize, rank: i32, ranks: i32, scratch: usize): i32 {
  const flags = load<i32>(at, 4);
  const fn = flags >> FUNCTION_SHIFT;
  const accumulate = (flags & FLAG_ACCUMULATE) != 0;
  const next = rank + 1;
  switch (load<i32>(at)) {
    case Opcode.FILL: {
      const n = d(at, 0);
      fill(p(at, 0), accumulate, s(at, 0), cut(n, LINE, rank, ranks), cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.COPY: {
      const n = d(at, 0);
      copy(p(at, 0), p(at, 1), p(at, 2), s(at, 0), accumulate, cut(n, LINE, rank, ranks), cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.UNARY: {
      const n = d(at, 0);
      unary(fn, p(at, 0), p(at, 1), s(at, 0), s(at, 1), cut(n, LINE, rank, ranks), cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.UNARY_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      unaryGradient(fn, p(at, 0), p(at, 1), p(at, 2), p(at, 3), s(at, 0), s(at, 1), accumulate, begin, end);
      break;
    }
    case Opcode.BINARY: {
      const n = d(at, 0);
      binary(fn, p(at, 0), p(at, 1), p(at, 2), p(at, 3), cut(n, LINE, rank, ranks), cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.BINARY_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      binaryGradient(fn, d(at, 1), p(at, 0), p(at, 1), p(at, 2), p(at, 3), p(at, 4), s(at, 0), accumulate, begin, end);
      break;
    }
    case Opcode.REDUCE: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      reduce(fn, p(at, 0), p(at, 1), p(at, 2), d(at, 1), s(at, 0), accumulate, p(at, 4), begin, end);
      break;
    }
    case Opcode.MAX_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      maxGradient(p(at, 0), p(at, 1), p(at, 2), p(at, 3), p(at, 4), d(at, 1), accumulate, begin, end);
      break;
    }
    case Opcode.GEMM: {
      gemm(p(at, 0), p(at, 1), p(at, 2), p(at, 3), p(at, 4), scratch, d(at, 0), d(at, 1), d(at, 2), flags, rank, ranks);
      break;
    }
    case Opcode.SOFTMAX: {
      const units = softmaxUnits(d(at, 0), d(at, 2));
      softmax(fn, p(at, 0), p(at, 1), d(at, 1), d(at, 2), cut(units, 1, rank, ranks), cut(units, 1, next, ranks));
      break;
    }
    case Opcode.SOFTMAX_GRADIENT: {
      const units = softmaxUnits(d(at, 0), d(at, 2));
      const begin = cut(units, 1, rank, ranks);
      const end = cut(units, 1, next, ranks);
      softmaxGradient(fn, p(at, 0), p(at, 1), p(at, 2), d(at, 1), d(at, 2), accumulate, begin, end);
      break;
    }
    case Opcode.CROSS_ENTROPY: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      const soft = (flags & FLAG_PROBABILITIES) != 0;
      return crossEntropy(
        p(at, 0), p(at, 1), p(at, 2), p(at, 3), d(at, 1), soft, p(at, 4), d(at, 2), s(at, 0), begin, end,
      );
    }
    case Opcode.CROSS_ENTROPY_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      const soft = (flags & FLAG_PROBABILITIES) != 0;
      crossEntropyGradient(
        p(at, 0), p(at, 1), p(at, 2), p(at, 3), d(at, 1), d(at, 2), s(at, 0), soft, accumulate, begin, end,
      );
      break;
    }
    case Opcode.GATHER: {
      const n = d(at, 0);
      const indices = <usize>load<u32>(p(at, 2));
      gather(p(at, 0), p(at, 1), indices, d(at, 1), cut(n, LINE, rank, ranks), cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.DROPOUT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      dropout(p(at, 0), p(at, 1), p(at, 2), p(at, 3), s(at, 0), begin, cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.COUNT: {
      if (rank == 0) count(p(at, 0), d(at, 0), p(at, 1));
      break;
    }
    case Opcode.UPDATE: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      update(fn, flags, p(at, 0), p(at, 1), p(at, 2), p(at, 3), p(at, 4), p(at, 5), begin, end);
      break;
    }
    case Opcode.NORMALIZE: {
      const units = normUnits(d(at, 1), d(at, 2));
      const begin = cut(units, 4, rank, ranks);
      const end = cut(units, 4, next, ranks);
      normalize(fn, p(at, 0), p(at, 1), p(at, 2), d(at, 0), d(at, 1), d(at, 2), s(at, 0), begin, end);
      break;
    }
    case Opcode.NORMALIZE_GRADIENT: {
      const units = normUnits(d(at, 1), d(at, 2));
      const begin = cut(units, 4, rank, ranks);
      const end = cut(units, 4, next, ranks);
      normalizeGradient(
        fn, p(at, 0), p(at, 1), p(at, 2), p(at, 3), d(at, 0), d(at, 1), d(at, 2), accumulate, begin, end,
      );
      break;
    }
    case Opcode.BLEND: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      blend(p(at, 0), p(at, 1), p(at, 2), s(at, 0), s(at, 1), begin, cut(n, LINE, next, ranks));
      break;
    }
    case Opcode.EMBEDDING: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      return embedding(p(at, 0), p(at, 1), p(at, 2), d(at, 1), d(at, 2), begin, cut(n, LINE, next, ranks));
    }
    case Opcode.EMBEDDING_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      const end = cut(n, LINE, next, ranks);
      embeddingGradient(
        p(at, 0), p(at, 1), p(at, 2), p(at, 3), n, d(at, 1), d(at, 2), s(at, 0), accumulate, begin, end,
      );
      break;
    }
    case Opcode.PICK: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      return pick(p(at, 0), p(at, 1), p(at, 2), d(at, 1), d(at, 2), s(at, 0), begin, cut(n, LINE, next, ranks));
    }
    case Opcode.PICK_GRADIENT: {
      const n = d(at, 0);
      const begin = cut(n, LINE, rank, ranks);
      pickGradient(p(at, 0), p(at, 1), p(at, 2), d(at, 1), s(at, 0), accumulate, begin, cut(n, LINE, next, ranks));
      break;
    }
  }
  return Status.OK;
}
