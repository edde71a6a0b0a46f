import { Status } from '../../assembly/opcodes.js';
import { changes, type Block } from '../core/owner.js';
import { sameShape, type Shape } from './layout.js';
import { optimise } from './rules.js';
import { currentTape, hasEagerCalls, withTape } from './scope.js';
import type { Cursor } from './source.js';
import { statusError, Tape } from './tape.js';
import { Tensor } from './tensor.js';
import type { Source, Value } from './value.js';
import { noteWrite, type Write } from './writes.js';

interface Slot {
  readonly shape: Shape;
  readonly kind: unknown;
  readonly replace: (source: Source) => void;
}

/** What a replay leaves behind in the gradient of a leaf. */
interface LeafEffect {
  readonly leaf: Value;
  readonly zeroed: boolean;
  readonly continues: boolean;
  readonly filledAfter: boolean;
  /** The program uses the gradient up without storing it. */
  readonly applied: boolean;
}

/** Batches whose indices lie one behind the other in linear memory, for a program whose first result is a loss. */
export interface Row {
  readonly cursor: Cursor;
  /** Room for the loss of each. */
  readonly losses: Block;
  /** How many batches. */
  readonly times: number;
}

/** One recording of a function, for one set of argument shapes. */
export class Recording {
  readonly tape: Tape;
  /** Where the returned tensors are. */
  readonly results: readonly { readonly shape: Shape; readonly pointer: number }[];
  /** Whether the function returned one tensor, and not an array. */
  readonly single: boolean;
  private readonly slots: readonly Slot[];
  /** Count of changes up to which what the recording assumes is known to hold. */
  private checked = changes();
  private readonly effects: readonly LeafEffect[];
  /** What it overwrites in place. */
  private readonly writes: readonly (readonly [number, Write])[];

  constructor(
    name: string,
    fn: (...args: Tensor[]) => Tensor | readonly Tensor[],
    args: readonly Tensor[],
    withoutRules: ReadonlySet<string>,
  ) {
    const tape = new Tape(true, currentTape().recordsGradients);
    tape.fate = 'its captured function was called again';
    tape.leaves = new Map();
    this.tape = tape;
    try {
      // A source of its own for each: arguments may be one and the same now, and differ in the next call; or one of them
      // may also be a constant of the function, which stays when the argument changes.
      const sources = args.map((arg) => Object.create(arg.source!, { isSlot: { value: true } }) as Source);
      this.slots = args.map(({ shape, size }, i) => {
        const replace = tape.bind(sources[i], size);
        return { shape, kind: sources[i].kind, replace };
      });
      tape.execute(name);
      const own = args.map(({ shape }, i) => new Tensor(shape, undefined, sources[i], false));
      const returned = withTape(tape, () => fn(...own));
      this.single = returned instanceof Tensor;
      const list = returned instanceof Tensor ? [returned] : returned;
      this.results = list.map((value) => ({ shape: value.shape, pointer: tape.address(value, name) }));
    } catch (error) {
      tape.release();
      throw error;
    }
    const kept = new Set(this.results.map(({ pointer }) => pointer));
    const { instructions, applied } = optimise(tape.program.read(), kept, withoutRules, (pointer) =>
      tape.contains(pointer),
    );
    tape.rewrite(instructions);
    this.writes = [...tape.writes];
    this.effects = [...tape.leaves].map(([leaf, { zeroed, continues }]) => ({
      leaf,
      zeroed,
      continues,
      filledAfter: leaf.gradient?.filled ?? false,
      applied: leaf.gradient !== undefined && applied.has(leaf.gradient.block.pointer),
    }));
    for (const { leaf, applied: gone } of this.effects) {
      if (!gone) continue;
      tape.letGo(leaf.gradient!.block);
      leaf.applyGradient();
    }
    tape.calls.length = 0;
    tape.releaseWithOwner();
  }

  /** Whether these arguments can take the place of the recorded ones. */
  fits(args: readonly Tensor[]): boolean {
    if (this.tape.recordsGradients !== currentTape().recordsGradients) return false;
    if (!this.stands || !this.tape.answers || this.slots.length !== args.length) return false;
    for (let i = 0; i < args.length; i++) {
      const { kind, shape } = this.slots[i];
      if (kind !== args[i].source!.kind || !sameShape(shape, args[i].shape)) return false;
    }
    return true;
  }

  /** Whether all that it points to is there, and the leaves that were frozen are frozen, and no others. */
  get stands(): boolean {
    const count = changes();
    if (this.checked === count) return true;
    if (!this.tape.stands) return false;
    this.checked = count;
    return true;
  }

  /**
   * Runs the program again, in one call into Wasm: with these arguments; or for a row of batches, which begins behind the one
   * that it was last run for.
   *
   * @returns how many times it ran: of a row fewer than asked for, where a loss is not finite
   */
  replay(name: string, args: readonly Tensor[], row?: Row): number {
    // All in one function: divided into several, a step of a tiny network takes a seventh more.
    for (let i = 0; i < args.length; i++) this.slots[i].replace(args[i].source!);
    for (const { leaf, zeroed, continues } of this.effects) {
      const { gradient } = leaf;
      if (zeroed) gradient?.clear();
      else if (continues && !gradient!.filled) gradient!.fillWithZeros();
    }
    if (hasEagerCalls()) {
      for (const [start, { size }] of this.writes) noteWrite(start, size);
      for (const { leaf } of this.effects) {
        if (leaf.gradient?.seen) noteWrite(leaf.gradient.block.pointer, leaf.size);
      }
    }
    const done = row ? this.runRow(row) : 1;
    const status = row ? Math.max(Status.OK, -done) : this.tape.program.run();
    this.tape.generation++;
    if (status !== Status.OK) throw statusError(name, status);
    for (const { leaf, filledAfter, applied } of this.effects) {
      if (applied) leaf.gradientApplied = true;
      else if (leaf.gradient) {
        leaf.gradient.filled = filledAfter;
        leaf.gradientApplied = false;
      }
    }
    return done;
  }

  private runRow({ cursor: { block, strideBytes }, losses, times }: Row): number {
    const [loss] = this.results;
    return this.tape.program.runSteps(block.pointer, strideBytes, loss.pointer, losses.pointer, times);
  }
}
