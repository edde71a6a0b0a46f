import { Opcode } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import type { Block } from '../core/owner.js';
import type { Tape } from './tape.js';
import type { Source } from './value.js';

/** Numbers held by JavaScript. */
export class HostSource implements Source {
  readonly kind = HostSource;

  constructor(private readonly values: Float32Array) {}

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
export class Table {
  /** The kind of the sources whose indices stand in linear memory too. */
  readonly resident = Symbol('resident');

  constructor(
    readonly block: Block,
    readonly width: number,
  ) {}
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

/** Rows of a table whose indices stand in linear memory, at an address that may be changed between replays. */
export class ResidentSource implements Source {
  address = 0;
  readonly kind: unknown;

  constructor(
    private readonly table: Table,
    private readonly rows: number,
  ) {
    this.kind = table.resident;
  }

  read(): Float32Array {
    const start = this.address / 4;
    return new GatherSource(this.table, engine().i32.slice(start, start + this.rows)).read();
  }

  attach(tape: Tape, pointer: number): (source: Source) => void {
    const { block, width } = this.table;
    const slot = tape.bytes(4);
    tape.hold(block);
    tape.program.append(Opcode.GATHER, 0, [pointer, block.pointer, slot], [this.rows, width]);
    const at = slot / 4;
    const write = (source: Source): void => {
      engine().i32[at] = (source as ResidentSource).address;
    };
    write(this);
    return write;
  }
}
