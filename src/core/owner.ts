import { engine } from './engine.js';

/**
 * Whoever owns memory that tensors point into. A tensor remembers the generation it was made in; once the owner has
 * moved on, reading it is an error.
 */
export interface Owner {
  readonly generation: number;
  /** What became of the memory, for the error message. */
  readonly fate: string;
}

let changed = 0;

/**
 * How often something changed that a recording may rely on: memory was disposed of, a parameter frozen. While the count
 * stands still, so does everything that recordings assume.
 */
export function changes(): number {
  return changed;
}

/** Makes every recording check what it assumes before its next replay. */
export function noteChange(): void {
  changed++;
}

const abandoned = new FinalizationRegistry<number>((pointer) => engine().allocator.release(pointer));

/** A block of linear memory that lives as long as somebody holds this object, or until it is disposed of. */
export class Block implements Owner {
  generation = 0;
  fate = 'its memory was released by [Symbol.dispose]()';
  readonly pointer: number;

  constructor(bytes: number) {
    this.pointer = engine().allocator.allocate(bytes);
    abandoned.register(this, this.pointer, this);
  }

  [Symbol.dispose](): void {
    if (this.generation < 0) return;
    abandoned.unregister(this);
    engine().allocator.release(this.pointer);
    this.generation = -1;
    noteChange();
  }
}
