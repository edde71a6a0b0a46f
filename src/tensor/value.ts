import { engine } from '../core/engine.js';
import { Block, noteChange, type Owner } from '../core/owner.js';
import { formatShape, sizeOf, type Shape } from './layout.js';
import type { Call, Tape } from './tape.js';
import { noteWrite } from './writes.js';

/**
 * Where a constant's numbers come from. They live in JavaScript (or in a data set) and are written into the memory of
 * whichever tape uses them, so a constant needs no disposal and never goes stale.
 */
export interface Source {
  /** Sources of one kind can take each other's place in a replay. */
  readonly kind: unknown;
  /** Whether it stands for an argument of a captured function: a replay puts others in its place. */
  readonly isSlot?: boolean;
  /** The numbers, as a copy. */
  read(): Float32Array;
  /** Reserves what the source needs on a tape, appends what writes the numbers to `pointer`, and returns a function that puts another source of this kind in its place. */
  attach(tape: Tape, pointer: number): (source: Source) => void;
}

/** Why a gradient is not there. */
export const APPLIED =
  'a replayed step applied this gradient to its parameter and did not keep it; ' +
  'pass keepGradients: true to fit() or capture(), or look at it inside the captured function';

/** The gradient of a leaf: a block that is empty until backward() writes it, and again after zeroGrad(). */
export class Gradient {
  readonly block: Block;
  filled = false;
  /** Somebody took it as a tensor. */
  seen = false;
  /** How many recordings write to it. */
  recordings = 0;

  constructor(readonly size: number) {
    this.block = new Block(size * 4);
  }

  /** The next write overwrites; whoever still holds the old gradient is told when he reads it. */
  clear(): void {
    if (!this.filled) return;
    this.filled = false;
    this.block.generation++;
    this.block.fate = 'the gradient was cleared by zeroGrad()';
  }

  /** Gives the memory back; a pending backward() that would read it is told. */
  release(): void {
    noteWrite(this.block.pointer, this.size);
    this.block[Symbol.dispose]();
  }

  fillWithZeros(): void {
    const start = this.block.pointer / 4;
    engine().f32.fill(0, start, start + this.size);
  }
}

/** What the tape sees of a tensor: its shape, where its numbers are, and how it came to be. */
export abstract class Value {
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
  /** @internal the recorded operation that made this value, where a gradient can flow through it */
  readonly call: Call | undefined;
  /** @internal */
  gradient: Gradient | undefined = undefined;
  /** @internal a replayed step used the gradient up without storing it: see the rule updateInPlace */
  gradientApplied = false;
  private readonly generation: number;
  private needsGradient: boolean;

  /**
   * @param place pointer to the numbers, or their source
   * @param base whose memory a view looks at: it must be readable itself, and stays alive
   * @internal
   */
  protected constructor(
    shape: Shape,
    private readonly owner: Owner | undefined,
    private readonly place: number | Source,
    requiresGrad: boolean,
    call?: Call,
    private readonly base?: Value,
  ) {
    this.shape = shape;
    this.size = sizeOf(shape);
    this.generation = owner ? owner.generation : 0;
    this.needsGradient = requiresGrad;
    this.call = call;
  }

  /** Whether backward() computes a gradient for this tensor. May be changed on leaves, to freeze and unfreeze. */
  get requiresGrad(): boolean {
    return this.needsGradient;
  }

  set requiresGrad(value: boolean) {
    if (this.call)
      throw new Error('requiresGrad: only leaves can be changed; use detach() on a computed tensor');
    if (value && typeof this.place !== 'number') {
      throw new Error(
        'requiresGrad: this tensor is a constant; create it with tensor(data, { requiresGrad: true })',
      );
    }
    if (value !== this.needsGradient) noteChange();
    this.needsGradient = value;
  }

  /** Whether no recorded operation made this tensor. */
  get isLeaf(): boolean {
    return this.call === undefined;
  }

  /** @internal the source of a constant */
  get source(): Source | undefined {
    return typeof this.place === 'number' ? undefined : this.place;
  }

  /** @internal whether this value lives in that tape's memory as it is now */
  livesOn(tape: Tape): boolean {
    return this.owner === tape && this.generation === tape.generation;
  }

  /** @internal the tape, the block, or nothing for a constant */
  get home(): Owner | undefined {
    return this.owner;
  }

  /** @internal the pointer of a value in linear memory; an error where its memory was reused */
  pointer(): number {
    if (typeof this.place !== 'number') throw new Error('a constant has no address of its own');
    if (this.base && !this.base.source) this.base.pointer();
    if (this.owner && this.owner.generation !== this.generation) {
      throw new Error(
        `this tensor ${formatShape(this.shape)} can no longer be read: ${this.owner.fate}; ` +
          'take what you need earlier, with item(), toArray() or detach()',
      );
    }
    return this.place;
  }

  /** The numbers in row-major order, as a copy. */
  get data(): Float32Array {
    if (typeof this.place !== 'number') return this.place.read();
    return engine().read(this.pointer(), this.size);
  }

  /** @internal A replayed step uses the gradient up without storing it: its memory is not needed. */
  applyGradient(): void {
    this.gradientApplied = true;
    if (!this.gradient) return;
    // Another recording still writes there.
    if (this.gradient.recordings > 1) return this.gradient.clear();
    const { gradient } = this;
    this.gradient = undefined;
    gradient.release();
    gradient.block.fate = APPLIED;
  }

  /**
   * Gives the memory of a leaf (and of its gradient) back at once; without it, that happens when it is collected. Nothing
   * happens to what is no leaf: a `grad` is its leaf's.
   */
  [Symbol.dispose](): void {
    if (this.call || this.base) return;
    if (this.owner instanceof Block && this.owner.generation >= 0) {
      noteWrite(this.place as number, this.size);
      this.owner[Symbol.dispose]();
    }
    this.gradient?.release();
    this.gradient = undefined;
    this.gradientApplied = false;
  }
}
