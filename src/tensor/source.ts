import { Opcode } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { Block } from '../core/owner.js';
import type { Tape } from './tape.js';
import type { Source } from './value.js';

/** Numbers held by JavaScript. */
export class HostSource implements Source {
  constructor(private readonly values: Float32Array) {}

  // No field: structuredClone() takes no classes.
  get kind(): unknown {
    return HostSource;
  }

  read(): Float32Array {
    return this.values.slice();
  }

  attach(_tape: Tape, pointer: number): (source: Source) => void {
    const at = pointer / 4;
    const write = (source: Source): void => put(engine().f32, (source as HostSource).values, at);
    write(this);
    return write;
  }
}

/** Copies numbers. A loop is sooner done than a call of set(), where they are few. */
function put<T extends Float32Array | Int32Array>(to: T, from: T, at: number): void {
  if (from.length > 64) to.set(from, at);
  else for (let i = 0; i < from.length; i++) to[at + i] = from[i];
}

/** A table [rows, width] that stays in linear memory. */
export interface Table {
  readonly block: Block;
  readonly width: number;
}

/** Rows of a table, gathered in Wasm by whichever tape uses them. */
export class GatherSource implements Source {
  constructor(
    readonly kind: Table,
    private readonly indices: Int32Array,
  ) {}

  read(): Float32Array {
    const { block, width } = this.kind;
    const result = new Float32Array(this.indices.length * width);
    const { f32 } = engine();
    this.indices.forEach((row, i) => {
      const start = block.pointer / 4 + row * width;
      result.set(f32.subarray(start, start + width), i * width);
    });
    return result;
  }

  attach(tape: Tape, pointer: number): (source: Source) => void {
    const { block, width } = this.kind;
    const rows = this.indices.length;
    // The address of the indices, and behind it the indices.
    const slot = tape.bytes(4 + rows * 4);
    const at = slot / 4;
    engine().i32[at] = slot + 4;
    tape.hold(block);
    tape.program.append(Opcode.GATHER, 0, [pointer, block.pointer, slot], [rows, width]);
    const write = (source: Source): void => put(engine().i32, (source as GatherSource).indices, at + 1);
    write(this);
    return write;
  }
}

/** Where a batch stands whose indices lie in linear memory: its sources share it, so that one number changes the batch. */
export class Cursor {
  /** The address of the batch's first index. */
  readonly block = new Block(4);

  /** @param strideBytes from one batch's indices to the next one's */
  constructor(readonly strideBytes: number) {}

  get address(): number {
    return engine().i32[this.block.pointer / 4] >>> 0;
  }

  set address(address: number) {
    engine().i32[this.block.pointer / 4] = address;
  }
}

/** Rows of a table whose indices are where a cursor stands. */
export class ResidentSource implements Source {
  constructor(
    /** For one column of a loader: such sources differ in their number of rows only. */
    readonly kind: symbol,
    private readonly table: Table,
    private readonly rows: number,
    private readonly cursor: Cursor,
  ) {}

  read(): Float32Array {
    const start = this.cursor.address / 4;
    return new GatherSource(this.table, engine().i32.slice(start, start + this.rows)).read();
  }

  attach(tape: Tape, pointer: number): () => void {
    const { block, width } = this.table;
    tape.hold(block);
    tape.hold(this.cursor.block);
    tape.program.append(
      Opcode.GATHER,
      0,
      [pointer, block.pointer, this.cursor.block.pointer],
      [this.rows, width],
    );
    // Another one of this kind stands where this one does.
    return () => undefined;
  }
}
