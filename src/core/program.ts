import { INSTRUCTION_BYTES, INSTRUCTION_WORDS, Status, type Opcode } from '../../assembly/opcodes.js';
import { engine, type StepsArguments } from './engine.js';

// Where assembly/opcodes.ts puts the operands of an instruction, in words.
const FIRST_POINTER = 2;
const POINTERS = 6;
const FIRST_DIM = 8;
const DIMS = 5;
const FIRST_SCALAR = 13;
const SCALARS = 3;
/** Instructions; a step of a small network has about thirty. */
const FIRST_CAPACITY = 64;

/** One instruction, read back; assembly/opcodes.ts says what the words mean. */
export interface Instruction {
  readonly opcode: Opcode;
  readonly flags: number;
  /** In bytes, 0 where absent. */
  readonly pointers: readonly number[];
  /** In elements. */
  readonly dims: readonly number[];
  readonly scalars: readonly number[];
}

/** An array of instructions in linear memory; assembly/opcodes.ts says what the words mean. */
export class Program {
  private pointer = 0;
  private capacity = 0;
  count = 0;

  /**
   * Appends one instruction.
   *
   * @param pointers in bytes, 0 where absent
   * @param dims in elements
   */
  append(
    opcode: Opcode,
    flags: number,
    pointers: readonly number[],
    dims: readonly number[],
    scalars: readonly number[] = [],
  ): void {
    if (this.count === this.capacity) this.enlarge();
    const base = this.pointer / 4 + this.count * INSTRUCTION_WORDS;
    const { i32, f32 } = engine();
    i32[base] = opcode;
    i32[base + 1] = flags;
    for (let i = 0; i < POINTERS; i++) i32[base + FIRST_POINTER + i] = pointers[i] ?? 0;
    for (let i = 0; i < DIMS; i++) i32[base + FIRST_DIM + i] = dims[i] ?? 0;
    for (let i = 0; i < SCALARS; i++) f32[base + FIRST_SCALAR + i] = scalars[i] ?? 0;
    this.count++;
  }

  /** Runs the instructions from `first` on, in one call into Wasm. */
  run(first = 0): Status {
    if (first === this.count) return Status.OK;
    const { core, scratch, team } = engine();
    if (team) return team.run(this.pointer, first, this.count);
    return core.run(this.pointer, first, this.count, 0, 1, scratch);
  }

  /** Runs all of them for batches in a row, in one call into Wasm: how many, or the negative status. */
  runSteps(...steps: StepsArguments): number {
    const { core, scratch, team } = engine();
    if (team) return team.runSteps(this.pointer, this.count, steps);
    return core.runSteps(this.pointer, this.count, scratch, ...steps);
  }

  /** The pointers of the instructions from `first` on, apart from where each writes its result. */
  pointersFrom(first: number): number[] {
    return this.read(first).flatMap(({ pointers }) => pointers.slice(1));
  }

  /** The instructions from `first` on, as they stand in memory. */
  read(first = 0): Instruction[] {
    const { i32, f32 } = engine();
    // Views and iterators for a few words each would take longer than all the rest.
    const words = (from: Int32Array | Float32Array, first: number, count: number): number[] => {
      const list: number[] = [];
      for (let i = first; i < first + count; i++) list.push(from[i]);
      return list;
    };
    return Array.from({ length: this.count - first }, (_, i) => {
      const base = this.pointer / 4 + (first + i) * INSTRUCTION_WORDS;
      return {
        opcode: i32[base],
        flags: i32[base + 1],
        pointers: words(i32, base + FIRST_POINTER, POINTERS).map((pointer) => pointer >>> 0),
        dims: words(i32, base + FIRST_DIM, DIMS),
        scalars: words(f32, base + FIRST_SCALAR, SCALARS),
      };
    });
  }

  /** Puts these instructions in the place of all that there are. */
  replace(instructions: readonly Instruction[]): void {
    this.count = 0;
    for (const { opcode, flags, pointers, dims, scalars } of instructions) {
      this.append(opcode, flags, pointers, dims, scalars);
    }
  }

  release(): void {
    if (this.pointer !== 0) engine().allocator.release(this.pointer);
    this.pointer = this.capacity = this.count = 0;
  }

  private enlarge(): void {
    const { allocator } = engine();
    const capacity = Math.max(FIRST_CAPACITY, this.capacity * 2);
    const pointer = allocator.allocate(capacity * INSTRUCTION_BYTES);
    if (this.pointer !== 0) {
      const { i32 } = engine();
      i32.copyWithin(pointer / 4, this.pointer / 4, this.pointer / 4 + this.count * INSTRUCTION_WORDS);
      allocator.release(this.pointer);
    }
    this.pointer = pointer;
    this.capacity = capacity;
  }
}
