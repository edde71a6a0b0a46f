import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { beforeAll, describe, expect, it } from 'vitest';
import { Control, INSTRUCTION_BYTES, INSTRUCTION_WORDS, type Opcode } from '../../assembly/opcodes.js';
import type { CoreExports } from '../../src/core/engine.js';
import { startWorker } from '../../src/core/workersNode.js';

export const BUILDS = ['strict', 'relaxed', 'strict-threads', 'relaxed-threads'] as const;
export type BuildFile = (typeof BUILDS)[number];

export function wasmBytes(build: BuildFile | 'infer'): Uint8Array<ArrayBuffer> {
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
  /** Where operands may lie. */
  protected readonly endBytes: number;
  private readonly guards: number[] = [];
  private next = GUARD_BYTES;

  /** @param reservedBytes at the end of memory, for who derives from this */
  constructor(
    protected readonly build: BuildFile,
    reservedBytes = 0,
  ) {
    const shared = build.endsWith('threads');
    const initial = 96 + Math.ceil(reservedBytes / 65536);
    this.memory = new WebAssembly.Memory({ initial, maximum: 65536, shared });
    this.endBytes = this.memory.buffer.byteLength - reservedBytes;
    this.core = instantiateSync<CoreExports>(wasmBytes(build), { env: { memory: this.memory } }).exports;
    this.i32.fill(CANARY, 0, this.endBytes / 4);
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
  protected bytes(count: number): number {
    this.guards.push(this.next);
    const pointer = this.next + GUARD_BYTES;
    const end = pointer + count;
    this.guards.push(end);
    this.next = Math.ceil((end + GUARD_BYTES) / 64) * 64;
    if (this.next > this.endBytes) throw new Error('the test needs more memory');
    return pointer;
  }

  /** Writes a program down. */
  protected put(instructions: readonly Instruction[]): number {
    const program = this.bytes(instructions.length * INSTRUCTION_BYTES);
    instructions.forEach(({ op, flags = 0, pointers = [], dims = [], scalars = [] }, i) => {
      const base = program / 4 + i * INSTRUCTION_WORDS;
      this.i32.fill(0, base, base + INSTRUCTION_WORDS);
      this.i32.set([op, flags, ...pointers], base);
      this.i32.set(dims, base + 8);
      this.f32.set(scalars, base + 13);
    });
    return program;
  }

  /** Runs the instructions one after the other, each by every rank in turn. */
  run(ranks: number, instructions: readonly Instruction[]): number {
    const scratch = this.bytes(this.core.scratchBytes(ranks));
    const program = this.put(instructions);
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

const RESERVED_BYTES = 65536 * 8;

/** A machine whose ranks are threads, which share every instruction however small it is. */
export class ThreadedMachine extends Machine {
  readonly control = this.endBytes;
  readonly scratch = this.control + Control.BYTES;

  constructor(
    build: 'strict-threads' | 'relaxed-threads',
    readonly threads: number,
  ) {
    super(build, RESERVED_BYTES);
    this.i32.fill(0, this.control / 4, this.scratch / 4);
    this.set(Control.SCRATCH, this.scratch);
    this.set(Control.RANKS, threads);
    this.set(Control.WORKER_SPINS, 20_000);
    this.set(Control.LEADER_SPINS, 2_000);
    this.set(Control.LEADER_MAY_SLEEP, 1);
    this.set(Control.PATIENCE, 200);
    // So long that a worker comes, if its processor is not needed for another.
    this.set(Control.YIELD_SPINS, 100_000);
  }

  set(word: Control, value: number): void {
    Atomics.store(this.i32, (this.control + word) / 4, value);
  }

  get(word: Control): number {
    return Atomics.load(this.i32, (this.control + word) / 4);
  }

  async start(): Promise<void> {
    const module = new WebAssembly.Module(wasmBytes(this.build));
    const words = {
      failed: Control.FAILED,
      finished: Control.FINISHED,
      message: Control.MESSAGE,
      messageUnits: (Control.TAKEN - Control.MESSAGE - 4) / 2,
    };
    const { memory, control } = this;
    const workers = Array.from({ length: this.threads - 1 }, (_, i) => {
      return new Promise<void>((resolve, reject) => {
        const worker = startWorker(
          { module, memory, control, rank: i + 1, words },
          {
            onReport(report) {
              worker.unref();
              if ('ready' in report) resolve();
            },
            onEnd: (reason) => reject(new Error(reason)),
          },
        );
      });
    });
    await Promise.all(workers);
  }

  override run(_ranks: number, instructions: readonly Instruction[]): number {
    return this.core.lead!(this.control, this.put(instructions), 0, instructions.length, this.scratch);
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

const teams = new Map<string, ThreadedMachine>();

/** The machine that runs a build with so many ranks: one after the other, and in builds with threads at once. */
function machineWith(build: BuildFile, ranks: number): Machine {
  const team = teams.get(`${build} ${ranks}`);
  team?.reset();
  return team ?? machineOf(build);
}

/** Runs every case in every build with 1, 2 and 3 ranks, which must agree to the bit. */
export function testKernels(title: string, cases: readonly KernelCase[]): void {
  describe(title, () => {
    beforeAll(async () => {
      for (const build of ['strict-threads', 'relaxed-threads'] as const) {
        for (const ranks of [2, 3]) {
          const team = new ThreadedMachine(build, ranks);
          await team.start();
          teams.set(`${build} ${ranks}`, team);
        }
      }
    });

    it('has cases', () => expect(cases.length).toBeGreaterThan(0));
    for (const { name, prepare } of cases) {
      it(name, () => {
        const bits = new Map<string, Int32Array[]>();
        for (const build of BUILDS) {
          for (const ranks of [1, 2, 3]) {
            const machine = machineWith(build, ranks);
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

    // Which thread takes a slice is up to the scheduler, and a busy machine may have given every slice of every case above
    // to the leader. So the cases are run again, and checked again, until each team's workers have finished one.
    it('was run by workers too', async () => {
      expect(teams.size).toBe(4);
      for (const team of teams.values()) {
        for (let turn = 0; team.get(Control.FINISHED) === 0; turn++) {
          team.reset();
          const { name, prepare } = cases[turn % cases.length];
          const { instructions, outputs } = prepare(team);
          expect(team.run(team.threads, instructions), name).toBe(0);
          for (const output of outputs) {
            expect(mismatch(team.read(output.pointer, output.expected.length), output), name).toBeNull();
          }
          // A worker that could not start, or died, reports it to this thread.
          if (turn % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
    });
  });
}
