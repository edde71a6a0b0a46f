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
    const write = (source: Source): void => engine().f32.set((source as HostSource).values, pointer / 4);
    write(this);
    return write;
  }
}

/** A table [rows, width] that stays in linear memory. */
export class Table {
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
    const slot = tape.bytes(rows * 4);
    tape.hold(block);
    tape.program.append(Opcode.GATHER, 0, [pointer, block.pointer, slot], [rows, width]);
    const write = (source: Source): void => engine().i32.set((source as GatherSource).indices, slot / 4);
    write(this);
    return write;
  }
}
