import { checkNumber } from './checks.js';
import { shown } from './shown.js';
import { MOST_THREADS } from '../../assembly/opcodes.js';
import { Allocator } from './allocator.js';
import { isBytes, selectBuild, threaded, type Build, type BuildName } from './builds.js';
import { checkOptions } from './options.js';
import type { Team } from './team.js';

/** Which batches a program goes through by itself, and where their losses are to be kept: see assembly/steps.ts. */
export type StepsArguments = [
  cursor: number,
  strideBytes: number,
  loss: number,
  losses: number,
  times: number,
];

/** What assembly/index.ts and assembly/team.ts export. */
export interface CoreExports extends Record<string, unknown> {
  run(program: number, first: number, last: number, rank: number, ranks: number, scratch: number): number;
  runSteps(program: number, last: number, scratch: number, ...steps: StepsArguments): number;
  scratchBytes(ranks: number): number;
  /** Builds with threads only, as are those that follow. */
  lead?(control: number, program: number, first: number, last: number, scratch: number): number;
  leadSteps?(
    control: number,
    program: number,
    last: number,
    scratch: number,
    ...steps: StepsArguments
  ): number;
  serve?(control: number, rank: number): void;
}

const PAGE_BYTES = 65536;
/** How far memory may grow. Shared memory reserves that at once, and not every host has so many addresses to spare. */
const MAXIMUM_PAGES = [65536, 16384, 4096];
const INITIAL_PAGES = 16;
/** Finalizers run in turns of the event loop, so a loop that gives it none must say itself what it is done with. */
const REMEDY =
  '; give models and optimizers back by `using` or [Symbol.dispose](), or await a timeout between them';
/** The first cache lines stay unused, so that pointer 0 can mean "absent". */
const FIRST_BYTE = 64;

function createMemory(
  initial: number,
  shared: boolean,
): { memory: WebAssembly.Memory; maximumPages: number } {
  for (const maximum of MAXIMUM_PAGES) {
    try {
      const memory = new WebAssembly.Memory({ initial, maximum, shared });
      return { memory, maximumPages: maximum };
    } catch {
      // A smaller one, perhaps.
    }
  }
  throw new RangeError('out of memory: the host refused to make a WebAssembly memory');
}

/** One instance of the core and the linear memory that it shares with TypeScript. */
export class Engine {
  memory!: WebAssembly.Memory;
  core!: CoreExports;
  readonly allocator: Allocator;
  /** Seed and counter of the core's counter-based generator: 16 bytes, see the opcode DROPOUT. */
  readonly generator: number;
  /** Working memory of the kernels, for one program at a time. */
  readonly scratch: number;
  /** Linear memory as float32. Take it where you use it: growing memory makes a new one. */
  f32!: Float32Array;
  /** Linear memory as int32. Take it where you use it: growing memory makes a new one. */
  i32!: Int32Array;
  /** The workers that help, where there are any. */
  team: Team | undefined;
  /** Why there are as many threads as there are. */
  threadsReason = '';
  /** How far linear memory may grow, in bytes. */
  maximumBytes!: number;
  private readonly module: WebAssembly.Module;

  /** @param threads more than one takes a build with threads */
  constructor(
    readonly build: Build,
    threads = 1,
  ) {
    this.module = isBytes(build.code) ? new WebAssembly.Module(build.code) : build.code;
    this.takeMemory(INITIAL_PAGES, threads > 1);
    this.allocator = new Allocator(FIRST_BYTE, (bytes) => this.growTo(bytes));
    this.generator = this.allocator.allocate(16);
    this.scratch = this.allocator.allocate(this.core.scratchBytes(threads));
  }

  /** A copy of `length` floats. */
  read(pointer: number, length: number): Float32Array {
    return this.f32.slice(pointer / 4, pointer / 4 + length);
  }

  /** Takes a new memory and an instance of the core on it. @throws RangeError if the host refuses, with nothing changed */
  takeMemory(pages: number, shared: boolean): void {
    const { memory, maximumPages } = createMemory(pages, shared);
    this.core = new WebAssembly.Instance(this.module, { env: { memory } }).exports as CoreExports;
    this.memory = memory;
    this.maximumBytes = maximumPages * PAGE_BYTES;
    this.makeViews();
  }

  private growTo(bytes: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing <= 0) return;
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    // Growing detaches every view and may move memory, so grow seldom: by a quarter at least.
    const ahead = Math.min(Math.max(missing, pages >> 2), this.maximumBytes / PAGE_BYTES - pages);
    if (ahead < missing) {
      throw new RangeError(
        `out of memory: ${bytes} bytes needed, WebAssembly has ${this.maximumBytes} here${REMEDY}`,
      );
    }
    try {
      this.memory.grow(ahead);
    } catch {
      try {
        this.memory.grow(missing);
      } catch {
        throw new RangeError(
          `out of memory: the host refused to grow WebAssembly memory to ${bytes} bytes${REMEDY}`,
        );
      }
    }
    this.makeViews();
  }

  /** Nobody else grows this memory, so views need no check when they are used. */
  private makeViews(): void {
    this.f32 = new Float32Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
  }
}

export interface ConfigureOptions {
  /** The build of the core: `'auto'` (default) takes the fastest that the host supports. */
  build?: BuildName | 'auto';
  /** The most that one tape may hold before `backward()`, in bytes; 1 GiB by default. */
  tapeLimitBytes?: number;
  /**
   * How many threads compute, or `'auto'`: one for each processor, eight at most. 1 by default. With it configure()
   * returns a promise: `await` it before the first tensor.
   */
  threads?: number | 'auto';
  /**
   * The core, compiled by the host or by you from `wasmgrad/wasm/strict.wasm` or `relaxed.wasm`; `build` says which of
   * them it is. For hosts that forbid compiling bytes, and whose bundler does not know the conditions of this package.
   */
  module?: WebAssembly.Module;
}

const settings = {
  threads: 1 as number | 'auto',
  build: 'auto' as BuildName | 'auto',
  module: undefined as WebAssembly.Module | undefined,
  tapeLimitBytes: 2 ** 30,
};
/** Why one thread computes. */
let aloneReason = 'configure() was not asked for more';
let starting = false;
let current: Engine | undefined;

/** The default engine, made on first use. */
export function engine(): Engine {
  if (!current) {
    current = new Engine(selectBuild(settings.build, settings.module));
    current.threadsReason = aloneReason;
  }
  return current;
}

/** The limit set by {@link configure}. */
export function tapeLimitBytes(): number {
  return settings.tapeLimitBytes;
}

/**
 * Chooses how the engine runs. `build` and `threads` must come before the first tensor.
 *
 * Threads change no bit of any result. Small programs run on one thread all the same. Where the host cannot share
 * memory or start workers, one thread computes, and `runtimeInfo().threadsReason` says why.
 *
 * @returns with `threads`, a promise that resolves once the workers are there
 * @throws TypeError on an unknown option or a module of something else, RangeError on a bad value, Error where the engine runs already with another
 * build or other threads, or the host cannot run the build asked for; all of that at once, not through the promise,
 * which rejects where a tensor is made before it resolves
 * @example
 * ```ts
 * import { configure, runtimeInfo } from 'wasmgrad';
 * await configure({ threads: 2, tapeLimitBytes: 2 ** 28 });
 * runtimeInfo().threads; // 2
 * ```
 */
export function configure(options: ConfigureOptions & { threads: number | 'auto' }): Promise<void>;
export function configure(options: ConfigureOptions & { threads?: undefined }): void;
export function configure(options: ConfigureOptions): Promise<void> | void;
export function configure(options: ConfigureOptions): Promise<void> | void {
  checkOptions('configure', options, Object.keys(settings));
  const { build = settings.build, tapeLimitBytes: limit = settings.tapeLimitBytes, threads } = options;
  // A module is one build, so asking for a build by name forgets the module of another.
  const { module = options.build ? undefined : settings.module } = options;
  if (build !== 'auto' && build !== 'strict' && build !== 'relaxed') {
    throw new RangeError(`configure: expected build 'auto', 'strict' or 'relaxed', got ${shown(build)}`);
  }
  if (module && build === 'auto') {
    throw new TypeError(
      "configure: which build is the module? Give it together with build 'strict' or 'relaxed'",
    );
  }
  if (module && !isCore(module)) {
    throw new TypeError(
      'configure: expected a module compiled from wasmgrad/wasm/strict.wasm or relaxed.wasm',
    );
  }
  checkNumber('configure', 'tapeLimitBytes', limit, { above: 0, most: Infinity });
  if (threads !== undefined) {
    checkThreads('configure', threads);
    checkFirst(threads);
  }
  if (current && build !== 'auto' && build !== current.build.name) {
    throw new Error(
      `configure: the engine already runs the ${current.build.name} build; configure it before the first tensor`,
    );
  }
  if (starting && (threads !== undefined || build !== settings.build)) {
    throw new Error('configure: the threads asked for before are still starting; await that call first');
  }
  if (!current && build !== 'auto') selectBuild(build, module);
  settings.build = build;
  settings.module = module;
  settings.tapeLimitBytes = limit;
  if (threads === undefined) return;
  if (current) return Promise.resolve();
  settings.threads = threads;
  if (threads !== 1) return start(threads);
  aloneReason = 'asked for by configure()';
  return Promise.resolve();
}

/** Whether this is a build of the core. It may come from another realm, so its class says nothing. */
function isCore(module: WebAssembly.Module): boolean {
  try {
    return WebAssembly.Module.exports(module).some(({ name }) => name === 'scratchBytes');
  } catch {
    return false;
  }
}

/** Refuses what is no number of threads. */
export function checkThreads(operation: string, threads: number | 'auto'): void {
  if (threads !== 'auto' && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    throw new RangeError(
      `${operation}: expected threads 'auto' or an integer from 1 to ${MOST_THREADS}, got ${shown(threads)}`,
    );
  }
}

function checkFirst(threads: number | 'auto'): void {
  if (current && threads !== settings.threads) {
    throw new Error(
      `configure: the engine already runs on ${current.team?.threads ?? 1} thread(s); ` +
        'await configure({ threads }) before the first tensor',
    );
  }
}

/** Makes the engine with workers; where that cannot be, notes why, and the engine is made without them on first use. */
async function start(threads: number | 'auto'): Promise<void> {
  starting = true;
  try {
    const { createThreaded } = await import('./team.js');
    const create = (build: Build, count: number): Engine => new Engine(build, count);
    const made = await createThreaded(threads, selectBuild(settings.build), threaded, create);
    if (current) {
      if (typeof made !== 'string') made.team?.end('');
      settings.threads = 1;
      throw new Error(
        'configure: a tensor was made while the threads were starting; await configure({ threads }) before the first',
      );
    }
    if (typeof made === 'string') aloneReason = made;
    else current = made;
  } finally {
    starting = false;
  }
}

export interface RuntimeInfo {
  build: BuildName;
  /** Why this build runs. */
  reason: string;
  /** The vector instructions that it uses: those of relaxed SIMD, or only those that give the same bits everywhere. */
  simd: 'relaxed' | 'fixed';
  /** How many threads compute. */
  threads: number;
  /** Why there are as many: where fewer run than configure() was asked for, what is missing or went wrong. */
  threadsReason: string;
  /** Size of linear memory now, in bytes. */
  memoryBytes: number;
  /** How far it may grow here, in bytes. */
  maximumBytes: number;
  /** Bytes of it that tensors, optimizers, data sets and tapes hold. */
  inUseBytes: number;
}

/**
 * What the engine runs on and why.
 *
 * @example
 * ```ts
 * import { runtimeInfo } from 'wasmgrad';
 * ['strict', 'relaxed'].includes(runtimeInfo().build); // true
 * ```
 */
export function runtimeInfo(): RuntimeInfo {
  const { build, memory, maximumBytes, allocator, team, threadsReason } = engine();
  return {
    build: build.name,
    reason: build.reason,
    simd: build.name === 'relaxed' ? 'relaxed' : 'fixed',
    threads: team?.threads ?? 1,
    threadsReason,
    memoryBytes: memory.buffer.byteLength,
    maximumBytes,
    inUseBytes: allocator.inUseBytes,
  };
}
