import { Opcode, Status } from '../../assembly/opcodes.js';
import { Arena } from '../core/arena.js';
import { engine } from '../core/engine.js';
import { Block, type Owner } from '../core/owner.js';
import { Program, type Instruction } from '../core/program.js';
import { formatShape, sizeOf, type Shape } from './layout.js';
import type { Gradient, Source, Value } from './value.js';
import type { Write } from './writes.js';

/** One operation: everything that autograd knows about it. The table of them is the folder `operations/`. */
export interface Operation<Options = void> {
  /** As users call it; errors begin with it. */
  readonly name: string;
  /** The shape of the result; throws where the inputs do not fit. */
  shape(inputs: readonly Value[], options: Options): Shape;
  /** Whether the result is the first input's memory under another shape. */
  readonly isView?: boolean;
  /** Whether `backward` runs instructions by itself, with operations of its own. */
  readonly runsBackward?: boolean;
  /** Whether backward uses the numbers of input `i`, for instructions that point to what they leave alone; always without. */
  reads?(call: Call<Options>, i: number): boolean;
  /** Appends the instructions that compute `call.output` from `call.inputs`. */
  forward(tape: Tape, call: Call<Options>): void;
  /** Appends the instructions that turn `call.outputGradient` into gradients of the inputs that want one. */
  backward(tape: Tape, call: Call<Options>): void;
}

/** One recorded use of an operation. */
export class Call<Options = unknown> {
  /** Pointers that forward() keeps for backward(). */
  readonly saved: number[] = [];
  /** Pointer of the gradient of the output while backward() runs; 0 where none has arrived. */
  outputGradient = 0;
  /** Set once backward() went through: a second time is an error. */
  spent = false;

  constructor(
    readonly operation: Operation<Options>,
    readonly inputs: readonly Value[],
    /** Pointers of the inputs. */
    readonly addresses: readonly number[],
    readonly shape: Shape,
    readonly output: number,
    readonly options: Options,
  ) {}

  get size(): number {
    return sizeOf(this.shape);
  }
}

/** What a captured tape notes about the gradient of a leaf, so that a replay leaves the same state behind. */
export interface LeafRecord {
  /** zeroGrad() came before the first write. */
  zeroed: boolean;
  /** The program adds to what the gradient holds when the replay begins. */
  continues: boolean;
}

const abandoned = new FinalizationRegistry<{ arena: Arena; program: Program }>(({ arena, program }) => {
  arena.release();
  program.release();
});

/** The memory, the instructions and the recorded calls of one forward and backward pass. */
export class Tape implements Owner {
  generation = 1;
  fate = 'its tape ended after backward(), or when memory ran out, and the memory was reused';
  /** backward() ran, or memory ran out: the next operation that uses nothing of this tape starts it anew. */
  finished = false;
  readonly calls: Call[] = [];
  readonly program = new Program();
  /** Present while the tape is captured: the leaves whose gradients it touches. */
  leaves: Map<Value, LeafRecord> | undefined;
  /** What was overwritten in place since calls were recorded, or, while captured, at all; by pointer. */
  readonly writes = new Map<number, Write>();
  /** Gradients that were empty before the backward pass under way. */
  readonly firstWrites: Gradient[] = [];
  private readonly held = new Set<unknown>();
  /** Memory that came into being while this tape was captured. */
  private readonly made = new Set<unknown>();
  /** What must hold for a replay besides the assumptions, and may change at any time. */
  private readonly asked: (() => boolean)[] = [];
  private readonly assumptions: (() => boolean)[] = [];
  private readonly arena = new Arena();
  private readonly constants = new Map<Source, number>();
  private executed = 0;
  private exhausted = false;

  /**
   * @param keepsProgram whether the instructions stay for a replay
   * @param recordsGradients whether calls are noted for backward()
   */
  constructor(
    readonly keepsProgram: boolean,
    public recordsGradients: boolean,
  ) {}

  get sizeBytes(): number {
    return this.arena.sizeBytes;
  }

  /** Memory for `elements` floats, until the tape is reset. */
  floats(elements: number): number {
    return this.bytes(elements * 4);
  }

  /**
   * @throws RangeError if memory or the limit of a tape is exhausted; the next operation that uses nothing of this tape
   * starts it again then, with room
   */
  bytes(count: number): number {
    try {
      return this.arena.allocate(count);
    } catch (error) {
      this.finished = this.exhausted = true;
      throw error;
    }
  }

  /** Writes a layout and returns its pointer. */
  layout(words: readonly number[]): number {
    const pointer = this.floats(words.length);
    engine().i32.set(words, pointer / 4);
    return pointer;
  }

  /** Where the instructions of this tape find the numbers of a value. */
  address(value: Value, operation: string): number {
    const { source } = value;
    if (source) {
      let pointer = this.constants.get(source);
      if (pointer === undefined) {
        pointer = this.floats(value.size);
        source.attach(this, pointer);
        // At once: were it dropped with instructions that come later, nobody would write these numbers.
        this.execute(operation);
        this.constants.set(source, pointer);
      }
      return pointer;
    }
    const pointer = value.pointer();
    const { home } = value;
    if (home !== this && this.keepsProgram) {
      if (home instanceof Tape) {
        throw new Error(
          `${operation}: a tensor ${formatShape(value.shape)} computed outside the captured function is used in it; ` +
            'pass it as an argument, or detach() it',
        );
      }
      if (!this.held.has(value)) {
        this.hold(value);
        const { requiresGrad } = value;
        this.assume(() => value.requiresGrad === requiresGrad);
      }
      this.hold(home);
    }
    return pointer;
  }

  /** Gives a constant a fixed place on this tape, the slot of a captured argument, and returns what fills it again. */
  bind(source: Source, size: number): (source: Source) => void {
    const pointer = this.floats(size);
    const replace = source.attach(this, pointer);
    this.constants.set(source, pointer);
    return replace;
  }

  /** Keeps an object alive whose memory the instructions of a captured tape point to. */
  hold(object: unknown): void {
    if (this.keepsProgram) this.held.add(object);
  }

  holds(object: unknown): boolean {
    return this.held.has(object);
  }

  /** Lets go of memory that no instruction of a captured tape points to any more. */
  letGo(memory: unknown): void {
    this.held.delete(memory);
  }

  /** Notes what must hold for a captured tape to be replayed; `noteChange()` has it checked. */
  assume(holds: () => boolean): void {
    if (this.keepsProgram) this.assumptions.push(holds);
  }

  /** Whether all of it still holds, and no memory was disposed of. */
  get stands(): boolean {
    for (const object of this.held) if (object instanceof Block && object.generation < 0) return false;
    return this.assumptions.every((holds) => holds());
  }

  /** Whether the gradients that a captured tape was asked for are filled, or empty, as they were. */
  get answers(): boolean {
    for (const holds of this.asked) if (!holds()) return false;
    return true;
  }

  /** Notes whether the gradient of a leaf is filled, for what depends on it; where the tape itself decides that, it is known. */
  ask(leaf: Value): void {
    if (!this.leaves || this.leaves.has(leaf) || this.made.has(leaf.home)) return;
    const filled = leaf.gradient?.filled ?? false;
    this.asked.push(() => !leaf.gradientApplied && (leaf.gradient?.filled ?? false) === filled);
  }

  /** Appends, while captured: a block that the function makes holds, here, the `size` floats that it holds now. */
  renew(block: Block, size: number): void {
    if (size === 0) return;
    this.made.add(block);
    this.hold(block);
    const from = this.floats(size);
    const { f32 } = engine();
    f32.copyWithin(from / 4, block.pointer / 4, block.pointer / 4 + size);
    this.copy(from, block.pointer, size, 0);
  }

  /** How the gradient of a leaf begins that this tape meets for the first time. */
  noteLeaf(leaf: Value): LeafRecord {
    const isOwn = this.made.has(leaf.home);
    // The program will add to whatever the gradient holds at a replay; of a leaf that it makes that is nothing.
    const note = { zeroed: isOwn, continues: !isOwn };
    this.leaves!.set(leaf, note);
    return note;
  }

  noteWrite(pointer: number, size: number): void {
    const calls = this.calls.length;
    if (calls > 0 || this.keepsProgram) this.writes.set(pointer, { size, calls });
  }

  /**
   * Runs the instructions that `append` appends.
   *
   * @throws what `append` throws, and what execute() does; then nothing is left to run with the next operation
   */
  perform<T>(operation: string, append: () => T): T {
    try {
      const result = append();
      this.execute(operation);
      return result;
    } finally {
      this.program.count = this.executed;
    }
  }

  /** Runs what was appended since the last time; what failed does not stay. */
  execute(operation: string): void {
    try {
      const status = this.program.run(this.executed);
      if (status !== Status.OK) throw statusError(operation, status);
      if (this.keepsProgram) this.executed = this.program.count;
    } finally {
      this.program.count = this.executed;
    }
  }

  /** Puts other instructions in the place of those that were captured and have run. */
  rewrite(instructions: readonly Instruction[]): void {
    this.program.replace(instructions);
    this.executed = this.program.count;
  }

  /** Takes back the memory; everything that lived here can no longer be read. */
  reset(): void {
    this.generation++;
    this.finished = false;
    this.calls.length = 0;
    this.writes.clear();
    this.constants.clear();
    if (this.exhausted) this.arena.release();
    else this.arena.reset();
    this.exhausted = false;
  }

  release(): void {
    this.reset();
    this.arena.release();
    this.program.release();
    this.held.clear();
    this.made.clear();
    this.assumptions.length = this.asked.length = 0;
  }

  /** Whether these numbers are in the memory of this tape. */
  contains(pointer: number): boolean {
    return this.arena.contains(pointer);
  }

  /** Gives the memory back once nobody holds this tape any more. */
  releaseWithOwner(): void {
    abandoned.register(this, { arena: this.arena, program: this.program });
  }

  /** Appends: size elements at `pointer` become `value`. */
  fill(pointer: number, size: number, value: number, flags = 0): void {
    this.program.append(Opcode.FILL, flags, [pointer], [size], [value]);
  }

  /** Appends: out (+)= scale · in, both contiguous. */
  copy(from: number, to: number, size: number, flags: number, scale = 1): void {
    this.program.append(Opcode.COPY, flags, [to, from, this.layout([1, size, 1, 1])], [size], [scale]);
  }
}

/** The error for a program that stopped on what it found in the data. */
export function statusError(operation: string, status: Status): Error {
  if (status === Status.LABEL) {
    return new RangeError(
      `${operation}: expected class indices, integers from 0 to classes − 1, got another number`,
    );
  }
  if (status === Status.INDEX) {
    return new RangeError(
      `${operation}: expected indices of an embedding, integers from 0 to numEmbeddings − 1, got another number`,
    );
  }
  return new Error(`${operation}: the core stopped with status ${status}`);
}
