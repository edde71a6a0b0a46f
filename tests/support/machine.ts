import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { describe, expect, it } from 'vitest';
import { INSTRUCTION_BYTES, INSTRUCTION_WORDS, type Opcode } from '../../assembly/opcodes.js';
import type { CoreExports } from '../../src/core/engine.js';

export const BUILDS = ['strict', 'relaxed', 'strict-threads', 'relaxed-threads'] as const;
export type BuildFile = (typeof BUILDS)[number];

export function wasmBytes(build: BuildFile): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../build/wasm/${build}.wasm`, import.meta.url)));
}

export interface Instruction {
  op: Opcode;
  flags?: number;
  pointers?: number[];
  dims?: number[];
  scalars?: number[];
}

/** A quiet NaN that no kernel computes: what memory holds before anybody writes to it. */
const CANARY = 0x7fc0dead;
const GUARD_BYTES = 64;

/** A core on memory that is filled with NaN, every operand between two guards. */
export class Machine {
  readonly memory: WebAssembly.Memory;
  readonly core: CoreExports;
  private readonly guards: number[] = [];
  private next = GUARD_BYTES;

  constructor(build: BuildFile) {
    const shared = build.endsWith('threads');
    this.memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared });
    this.core = instantiateSync<CoreExports>(wasmBytes(build), { env: { memory: this.memory } }).exports;
    this.i32.fill(CANARY);
  }

  /** Forgets all operands. */
  reset(): void {
    this.i32.fill(CANARY, 0, this.next / 4);
    this.guards.length = 0;
    this.next = GUARD_BYTES;
  }

  get f32(): Float32Array {
    return new Float32Array(this.memory.buffer);
  }

  get i32(): Int32Array {
    return new Int32Array(this.memory.buffer);
  }

  /** Room for `count` floats, NaN, or a copy of these. */
  floats(values: number | ArrayLike<number>): number {
    const pointer = this.bytes((typeof values === 'number' ? values : values.length) * 4);
    if (typeof values !== 'number') this.f32.set(values, pointer / 4);
    return pointer;
  }

  ints(values: ArrayLike<number>): number {
    const pointer = this.bytes(values.length * 4);
    this.i32.set(values, pointer / 4);
    return pointer;
  }

  /** Memory between guards; its start is aligned as the allocator aligns it. */
  private bytes(count: number): number {
    this.guards.push(this.next);
    const pointer = this.next + GUARD_BYTES;
    const end = pointer + count;
    this.guards.push(end);
    this.next = Math.ceil((end + GUARD_BYTES) / 64) * 64;
    if (this.next > this.memory.buffer.byteLength) throw new Error('the test needs more memory');
    return pointer;
  }

  /** Runs the instructions one after the other, each by every rank in turn. */
  run(ranks: number, instructions: readonly Instruction[]): number {
    const scratch = this.bytes(this.core.scratchBytes(ranks));
    const program = this.bytes(instructions.length * INSTRUCTION_BYTES);
    instructions.forEach(({ op, flags = 0, pointers = [], dims = [], scalars = [] }, i) => {
      const base = program / 4 + i * INSTRUCTION_WORDS;
      this.i32.fill(0, base, base + INSTRUCTION_WORDS);
      this.i32.set([op, flags, ...pointers], base);
      this.i32.set(dims, base + 8);
      this.f32.set(scalars, base + 13);
    });
    for (let i = 0; i < instructions.length; i++) {
      // The last rank first: no rank may depend on another's work.
      for (let rank = ranks - 1; rank >= 0; rank--) {
        const status = this.core.run(program, i, i + 1, rank, ranks, scratch);
        if (status !== 0) return status;
      }
    }
    return 0;
  }

  read(pointer: number, count: number): Float32Array {
    return this.f32.slice(pointer / 4, pointer / 4 + count);
  }

  /** Whether nothing was written next to an operand. */
  get intact(): boolean {
    return this.guards.every((at) => {
      const guard = new Int32Array(this.memory.buffer.slice(at, at + GUARD_BYTES));
      return guard.every((word) => word === CANARY);
    });
  }
}

export interface Output {
  pointer: number;
  /** Float64 reference. */
  expected: readonly number[];
  /** Largest error of each element. */
  tolerance: readonly number[];
}

export interface KernelCase {
  name: string;
  /** Puts the operands down and says what to run and what must come out. */
  prepare(machine: Machine): { instructions: Instruction[]; outputs: Output[] };
}

const machines = new Map<BuildFile, Machine>();

export function machineOf(build: BuildFile): Machine {
  let machine = machines.get(build);
  if (!machine) machines.set(build, (machine = new Machine(build)));
  machine.reset();
  return machine;
}

/** Where a value is further from its reference than its tolerance; the same infinity or NaN is no error. */
export function mismatch(
  actual: ArrayLike<number>,
  { expected, tolerance }: Omit<Output, 'pointer'>,
): string | null {
  if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(actual[i], expected[i]) || actual[i] === expected[i]) continue;
    if (!(Math.abs(actual[i] - expected[i]) <= tolerance[i])) {
      return `[${i}]: ${actual[i]} instead of ${expected[i]} ± ${tolerance[i]}`;
    }
  }
  return null;
}

/** Runs every case in every build with 1, 2 and 3 ranks, which must agree to the bit. */
export function testKernels(title: string, cases: readonly KernelCase[]): void {
  describe(title, () => {
    it('has cases', () => expect(cases.length).toBeGreaterThan(0));
    for (const { name, prepare } of cases) {
      it(name, () => {
        const bits = new Map<string, Int32Array[]>();
        for (const build of BUILDS) {
          for (const ranks of [1, 2, 3]) {
            const machine = machineOf(build);
            const { instructions, outputs } = prepare(machine);
            const where = `${build}, ${ranks} ranks`;
            expect(machine.run(ranks, instructions), where).toBe(0);
            expect(machine.intact, `${where}: wrote beside an operand`).toBe(true);
            const results = outputs.map(({ pointer, expected }) => machine.read(pointer, expected.length));
            results.forEach((result, i) => expect(mismatch(result, outputs[i]), where).toBeNull());
            const arithmetic = build.split('-')[0];
            const words = results.map((result) => new Int32Array(result.buffer));
            const before = bits.get(arithmetic);
            if (before) expect(words, `${where}: other bits than with one rank`).toEqual(before);
            else bits.set(arithmetic, words);
          }
        }
      });
    }
  });
}
