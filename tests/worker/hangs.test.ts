import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { data, nn, optim } from 'wasmgrad';
import { trainInWorker, type SetupOptions } from 'wasmgrad/worker';
import { root } from '../support/files.js';

const program = (name: string): URL => new URL(`./programs/${name}.mjs`, import.meta.url);
const rows = (): Float32Array => Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
const input = () => ({ epochs: 2, rows: rows() });
const code = (text: string): Worker => new Worker(text, { eval: true });
const LISTENS = `require('node:worker_threads').parentPort.on('message', () => undefined)`;

/** Until it has ended. */
const exited = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('exit', resolve));

async function terminated(): Promise<Worker> {
  const worker = new Worker(program('ownWorker'));
  await worker.terminate();
  return worker;
}

async function gone(text: string): Promise<Worker> {
  const worker = code(text);
  worker.on('error', () => undefined);
  await exited(worker);
  return worker;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a worker that does not train', () => {
  const CASES: [string, () => Worker | Promise<Worker>, RegExp][] = [
    ['terminated before', terminated, /cannot be used: it has ended already; make a new one$/],
    ['that ended by itself before', () => gone(''), /it has ended already/],
    ['that threw before', () => gone('throw 1'), /it has ended already/],
    [
      'being terminated',
      () => {
        const worker = code(LISTENS);
        void worker.terminate();
        return worker;
      },
      /the worker ended: it exited with code [01]/,
    ],
    ['that ends at once, with code 0', () => code(''), /the worker ended: it exited with code 0/],
    ['that exits with code 0', () => code(`${LISTENS}; process.exit(0)`), /it exited with code 0/],
    ['that exits with code 7', () => code(`${LISTENS}; process.exit(7)`), /it exited with code 7/],
    ['that throws at load', () => code('throw new Error("boom")'), /the worker ended: Error: boom/],
    ['that throws what makes no text', () => code('throw Object.create(null)'), /the worker ended: /],
    ['whose file is not there', () => new Worker(program('missing')), /the worker ended: .*missing/],
    [
      'that exits once it is asked',
      () => code(`require('node:worker_threads').parentPort.on('message', () => process.exit(0))`),
      /it exited with code 0/,
    ],
  ];

  it.each(CASES)('%s', async (_, make, reason) => {
    const worker = await make();
    const began = performance.now();
    const run = trainInWorker(worker, { input: input() });
    await expect(run.history).rejects.toThrow(reason);
    expect(performance.now() - began).toBeLessThan(10_000);
    // Nothing waits for ever afterwards, either.
    await expect(run.weights()).rejects.toThrow(reason);
    await run.pause();
    run.resume();
    run.stop();
  });

  it('because it never answers, or never finishes loading, is given up on after a stated time', async () => {
    const silent = (options: SetupOptions) => trainInWorker(code(LISTENS), { input: input(), ...options });
    await expect(silent({ startTimeoutMs: 200 }).history).rejects.toThrow(
      /^trainInWorker: within 200 ms \(startTimeoutMs\) the worker did not answer; .*does it call serveTraining/,
    );
    const loading = trainInWorker(program('neverLoaded'), { startTimeoutMs: 600 });
    await expect(loading.history).rejects.toThrow(/within 600 ms .* did not finish loading the module$/);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const byDefault = silent({});
    vi.advanceTimersByTime(20_000);
    await expect(byDefault.history).rejects.toThrow(/within 20000 ms/);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('for as long as this thread computes is not blamed for that', async () => {
    const run = trainInWorker(program('setup'), { input: input(), startTimeoutMs: 1000 });
    const until = performance.now() + 1500;
    while (performance.now() < until);
    expect((await run.history).epochs).toHaveLength(2);
  });

  it('that was given to another training', async () => {
    const worker = new Worker(program('ownWorker'));
    const [first, second] = [1, 2].map(() => trainInWorker(worker, { input: input() }));
    await expect(second.history).rejects.toThrow(/it was given to another training/);
    expect((await first.history).epochs).toHaveLength(2);
    await expect(trainInWorker(worker, { input: input() }).history).rejects.toThrow(
      /ended already|another training/,
    );
  });

  it('that was ready long before it is handed in does train', async () => {
    const worker = new Worker(program('ownWorker'));
    await new Promise((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await trainInWorker(worker, { input: input() }).history).epochs).toHaveLength(2);
  });

  it.each([
    ['a port', () => new MessageChannel().port1],
    ['without terminate', () => ({ postMessage() {}, on() {} })],
    ['that nobody can listen to', () => ({ postMessage() {}, terminate() {} })],
    ['that throws when it is looked at', () => new Proxy({}, { get: () => raise() })],
    ['null', () => null],
    ['undefined', () => undefined],
    ['a symbol', () => Symbol('worker')],
    ['an address as text', () => './training.js'],
  ])('since it is none: %s', (_, make) => {
    expect(() => trainInWorker(make() as never)).toThrow(
      /^trainInWorker: expected a model .* or a Worker that/,
    );
  });
});

function raise(): never {
  throw new Error('looked at');
}

describe('an abort while the worker is stuck in', () => {
  const HOW = [
    'a callback without end',
    'a callback that waits for ever',
    'the end of training',
    'a setup without end',
    'a setup that waits for ever',
  ];

  it.each(
    HOW.flatMap((how) => [['the library’s worker', how] as const, ['a worker of one’s own', how] as const]),
  )('(%s) %s ends it after the grace', async (whose, how) => {
    const own = whose.startsWith('a') ? new Worker(program('ownStuck')) : undefined;
    const ended = own && exited(own);
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = trainInWorker(own ?? program('stuck'), {
      input: { ...input(), how },
      signal: controller.signal,
      graceMs: 100,
    } as never);
    setTimeout(() => controller.abort(reason), 500);
    const began = performance.now();
    await expect(run.history).rejects.toBe(reason);
    expect(performance.now() - began).toBeLessThan(5000);
    await expect(run.weights()).rejects.toBe(reason);
    await ended;
  });

  it('nothing at all waits for the batch at hand, and brings its weights', async () => {
    const controller = new AbortController();
    const model = new nn.Linear(2, 1);
    const before = [...model.weight.data];
    const dataset = new data.TensorDataset(
      [
        [1, 2],
        [2, 1],
      ],
      [[1], [2]],
    );
    const run = trainInWorker(model, {
      data: new data.DataLoader(dataset),
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
      epochs: 1e9,
      batchEveryMs: 0,
      signal: controller.signal,
      onBatch: () => controller.abort(),
    });
    await expect(run.history).rejects.toThrow(/abort/i);
    expect([...model.weight.data]).not.toEqual(before);
  });

  it('a function of the caller ends it as well', async () => {
    const thrown = new Error('mine');
    const run = trainInWorker(program('stuck'), {
      input: { ...input(), how: 'the end of training' },
      graceMs: 100,
      batchEveryMs: 0,
      onBatch() {
        throw thrown;
      },
    });
    await expect(run.history).rejects.toBe(thrown);
  });
});

describe('iterating', () => {
  it('ends for everybody who waits', async () => {
    const run = trainInWorker(program('setup'), { input: input() });
    const iterator = run[Symbol.asyncIterator]();
    const several = await Promise.all(Array.from({ length: 50 }, () => iterator.next()));
    expect(several.filter(({ done }) => !done).length).toBeGreaterThanOrEqual(2);
    expect(several.at(-1)!.done).toBe(true);
    const late = trainInWorker(program('stuck'), {
      input: { ...input(), how: 'a setup that waits for ever' },
      graceMs: 0,
      signal: AbortSignal.timeout(500),
    });
    const other = late[Symbol.asyncIterator]();
    const waiting = other.next();
    await other.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await expect(late.history).rejects.toThrow();
  });
});

describe('a program from the command line', () => {
  const TRAINS = `
    const { configure, nn, optim, runtimeInfo } = await import('./dist/node/index.js');
    const { trainInWorker } = await import('./dist/node/worker.js');
    await configure({ threads: 2 });
    const model = new nn.Linear(1, 1);
    const { epochs } = await trainInWorker(model, {
      data: { inputs: [[1], [2]], targets: [[2], [4]], batchSize: 2 },
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 3,
    }).history;
    const inputs = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
    const setup = new URL('./tests/worker/programs/setup.mjs', 'file://' + process.cwd() + '/');
    const own = await trainInWorker(setup, { input: { epochs: 2, rows: inputs } }).history;
    console.log(epochs.length, own.epochs.length, runtimeInfo().threads);`;
  const script = `(async () => {${TRAINS}})()`;

  it.each<[string, string[], string | undefined, Record<string, string>]>([
    ['--input-type=module -e', ['--input-type=module', '-e', TRAINS], undefined, {}],
    ['--input-type module --eval', ['--input-type', 'module', '--eval', TRAINS], undefined, {}],
    [
      'other flags beside it',
      [
        '--expose-gc',
        '--no-warnings',
        '--import',
        'data:text/javascript,',
        '-C',
        'x',
        '--input-type=module',
        '--max-old-space-size=900',
        '-e',
        TRAINS,
      ],
      undefined,
      {},
    ],
    ['-e', ['-e', script], undefined, {}],
    ['standard input', ['--input-type=module'], TRAINS, {}],
    ['standard input, as a file', ['--input-type=module', '-'], TRAINS, {}],
    ['standard input of CommonJS', ['-'], script, {}],
    ['NODE_OPTIONS', ['-e', TRAINS], undefined, { NODE_OPTIONS: '--no-warnings --input-type=module' }],
  ])('%s', async (_, args, stdin, env) => {
    const running = promisify(execFile)(process.execPath, args, {
      cwd: root,
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    });
    running.child.stdin!.end(stdin ?? '');
    expect((await running).stdout).toBe('3 2 2\n');
  });
});
