import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Control, INSTRUCTION_BYTES, INSTRUCTION_WORDS, Opcode } from '../../assembly/opcodes.js';
import type { BuildName } from '../../src/core/builds.js';
import type { Engine } from '../../src/core/engine.js';
import type { Duty, Listener, WorkerHandle, WorkersModule } from '../../src/core/workers.js';
import { root } from '../support/files.js';

const build = process.env.BUILD as BuildName;
const run = promisify(execFile);

interface Fresh {
  api: typeof import('wasmgrad');
  engine: () => Engine;
}

const opened: Fresh[] = [];

/** The library loaded anew, so with an engine of its own, which is still to be made. */
async function load(): Promise<Fresh> {
  vi.resetModules();
  const api = await import('wasmgrad');
  api.configure({ build });
  const { engine } = await import('../../src/core/engine.js');
  const fresh = { api, engine };
  opened.push(fresh);
  return fresh;
}

async function loadWith(threads: number | 'auto'): Promise<Fresh> {
  const fresh = await load();
  await fresh.api.configure({ threads });
  return fresh;
}

/** Makes the engine share everything, and wait until a worker takes its slice. */
function shareAll(engine: Engine): void {
  engine.team!.crossover(0, 0);
  engine.i32[(engine.team!.control + Control.YIELD_SPINS) / 4] = 1 << 30;
}

function wordOf(engine: Engine, control: number, word: Control): number {
  return Atomics.load(engine.i32, (control + word) / 4);
}

afterEach(() => {
  vi.doUnmock('../../src/core/workersNode.js');
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  for (const { engine } of opened.splice(0)) engine().team?.end('the test is over');
});

/** Fifteen steps with most kinds of instructions in them; what they leave behind. */
function train({ api }: Fresh): Float32Array[] {
  const { manualSeed, nn, optim, capture, tensor } = api;
  manualSeed(3);
  const model = new nn.Sequential(
    new nn.Linear(70, 67),
    new nn.GELU(),
    new nn.Dropout(0.2),
    new nn.Linear(67, 41),
    new nn.Tanh(),
    new nn.Linear(41, 10),
  );
  const scale = new nn.Parameter(new Array(10).fill(1));
  const optimizer = new optim.SGD([...model.parameters(), scale], {
    lr: 0.05,
    momentum: 0.9,
    weightDecay: 0.01,
  });
  const loss = new nn.CrossEntropyLoss();
  const inputs = tensor(
    Float32Array.from({ length: 53 * 70 }, (_, i) => Math.sin(i * 1.7)),
    { shape: [53, 70] },
  );
  const labels = tensor(Float32Array.from({ length: 53 }, (_, i) => (i * 7) % 10));
  const step = capture((x, y) => {
    optimizer.zeroGrad();
    const logits = model.forward(x).mul(scale);
    const value = loss.forward(logits, y).add(logits.max(1).square().mean().mul(0.01));
    value.backward();
    optimizer.step();
    return value;
  });
  const losses = Array.from({ length: 15 }, () => step(inputs, labels).item());
  return [Float32Array.from(losses), ...model.parameters().map((parameter) => parameter.data), scale.data];
}

const bits = (values: Float32Array[]): Int32Array[] =>
  values.map((numbers) => new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length));

describe('threads', () => {
  it('give the same bits, 1, 2 and 3 of them', async () => {
    const one = bits(train(await load()));
    expect(one.length).toBeGreaterThan(7);
    for (const threads of [2, 3]) {
      const fresh = await loadWith(threads);
      const engine = fresh.engine();
      expect(fresh.api.runtimeInfo()).toMatchObject({
        threads,
        threadsReason: 'asked for by configure()',
      });
      shareAll(engine);
      expect(bits(train(fresh))).toEqual(one);
      const { shared, control } = engine.team!;
      expect(shared).toBeGreaterThan(300);
      // How many of them the workers take is up to the scheduler.
      expect(wordOf(engine, control, Control.FINISHED)).toBeGreaterThan(0);
    }
  });

  it('wake for large programs, and for small ones nobody', async () => {
    const fresh = await loadWith(2);
    const { nn, optim, tensor, capture } = fresh.api;
    const { team } = fresh.engine();
    const stepOf = (width: number) => {
      const model = new nn.Sequential(new nn.Linear(2, width), new nn.Tanh(), new nn.Linear(width, width));
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      return capture((x) => {
        optimizer.zeroGrad();
        const value = model.forward(x).square().mean();
        value.backward();
        optimizer.step();
        return value;
      });
    };
    const rows = tensor(Array.from({ length: 16 }, (_, i) => [i / 16, 1]));
    const small = stepOf(16);
    for (let i = 0; i < 10; i++) small(rows);
    expect(team!.shared).toBe(0);
    stepOf(512)(rows);
    expect(team!.shared).toBeGreaterThan(0);
  });

  it('report a label that is no class, whichever thread finds it, and go on', async () => {
    const fresh = await loadWith(2);
    shareAll(fresh.engine());
    const { nn, tensor } = fresh.api;
    const loss = new nn.CrossEntropyLoss();
    const logits = tensor(new Float32Array(64 * 5), { shape: [64, 5] });
    for (const wrong of [0, 63]) {
      const labels = Array.from({ length: 64 }, (_, i) => (i === wrong ? 5 : 1));
      expect(() => loss.forward(logits, tensor(labels))).toThrow(/expected class indices/);
      expect(loss.forward(logits, tensor(labels.map(() => 1))).item()).toBeCloseTo(Math.log(5), 6);
    }
    expect(fresh.api.runtimeInfo().threads).toBe(2);
  });

  it('leave the process free to end', async () => {
    const code = `
      const { configure, runtimeInfo, tensor, noGrad } = await import('./dist/node/index.js');
      await configure({ threads: 3 });
      const a = tensor(new Float32Array(512 * 512).fill(1), { shape: [512, 512] });
      console.log(runtimeInfo().threads, noGrad(() => a.matmul(a).sum().item()));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: join(root),
      timeout: 20_000,
    });
    expect(stdout).toBe(`3 ${512 ** 3}\n`);
  });
});

describe('configure({ threads })', () => {
  it('refuses at once what makes no sense', async () => {
    const { api } = await load();
    for (const threads of [0, -1, 1.5, 65, Number.NaN, '2' as unknown as number, null as unknown as number]) {
      expect(() => api.configure({ threads })).toThrow(
        /expected threads 'auto' or an integer from 1 to 64, got/,
      );
    }
    expect(() => api.configure({ build: 'fast' as BuildName, threads: 2 })).toThrow(RangeError);
    expect(api.runtimeInfo()).toMatchObject({
      threads: 1,
      threadsReason: 'configure() was not asked for more',
    });
    expect(() => api.configure({ threads: 2 })).toThrow(/already runs on 1 thread/);
    await api.configure({ threads: 1 });
  });

  it('with 1 makes the plain engine', async () => {
    const { api, engine } = await loadWith(1);
    expect(api.runtimeInfo()).toMatchObject({ threads: 1, threadsReason: 'asked for by configure()' });
    expect(engine().memory.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it("with 'auto' takes the processors there are", async () => {
    const { api } = await loadWith('auto');
    const { threads, threadsReason } = api.runtimeInfo();
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(8);
    expect(threadsReason).toMatch(threads > 1 ? /so many processors/ : /one processor/);
    await api.configure({ threads: 'auto' });
  });

  it('refuses a second call, and a tensor, while workers start', async () => {
    const { api } = await load();
    const first = api.configure({ build, threads: 2 });
    expect(() => api.configure({ threads: 3 })).toThrow(/still starting/);
    api.tensor([1], { requiresGrad: true });
    await expect(first).rejects.toThrow(/a tensor was made while the threads were starting/);
    expect(api.runtimeInfo().threads).toBe(1);
  });
});

describe('a host with few addresses to reserve', () => {
  it('gets a smaller memory', async () => {
    const { Memory } = WebAssembly;
    const maxima: (number | undefined)[] = [];
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
      maxima.push(descriptor.maximum);
      if (descriptor.maximum! > 4096) throw new RangeError('could not allocate memory');
      return new Memory(descriptor);
    });
    const { api } = await loadWith(2);
    expect(api.runtimeInfo().threads).toBe(2);
    expect(maxima).toEqual([65536, 16384, 4096]);
    // One layer that cannot fit is refused by nn; several that each could are for the allocator.
    const layers = (): unknown => Array.from({ length: 3 }, () => new api.nn.Linear(2 ** 13, 2 ** 12));
    expect(layers).toThrow(/^out of memory: \d+ bytes needed, WebAssembly has 268435456 here/);
    expect(api.tensor([1, 2]).sum().item()).toBe(3);
  });
});

describe('where threads cannot be', () => {
  /** One thread computes, and says why. */
  async function expectAlone(reason: RegExp): Promise<void> {
    const fresh = await loadWith(2);
    const { threads, threadsReason } = fresh.api.runtimeInfo();
    expect(threadsReason).toMatch(reason);
    expect(threads).toBe(1);
    expect(fresh.api.tensor([1, 2]).sum().item()).toBe(3);
  }

  function withWorkers(startWorker: WorkersModule['startWorker']): void {
    vi.doMock('../../src/core/workersNode.js', () => ({ startWorker, parallelism: () => 2 }));
  }

  function startCode(code: string, listener: Listener): WorkerHandle {
    const worker = new Worker(code, { eval: true });
    worker.on('error', (error) => listener.onEnd(String(error)));
    worker.on('exit', (exit) => listener.onEnd(`it exited with code ${exit}`));
    return { unref: () => worker.unref(), stop: () => void worker.terminate() };
  }

  it('no shared memory', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    await expectAlone(/no SharedArrayBuffer/);
  });

  it('a page that is not isolated', async () => {
    vi.stubGlobal('crossOriginIsolated', false);
    await expectAlone(/not cross-origin isolated.*Cross-Origin-Opener-Policy/);
  });

  it('no memory to reserve', async () => {
    const { Memory } = WebAssembly;
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
      if (descriptor.shared) throw new RangeError('could not allocate memory');
      return new Memory(descriptor);
    });
    await expectAlone(/refused to make a WebAssembly memory/);
  });

  it('no workers', async () => {
    withWorkers(() => {
      throw new Error('this host has no Worker');
    });
    await expectAlone(/^this host has no Worker$/);
  });

  it('a worker that throws', async () => {
    withWorkers((_, listener) => startCode('throw new Error("boom")', listener));
    await expectAlone(/^worker 1 did not start: Error: boom$/);
  });

  it('a worker that leaves', async () => {
    withWorkers((_, listener) => startCode('process.exit(7)', listener));
    await expectAlone(/^worker 1 did not start: it exited with code 7$/);
  });

  it('a worker that never says a word', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const stop = vi.fn();
      withWorkers(() => {
        queueMicrotask(() => vi.advanceTimersByTime(20_000));
        return { unref() {}, stop };
      });
      await expectAlone(/^workers did not start within 20 seconds$/);
      expect(stop).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it('a worker that cannot make the core', async () => {
    const { startWorker } = await vi.importActual<WorkersModule>('../../src/core/workersNode.js');
    withWorkers((duty: Duty, listener) =>
      startWorker({ ...duty, memory: {} as WebAssembly.Memory }, listener),
    );
    await expectAlone(/^worker 1 did not start: LinkError: .*must be a WebAssembly.Memory object/);
  });
});

describe('a worker that dies', () => {
  /** Sets `size` floats from `pointer` on. */
  function fill({ allocator, i32, f32 }: Engine, pointer: number, size: number): number {
    const program = allocator.allocate(INSTRUCTION_BYTES);
    i32.fill(0, program / 4, program / 4 + INSTRUCTION_WORDS);
    i32[program / 4] = Opcode.FILL;
    i32[program / 4 + 2] = pointer;
    i32[program / 4 + 8] = size;
    f32[program / 4 + 13] = 1;
    return program;
  }

  it('between two programs is not missed', async () => {
    const { startWorker } = await vi.importActual<WorkersModule>('../../src/core/workersNode.js');
    const handles: WorkerHandle[] = [];
    const ended = new Promise<void>((resolve) => {
      vi.doMock('../../src/core/workersNode.js', () => ({
        parallelism: () => 2,
        startWorker(duty: Duty, listener: Listener) {
          const onEnd = (reason: string): void => {
            listener.onEnd(reason);
            resolve();
          };
          const handle = startWorker(duty, { ...listener, onReport: (r) => listener.onReport(r), onEnd });
          handles.push(handle);
          return handle;
        },
      }));
    });
    const fresh = await loadWith(2);
    const { api, engine } = fresh;
    engine().team!.crossover(0, 0);
    expect(handles).toHaveLength(1);
    handles[0].stop();
    // Nobody has heard of it yet.
    expect(api.runtimeInfo().threads).toBe(2);
    const alive = bits(train(fresh));
    await ended;
    expect(api.runtimeInfo()).toMatchObject({
      threads: 1,
      threadsReason: 'worker 1 ended: it exited with code 1',
    });
    expect(bits(train(fresh))).toEqual(alive);
    expect(bits(train(await load()))).toEqual(alive);
  });

  it('in the middle of an instruction is an error that says why', async () => {
    const { api, engine } = await loadWith(2);
    const { memory, team } = engine();
    shareAll(engine());
    // The first half ends where memory does.
    const program = fill(engine(), memory.buffer.byteLength - 4096, 2048);
    expect(() => team!.run(program, 0, 1)).toThrow(
      /^threads: worker 1 failed: RuntimeError: memory access out of bounds\. What was .* lost/,
    );
    expect(api.runtimeInfo()).toMatchObject({
      threads: 1,
      threadsReason: 'worker 1 failed: RuntimeError: memory access out of bounds',
    });
    expect(api.tensor([1, 2]).sum().item()).toBe(3);
  });

  it('may be the leader', async () => {
    const { api, engine } = await loadWith(2);
    const { memory, team } = engine();
    shareAll(engine());
    const program = fill(engine(), memory.buffer.byteLength - 64, 2048);
    expect(() => team!.run(program, 0, 1)).toThrow(WebAssembly.RuntimeError);
    expect(api.runtimeInfo()).toMatchObject({
      threads: 1,
      threadsReason: 'the core failed: RuntimeError: memory access out of bounds',
    });
    expect(api.tensor([1, 2]).sum().item()).toBe(3);
  });

  it.each([0, 1])('without a sign is given up on (leader may sleep: %i)', async (sleeps) => {
    const { api, engine } = await loadWith(2);
    const { allocator, i32, team } = engine();
    shareAll(engine());
    const { control } = team!;
    i32[(control + Control.PATIENCE) / 4] = 2;
    i32[(control + Control.LEADER_MAY_SLEEP) / 4] = sleeps;
    // As if a worker had taken the slice and stood still.
    i32[(control + Control.TAKEN + 64) / 4] = 1;
    const program = fill(engine(), allocator.allocate(4096), 1024);
    expect(() => team!.run(program, 0, 1)).toThrow(/^threads: a worker did not finish its part within/);
    expect(api.runtimeInfo().threads).toBe(1);
    expect(api.tensor([1, 2]).sum().item()).toBe(3);
  });

  /**
   * A worker that takes its slice and stands still until `late` is called; then it writes 7s over `length` floats from
   * `pointer` on, whoever they belong to by then. Stopping it takes until after that, as it may.
   */
  function standsStill() {
    let worker: Worker;
    const code = `
      const { parentPort } = require('node:worker_threads');
      parentPort.once('message', ({ memory, control, opened, taken }) => {
        const words = new Int32Array(memory.buffer);
        parentPort.postMessage({ ready: true });
        while (Atomics.wait(words, (control + opened) / 4, 0, 1) === 'timed-out');
        Atomics.store(words, (control + taken) / 4, 1);
        parentPort.on('message', ({ pointer, length }) => {
          new Float32Array(memory.buffer, pointer, length).fill(7);
          parentPort.postMessage('written');
        });
      });`;
    const startWorker = ({ memory, control }: Duty, listener: Listener): WorkerHandle => {
      worker = new Worker(code, { eval: true });
      worker.once('message', () => listener.onReport({ ready: true }));
      worker.postMessage({ memory, control, opened: Control.OPENED, taken: Control.TAKEN + 64 });
      return { unref() {}, stop() {} };
    };
    vi.doMock('../../src/core/workersNode.js', () => ({ startWorker, parallelism: () => 2 }));
    const late = async (pointer: number, length: number): Promise<void> => {
      worker.postMessage({ pointer, length });
      await new Promise((resolve) => worker.once('message', resolve));
      await worker.terminate();
    };
    return { late };
  }

  it.each(['is given up on', 'is left behind by a leader that fails'])(
    'late, after it %s, writes where nobody reads any more',
    async (how) => {
      const { late } = standsStill();
      const { api, engine } = await loadWith(2);
      const { allocator, i32, memory, team } = engine();
      const model = new api.nn.Linear(40, 30);
      const before = bits(model.parameters().map(({ data }) => data));
      shareAll(engine());
      i32[(team!.control + Control.PATIENCE) / 4] = 2;
      const fails = how.includes('leader');
      const place = fails ? memory.buffer.byteLength - 64 : allocator.allocate(8192);
      const program = fill(engine(), place, 2048);
      expect(() => team!.run(program, 0, 1)).toThrow(
        fails ? WebAssembly.RuntimeError : /did not finish its part/,
      );
      expect(bits(model.parameters().map(({ data }) => data))).toEqual(before);
      // What a caller does now: he takes a saved state, and trains on.
      const trained = bits(train({ api, engine }));
      const held = api.tensor(new Float32Array(1 << 20).fill(3), { shape: [1 << 20], requiresGrad: true });
      await late(64, memory.buffer.byteLength / 4 - 16);
      expect(bits(model.parameters().map(({ data }) => data))).toEqual(before);
      expect(held.data.every((value) => value === 3)).toBe(true);
      expect(bits(train({ api, engine }))).toEqual(trained);
      expect(bits(train(await load()))).toEqual(trained);
    },
  );

  it('late, where the host has no memory to move to, is an error of everything that follows', async () => {
    const { late } = standsStill();
    const { api, engine } = await loadWith(2);
    const { allocator, i32, team } = engine();
    shareAll(engine());
    i32[(team!.control + Control.PATIENCE) / 4] = 2;
    const program = fill(engine(), allocator.allocate(8192), 2048);
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function () {
      throw new RangeError('could not allocate memory');
    });
    expect(() => team!.run(program, 0, 1)).toThrow(/did not finish its part/);
    const refused =
      /^threads: a worker did not .*may still write, and the host has no memory for a copy.*saved state$/;
    for (let i = 0; i < 2; i++) expect(() => api.tensor([1, 2]).sum().item()).toThrow(refused);
    await late(64, 1);
  });
});
