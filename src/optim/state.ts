import { STATE_BYTES } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { Block } from '../core/owner.js';
import { writable } from '../tensor/numbers.js';
import type { SavedParameter } from './saved.js';

/** What an optimizer remembers of one parameter: the number of its steps, and buffers of its size. */
export class ParameterState {
  readonly block: Block;
  private readonly strideBytes: number;
  private readonly bytes: number;

  constructor(
    /** Undefined where one is absent. */
    private readonly names: readonly (string | undefined)[],
    private readonly size: number,
    private readonly initial: number,
    private readonly hasProduct: boolean,
  ) {
    // Every buffer begins in a cache line of its own.
    this.strideBytes = Math.ceil((size * 4) / STATE_BYTES) * STATE_BYTES;
    const buffers = names.filter((name) => name !== undefined).length;
    this.bytes = STATE_BYTES + buffers * this.strideBytes;
    this.block = new Block(this.bytes);
    this.clear();
  }

  get floats(): number {
    return this.bytes / 4;
  }

  /** The operands of UPDATE: the state, whose first buffer is behind the header, and pointers to the other buffers. */
  get operands(): number[] {
    return this.names.map((_, i) => (i === 0 ? this.block.pointer : this.pointerOf(i)));
  }

  has(names: readonly (string | undefined)[]): boolean {
    return names.length === this.names.length && names.every((name, i) => name === this.names[i]);
  }

  /** Back to before the first step. */
  clear(): void {
    this.header.setBigUint64(0, 0n, true);
    this.header.setFloat64(8, 1, true);
    const { f32 } = engine();
    this.each((_, at) => void f32.fill(this.initial, at, at + this.size));
  }

  read(): SavedParameter {
    const saved: SavedParameter = { step: Number(this.header.getBigUint64(0, true)) };
    if (this.hasProduct) saved.muProduct = this.header.getFloat64(8, true);
    this.each((name, at) => (saved[name] = writable(engine().f32.slice(at, at + this.size))));
    return saved;
  }

  /** @param saved checked */
  write(saved: SavedParameter): void {
    this.header.setBigUint64(0, BigInt(saved.step), true);
    if (this.hasProduct) this.header.setFloat64(8, saved.muProduct as number, true);
    this.each((name, at) => engine().f32.set(saved[name] as Float32Array, at));
  }

  private each(visit: (name: string, at: number) => void): void {
    this.names.forEach((name, i) => {
      if (name !== undefined) visit(name, this.pointerOf(i) / 4);
    });
  }

  private pointerOf(i: number): number {
    if (this.names[i] === undefined) return 0;
    const before = this.names.slice(0, i).filter((name) => name !== undefined).length;
    return this.block.pointer + STATE_BYTES + before * this.strideBytes;
  }

  private get header(): DataView {
    return new DataView(engine().memory.buffer, this.block.pointer, STATE_BYTES);
  }
}
