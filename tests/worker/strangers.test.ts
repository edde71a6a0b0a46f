import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { manualSeed } from 'wasmgrad';
import { trainInWorker } from 'wasmgrad/worker';
import { root } from '../support/files.js';

const program = (name: string): URL => new URL(`./programs/${name}.mjs`, import.meta.url);
const rows = (): Float32Array => Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
const input = () => ({ epochs: 2, rows: rows() });

/** What others say: nothing at all, things that look like messages of ours, things of every kind. */
const STRANGERS: unknown[] = [
  null,
  undefined,
  0,
  'done',
  '',
  true,
  1n,
  [],
  [1, { type: 'done' }],
  {},
  { type: 'ready' },
  { type: 'loaded' },
  { type: 'paused' },
  { type: 'start' },
  { type: 'hello' },
  { type: 'abort' },
  { type: 'stop' },
  { type: 'goOn' },
  { type: 'weights', id: 0 },
  { type: 'weights', id: 0, weights: null },
  { type: 'batch' },
  { type: 'batch', report: null },
  { type: 'epoch', report: { epoch: 1 } },
  { type: 'done' },
  { type: 'done', history: null, states: null },
  { type: 'failed' },
  { type: 'failed', error: null },
  { type: 'failed', error: { name: 'DivergenceError', message: 'no', fields: {} } },
  { type: null },
  { type: {} },
  { run: 'x', type: 'done' },
  { wasmgradTraining: null, type: 'done' },
  { wasmgradTraining: '2', run: 'another', type: 'done' },
  { wasmgradTraining: 2, type: 'done' },
  { wasmgradTraining: 2, run: {}, type: 'abort' },
  { wasmgradTraining: 2, run: 'another', type: 'abort' },
  { wasmgradTraining: 2, run: 'another', type: 'done' },
  { wasmgradTraining: 2, run: 'another', type: 'failed', error: {} },
  { wasmgradTraining: 3, run: 'another', type: 'done' },
  new Map([['type', 'done']]),
  new Date(0),
  new Error('mine'),
  new Float32Array(3),
  new ArrayBuffer(4),
];

async function losses(worker: Worker): Promise<number[]> {
  manualSeed(4);
  const run = trainInWorker(worker, { input: input(), batchEveryMs: 0, onEpoch: () => undefined });
  const history = await run.history;
  expect(Object.keys(await run.weights())).toEqual(['inner.weight', 'inner.bias']);
  return history.epochs.map(({ loss }) => loss);
}

describe('messages of others beside ours', () => {
  it.each(['before', 'setup', 'batch', 'end', 'after'])('from the worker, %s', async (when) => {
    const expected = await losses(new Worker(program('ownWorker')));
    const worker = new Worker(program('talkative'), { workerData: { messages: STRANGERS, when } });
    const heard: unknown[] = [];
    worker.on('message', (message) => heard.push(message));
    expect(await losses(worker)).toEqual(expected);
    expect(heard.length).toBeGreaterThan(STRANGERS.length);
  });

  it.each(['at once', 'with each report'])('to the worker, %s', async (when) => {
    const expected = await losses(new Worker(program('ownWorker')));
    const worker = new Worker(program('ownWorker'));
    // A port has no getters to call either: what is sent is a copy.
    const talk = (): void => STRANGERS.forEach((message) => worker.postMessage(message));
    if (when === 'at once') talk();
    // Not with the answers to what is said: there would be no end of them.
    else worker.on('message', ({ run }: { run: string }) => (run === 'another' ? undefined : talk()));
    expect(await losses(worker)).toEqual(expected);
  });

  it('that are objects with getters, or proxies, of what only looks like a worker', async () => {
    const worker = new Worker(program('ownWorker'));
    const throwing = (): never => {
      throw new Error('read');
    };
    const strangers = [
      Object.defineProperty({}, 'type', { get: throwing }),
      Object.defineProperty({}, 'wasmgradTraining', { get: throwing, enumerable: true }),
      Object.defineProperty({ wasmgradTraining: 2, run: '' }, 'type', { get: throwing, enumerable: true }),
      new Proxy({}, { has: throwing, get: throwing, ownKeys: throwing, getOwnPropertyDescriptor: throwing }),
      Object.create(null),
      () => 'done',
      Symbol('done'),
    ];
    const listeners: ((message: unknown) => void)[] = [];
    const between = {
      postMessage: (message: unknown, transfer?: ArrayBuffer[]) => worker.postMessage(message, transfer),
      terminate: () => worker.terminate(),
      on(event: string, listener: (value: unknown) => void) {
        worker.on(event, listener);
        if (event === 'message') listeners.push(listener);
      },
    };
    const run = trainInWorker(between, {
      input: input(),
      onEpoch() {
        for (const listener of listeners) strangers.forEach((one) => listener(one));
      },
    });
    expect((await run.history).epochs).toHaveLength(2);
  });

  it('does not end the program', async () => {
    const code = `
      import { Worker } from 'node:worker_threads';
      import { trainInWorker } from './dist/node/worker.js';
      const messages = [null, { type: 'done' }, 'x', { type: 'failed' }];
      const worker = new Worker('./tests/worker/programs/talkative.mjs', { workerData: { messages, when: 'batch' }, execArgv: [] });
      worker.on('message', () => messages.forEach((one) => worker.postMessage(one)));
      const rows = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
      const { epochs } = await trainInWorker(worker, { input: { epochs: 2, rows } }).history;
      console.log(epochs.length);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      timeout: 20_000,
    });
    expect(stdout).toBe('2\n');
  });
});

describe('messages that are ours, but not as they should be', () => {
  /** A worker that answers `hello` with these, stamped with the run. */
  const answering = (answers: object[]): Worker =>
    new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
      parentPort.on('message', ({ run, type }) => {
        if (type === 'hello') for (const one of workerData) parentPort.postMessage({ wasmgradTraining: 2, run, ...one });
      });`,
      { eval: true, workerData: answers },
    );

  it.each([
    [{ type: 'batch', report: null }],
    [{ type: 'epoch' }],
    [{ type: 'weights', id: 'x' }],
    [{ type: 'weights', id: 1, weights: { a: 3 } }],
    [{ type: 'done' }],
    [{ type: 'done', history: { epochs: 3 }, states: { weights: {} } }],
    [{ type: 'done', history: { epochs: [] }, states: { weights: [1] } }],
    [{ type: 'failed' }],
    [{ type: 'failed', error: { name: 3, message: '', fields: {} } }],
    [{ type: 'toString' }],
    [{ type: 7 }],
    [{}],
  ])('%j is refused', async (answer) => {
    const run = trainInWorker(answering([answer]));
    await expect(run.history).rejects.toThrow(/^trainInWorker: a message '.*' came damaged$/);
  });

  it.each([
    [{ type: 'failed', error: { name: 'DivergenceError', message: 'm', fields: {} } }, /^m$/],
    [
      {
        type: 'failed',
        error: { name: 'DivergenceError', message: 'm', fields: { lastGoodState: { a: 1 } } },
      },
      /./,
    ],
    [{ wasmgradTraining: 1, type: 'ready' }, /versions? 2 .* version 1 .*the same version of wasmgrad/],
    [{ wasmgradTraining: 99, type: 'new' }, /version 2 .* version 99/],
    [{ wasmgradTraining: 99, run: '', type: 'ready' }, /version 2 .* version 99/],
  ])('%j rejects with a reason', async (answer, reason) => {
    await expect(trainInWorker(answering([answer])).history).rejects.toThrow(reason);
  });

  it('orders of another version are refused by the worker, and damaged ones', async () => {
    const worker = new Worker(program('ownWorker'));
    const reports: { run: string; type: string; error?: { message: string } }[] = [];
    await new Promise<void>((resolve) => {
      worker.on('message', (report: (typeof reports)[number]) => {
        reports.push(report);
        if (reports.length === 4) resolve();
      });
      worker.postMessage({ wasmgradTraining: 9, run: 'a', type: 'hello' });
      worker.postMessage({ wasmgradTraining: 2, run: 'b', type: 'start', job: null });
      worker.postMessage({ wasmgradTraining: 2, run: 'c', type: 'dance' });
    });
    await worker.terminate();
    expect(reports.slice(1).map(({ run, type, error }) => [run, type, error?.message])).toEqual([
      ['a', 'failed', expect.stringMatching(/version 2 .* version 9/)],
      ['b', 'failed', "trainInWorker: a message 'start' came damaged"],
      ['c', 'failed', "trainInWorker: a message 'dance' came damaged"],
    ]);
  });
});
