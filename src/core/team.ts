import { Control, Status } from '../../assembly/opcodes.js';
import type { BinariesModule } from './binaries.js';
import type { Build } from './builds.js';
import type { Engine, StepsArguments } from './engine.js';
import type { WorkerHandle, WorkersModule } from './workers.js';

// Loaded by configure({ threads }) only, as are the builds with threads. Imports types and enumerations alone: code
// shared with the main bundle would have to be exported from it.

/** The most that 'auto' takes: networks for which this library is made gain little from more. */
const MOST_AUTOMATIC = 8;
/** How long workers may take to start, in milliseconds. */
const START_LIMIT = 20_000;
/** How long the leader waits for the others after its own part, in tenths of a second, before it gives up. */
const PATIENCE = 200;
const PAGE_BYTES = 65536;
/** About 100 µs, twice what waking costs: so workers stay awake between the steps of a training loop. */
const WORKER_SPINS = 50_000;
/** About 40 µs: slices differ by less, unless a worker lost its processor to somebody who needs it. */
const LEADER_SPINS = 20_000;

// From which work on threads pay, in nanoseconds of one thread as assembly/work.ts estimates it. `node bench/crossover.mjs`
// measures it; one EPYC server, two cores, Node 20, two threads:
//
//   - Sharing an instruction with a worker that is awake costs 1 µs, of a matrix product 3 µs (panels of uneven number).
//     Alone and shared, in µs: relu of 4,096 1.4 and 2.0, of 16,384 5.8 and 4.7; tanh of 1,024 3.0 and 2.8; product of
//     32³ 2.2 and 2.4, of 48³ 7.8 and 7.4, of 64³ 18.9 and 12.8. Even at 3 to 7.
//   - Waking workers costs 30 µs for the leader and as much until they help. Alone and shared with sleepers, in µs:
//     tanh of 32,768 94 and 123, of 65,536 188 and 175; product of 128³ 156 and 165, of 192³ 534 and 351. Even at 160,
//     at 200 while other programs run on the machine.
const SHARE_FROM = 5_000;
const WAKE_FROM = 200_000;

/** The workers of an engine, and the leader's side of what they do together; assembly/threads.ts is how. */
export class Team {
  private readonly workers: WorkerHandle[] = [];
  private ended = false;

  constructor(
    private readonly engine: Engine,
    /** Pointer to the control block. */
    readonly control: number,
    /** With the leader. */
    readonly threads: number,
  ) {
    const words = this.engine.i32;
    words.fill(0, control / 4, (control + Control.BYTES) / 4);
    this.set(Control.SCRATCH, engine.scratch);
    this.set(Control.RANKS, threads);
    this.set(Control.WORKER_SPINS, WORKER_SPINS);
    this.set(Control.LEADER_SPINS, LEADER_SPINS);
    this.set(Control.LEADER_MAY_SLEEP, maySleep() ? 1 : 0);
    this.set(Control.PATIENCE, PATIENCE);
    this.crossover(SHARE_FROM, WAKE_FROM);
  }

  /** Instructions shared so far. */
  get shared(): number {
    return Atomics.load(this.engine.i32, (this.control + Control.OPENED) / 4);
  }

  /**
   * From which work on threads help, in nanoseconds.
   *
   * @param shareFrom of one instruction
   * @param wakeFrom of all such instructions of a program together, where workers sleep
   */
  crossover(shareFrom: number, wakeFrom: number): void {
    const limits = new Float64Array(this.engine.memory.buffer, this.control, Control.BYTES / 8);
    limits[Control.SHARE_FROM / 8] = shareFrom;
    limits[Control.WAKE_FROM / 8] = wakeFrom;
  }

  /** Starts the workers, and resolves once all of them are there; rejects with the reason where one is not. */
  async start(module: WebAssembly.Module, host: WorkersModule): Promise<void> {
    const { memory } = this.engine;
    const words = {
      failed: Control.FAILED,
      finished: Control.FINISHED,
      message: Control.MESSAGE,
      messageUnits: (Control.TAKEN - Control.MESSAGE - 4) / 2,
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`workers did not start within ${START_LIMIT / 1000} seconds`)),
        START_LIMIT,
      );
    });
    const starting = Array.from({ length: this.threads - 1 }, (_, i) => {
      const rank = i + 1;
      return new Promise<void>((resolve, reject) => {
        const onEnd = (reason: string): void => {
          reject(new Error(`worker ${rank} did not start: ${reason}`));
          this.end(`worker ${rank} ended: ${reason}`);
        };
        this.workers.push(
          host.startWorker(
            { module, memory, control: this.control, rank, words },
            { onReport: (report) => ('ready' in report ? resolve() : onEnd(report.error)), onEnd },
          ),
        );
      });
    });
    try {
      await Promise.race([Promise.all(starting), late]);
      for (const worker of this.workers) worker.unref();
    } catch (error) {
      this.end((error as Error).message);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs instructions [first, last) of a program. */
  run(program: number, first: number, last: number): Status {
    const { core, scratch } = this.engine;
    let status: Status;
    try {
      status = core.lead!(this.control, program, first, last, scratch);
    } catch (error) {
      this.end(`the core failed: ${String(error)}`, true);
      throw error;
    }
    this.check(status);
    return status;
  }

  /** Runs the first `last` instructions of a program for batches in a row: how many, or the negative status. */
  runSteps(program: number, last: number, steps: StepsArguments): number {
    const { core, scratch } = this.engine;
    let done: number;
    try {
      done = core.leadSteps!(this.control, program, last, scratch, ...steps);
    } catch (error) {
      this.end(`the core failed: ${String(error)}`, true);
      throw error;
    }
    this.check(-done);
    return done;
  }

  /** @throws Error where a worker failed */
  private check(status: Status): void {
    if (status !== Status.FAILED && status !== Status.STALLED) return;
    const reason =
      status === Status.FAILED
        ? `worker ${this.get(Control.FAILED)} failed: ${this.message()}`
        : `a worker did not finish its part within ${PATIENCE / 10} seconds`;
    this.end(reason, status === Status.STALLED);
    throw new Error(
      `threads: ${reason}. What was being computed is lost, weights may be half updated: go back to a saved state. ` +
        'From now on one thread computes',
    );
  }

  /**
   * Lets the workers go; the engine goes on by itself.
   *
   * @param writing whether a worker may be in the middle of a slice
   */
  end(reason: string, writing = false): void {
    if (this.ended) return;
    this.ended = true;
    const { i32 } = this.engine;
    const opened = (this.control + Control.OPENED) / 4;
    this.set(Control.STOP, 1);
    Atomics.add(i32, opened, 1);
    Atomics.notify(i32, opened);
    for (const worker of this.workers) worker.stop();
    this.engine.team = undefined;
    this.engine.threadsReason = reason;
    if (writing) this.move(reason);
  }

  /**
   * Ending a worker takes time, and until then it writes. So the engine leaves its memory to it and goes on in a copy:
   * addresses stay what they are.
   */
  private move(reason: string): void {
    const { engine } = this;
    const left = new Uint8Array(engine.memory.buffer);
    try {
      engine.takeMemory(left.length / PAGE_BYTES, true);
    } catch (cause) {
      this.run = this.runSteps = () => {
        throw new Error(
          `threads: ${reason}. The worker may still write, and the host has no memory for a copy that it cannot reach: ` +
            'start the program again, from a saved state',
          { cause },
        );
      };
      engine.team = this;
      return;
    }
    new Uint8Array(engine.memory.buffer).set(left);
  }

  private set(word: Control, value: number): void {
    Atomics.store(this.engine.i32, (this.control + word) / 4, value);
  }

  private get(word: Control): number {
    return Atomics.load(this.engine.i32, (this.control + word) / 4);
  }

  private message(): string {
    const start = this.control + Control.MESSAGE;
    const units = new Uint16Array(this.engine.memory.buffer, start + 4, this.get(Control.MESSAGE));
    return String.fromCharCode(...units);
  }
}

/** Whether this thread may sleep; a page's main thread may not. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * An engine whose programs several threads run.
 *
 * @param build the one to be had without threads
 * @param threaded the code with threads
 * @param create makes the engine
 * @returns the engine, or why there is none
 */
export async function createThreaded(
  requested: number | 'auto',
  build: Build,
  threaded: BinariesModule['threaded'],
  create: (build: Build, threads: number) => Engine,
): Promise<Engine | string> {
  if (globalThis.crossOriginIsolated === false) {
    return (
      'this page is not cross-origin isolated, so memory cannot be shared: serve it with the headers ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    );
  }
  if (typeof SharedArrayBuffer === 'undefined') return 'this host has no SharedArrayBuffer';
  try {
    const host = (await import('#workers')) as WorkersModule;
    const threads = requested === 'auto' ? Math.min(host.parallelism(), MOST_AUTOMATIC) : requested;
    if (threads === 1) return 'this host has one processor';
    const bytes = await threaded(build.name);
    if (!WebAssembly.validate(bytes)) return 'this host has no WebAssembly threads';
    const module = await WebAssembly.compile(bytes);
    const engine = create({ ...build, code: module }, threads);
    const team = new Team(engine, engine.allocator.allocate(Control.BYTES), threads);
    await team.start(module, host);
    engine.team = team;
    engine.threadsReason =
      requested === 'auto' ? 'this host has so many processors' : 'asked for by configure()';
    return engine;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
