import { instantiateSync } from '@assemblyscript/loader';
import { Allocator } from './allocator.js';
import { selectBuild, type Build, type BuildName } from './builds.js';

/** What assembly/index.ts exports. */
export interface CoreExports extends Record<string, unknown> {
  run(program: number, first: number, last: number, rank: number, ranks: number, scratch: number): number;
  scratchBytes(ranks: number): number;
}

const PAGE_BYTES = 65536;
const MAXIMUM_PAGES = 65536;
/** The first cache lines stay unused, so that pointer 0 can mean "absent". */
const FIRST_BYTE = 64;

/** One instance of the core and the linear memory that it shares with TypeScript. */
export class Engine {
  readonly memory: WebAssembly.Memory;
  readonly core: CoreExports;
  readonly allocator: Allocator;
  /** Seed and counter of the core's counter-based generator: 16 bytes, see the opcode DROPOUT. */
  readonly generator: number;
  /** Working memory of the kernels, for one program at a time. */
  readonly scratch: number;
  /** Linear memory as float32. Take it where you use it: growing memory makes a new one. */
  f32: Float32Array;
  /** Linear memory as int32. Take it where you use it: growing memory makes a new one. */
  i32: Int32Array;

  constructor(readonly build: Build) {
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: MAXIMUM_PAGES });
    this.core = instantiateSync<CoreExports>(build.bytes, { env: { memory: this.memory } }).exports;
    this.allocator = new Allocator(FIRST_BYTE, (bytes) => this.growTo(bytes));
    this.f32 = new Float32Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
    this.generator = this.allocator.allocate(16);
    this.scratch = this.allocator.allocate(this.core.scratchBytes(1));
  }

  /** A copy of `length` floats. */
  read(pointer: number, length: number): Float32Array {
    return this.f32.slice(pointer / 4, pointer / 4 + length);
  }

  private growTo(bytes: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing <= 0) return;
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    // Growing detaches every view and may move memory, so grow seldom: by a quarter at least.
    const ahead = Math.min(Math.max(missing, pages >> 2), MAXIMUM_PAGES - pages);
    if (ahead < missing) throw new RangeError(`out of memory: ${bytes} bytes needed, WebAssembly has 4 GiB`);
    try {
      this.memory.grow(ahead);
    } catch {
      try {
        this.memory.grow(missing);
      } catch {
        throw new RangeError(`out of memory: the host refused to grow WebAssembly memory to ${bytes} bytes`);
      }
    }
    // Nobody else grows this memory, so views need no check when they are used.
    this.f32 = new Float32Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
  }
}

export interface ConfigureOptions {
  /** The build of the core: `'auto'` (default) takes the fastest that the host supports. */
  build?: BuildName | 'auto';
  /** The most that one tape may hold before `backward()`, in bytes; 1 GiB by default. */
  tapeLimitBytes?: number;
}

const settings = { build: 'auto' as BuildName | 'auto', tapeLimitBytes: 2 ** 30 };
let current: Engine | undefined;

/** The default engine, made on first use. */
export function engine(): Engine {
  return (current ??= new Engine(selectBuild(settings.build)));
}

/** The limit set by {@link configure}. */
export function tapeLimitBytes(): number {
  return settings.tapeLimitBytes;
}

/**
 * Chooses how the engine runs. `build` must come before the first tensor.
 *
 * @throws TypeError on an unknown option, RangeError on a bad value, Error where the engine runs already on another
 * build or the host cannot run the one asked for
 * @example
 * ```ts
 * import { configure, runtimeInfo } from 'wasmgrad';
 * configure({ tapeLimitBytes: 2 ** 28 });
 * runtimeInfo().threads; // 1
 * ```
 */
export function configure(options: ConfigureOptions): void {
  for (const key of Object.keys(options)) {
    if (!(key in settings)) {
      throw new TypeError(`configure: unknown option '${key}' (known: ${Object.keys(settings).join(', ')})`);
    }
  }
  const { build = settings.build, tapeLimitBytes: limit = settings.tapeLimitBytes } = options;
  if (build !== 'auto' && build !== 'strict' && build !== 'relaxed') {
    throw new RangeError(
      `configure: expected build 'auto', 'strict' or 'relaxed', got ${JSON.stringify(build)}`,
    );
  }
  if (!(limit > 0)) throw new RangeError(`configure: expected tapeLimitBytes above 0, got ${limit}`);
  if (current && build !== 'auto' && build !== current.build.name) {
    throw new Error(
      `configure: the engine already runs the ${current.build.name} build; configure it before the first tensor`,
    );
  }
  if (!current && build !== 'auto') selectBuild(build);
  settings.build = build;
  settings.tapeLimitBytes = limit;
}

export interface RuntimeInfo {
  build: BuildName;
  /** Why this build runs. */
  reason: string;
  threads: number;
  /** Size of linear memory now, in bytes. */
  memoryBytes: number;
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
  const { build, memory, allocator } = engine();
  return {
    build: build.name,
    reason: build.reason,
    threads: 1,
    memoryBytes: memory.buffer.byteLength,
    inUseBytes: allocator.inUseBytes,
  };
}
