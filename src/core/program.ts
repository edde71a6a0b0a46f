import { INSTRUCTION_BYTES, INSTRUCTION_WORDS, Status, type Opcode } from '../../assembly/opcodes.js';
import { engine } from './engine.js';

/** An array of instructions in linear memory; assembly/opcodes.ts says what the words mean. */
export class Program {
  private pointer = 0;
  private capacity = 0;
  count = 0;

  /** Appends one instruction. Pointers are bytes, 0 where absent. */
  append(
    opcode: Opcode,
    flags: number,
    p0: number,
    p1 = 0,
    p2 = 0,
    p3 = 0,
    p4 = 0,
    d0 = 0,
    d1 = 0,
    d2 = 0,
    s0 = 0,
    s1 = 0,
  ): void {
    if (this.count === this.capacity) this.enlarge();
    const base = this.pointer / 4 + this.count * INSTRUCTION_WORDS;
    const { i32, f32 } = engine();
    i32[base] = opcode;
    i32[base + 1] = flags;
    i32[base + 2] = p0;
    i32[base + 3] = p1;
    i32[base + 4] = p2;
    i32[base + 5] = p3;
    i32[base + 6] = p4;
    i32[base + 8] = d0;
    i32[base + 9] = d1;
    i32[base + 10] = d2;
    f32[base + 13] = s0;
    f32[base + 14] = s1;
    this.count++;
  }

  /** Runs the instructions from `first` on, in one call into Wasm. */
  run(first = 0): Status {
    if (first === this.count) return Status.OK;
    const { core, scratch } = engine();
    return core.run(this.pointer, first, this.count, 0, 1, scratch);
  }

  release(): void {
    if (this.pointer !== 0) engine().allocator.release(this.pointer);
    this.pointer = this.capacity = this.count = 0;
  }

  private enlarge(): void {
    const { allocator } = engine();
    const capacity = Math.max(16, this.capacity * 2);
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
