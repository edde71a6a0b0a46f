import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { data, nn } from 'wasmgrad';
import {
  encodeModel,
  encodeOnnx,
  indexedDb,
  loadCheckpoint,
  loadLayersModel,
  loadModel,
  loadOnnx,
  loadWeights,
  opfs,
  readSafetensors,
  readStateDict,
  saveModel,
  saveOnnx,
  type ByteSource,
  type ByteTarget,
} from 'wasmgrad/io';
import { load } from 'wasmgrad/infer';

const model = new nn.Linear(2, 3);
const bytes = encodeModel(model);
const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What becomes of a promise, if it becomes anything soon. */
const soon = async (work: Promise<unknown>): Promise<unknown> =>
  Promise.race([
    work.then(
      () => 'done',
      (error: unknown) => error,
    ),
    setTimeout(2000, 'nothing'),
  ]);

describe('a target that fails ends the saving', () => {
  const broken = new Error('broken');
  const never = (): void => undefined;
  it.each<[string, () => unknown, RegExp]>([
    [
      'destroyed before',
      () => new PassThrough().destroy(),
      /^saveModel: the stream was closed before all was written/,
    ],
    [
      'destroyed before, with an error',
      () => new Writable({ write: never }).on('error', never).destroy(broken),
      /^saveModel: the stream was closed/,
    ],
    ['ended before', () => new PassThrough().end(), /write after end|already finished|closed/i],
    [
      'destroyed while it is written to',
      () => {
        const stream: Writable = new Writable({
          write: () => void globalThis.setTimeout(() => stream.destroy(), 5),
        });
        return stream;
      },
      /^saveModel: the stream was closed/,
    ],
    [
      'destroyed with an error while it is written to',
      () => {
        const stream: Writable = new Writable({ write: () => void stream.destroy(broken) });
        return stream;
      },
      /broken/,
    ],
    ['that fails at a write', () => new Writable({ write: (_, __, done) => done(broken) }), /broken/],
    [
      'that fails at its end',
      () => new Writable({ write: (_, __, done) => done(), final: (done) => done(broken) }),
      /broken/,
    ],
    [
      'that throws',
      () =>
        new Writable({
          write: () => {
            throw broken;
          },
        }),
      /broken/,
    ],
    [
      'a duplex whose other side closes it',
      () => {
        const stream: Duplex = new Duplex({ write: never, read: never });
        void setImmediate().then(() => stream.destroy());
        return stream;
      },
      /^saveModel: the stream was closed/,
    ],
    ['a file that cannot be made', () => createWriteStream(join(folder, 'missing', 'x')), /ENOENT/],
    [
      'of the web, locked',
      () => {
        const stream = new WritableStream();
        stream.getWriter();
        return stream;
      },
      /^saveModel: the stream is locked/,
    ],
    [
      'of the web, with an error',
      () => new WritableStream({ start: (controller) => controller.error(broken) }),
      /broken/,
    ],
    [
      'of the web, that fails at a write',
      () => new WritableStream({ write: () => Promise.reject(broken) }),
      /broken/,
    ],
    [
      'of the web, that fails at its end',
      () => new WritableStream({ close: () => Promise.reject(broken) }),
      /broken/,
    ],
    [
      'of the web, that fails in the middle of a write without end',
      () => {
        let fail = never;
        const stream = new WritableStream({
          start: (controller) => void (fail = () => controller.error(broken)),
          write: () => (void setImmediate().then(() => fail()), new Promise(never)),
        });
        return stream;
      },
      /broken/,
    ],
    [
      'of the web, closed before',
      () => {
        const stream = new WritableStream();
        void stream.close();
        return stream;
      },
      /clos/i,
    ],
    [
      'destroyed while it is written to, without an event',
      () => {
        const stream = new Writable({ emitClose: false, write: never });
        globalThis.setTimeout(() => stream.destroy(), 5);
        return stream;
      },
      /^saveModel: the stream was closed/,
    ],
    [
      'destroyed with an error, without an event',
      () => {
        const stream = new Writable({ emitClose: false, write: never }).on('error', never);
        globalThis.setTimeout(() => stream.destroy(broken), 5);
        return stream;
      },
      /^broken$/,
    ],
    [
      'of the web, closed long before',
      () => {
        const stream = new WritableStream();
        void stream.close();
        return stream;
      },
      /^saveModel: the stream was closed before all was written$/,
    ],
    [
      'of the web, that closes without end',
      () => {
        const stream = new WritableStream({ close: () => new Promise(never) });
        void stream.close();
        return stream;
      },
      /^saveModel: the stream was closed before all was written$/,
    ],
    [
      'of the web, given up without a reason',
      () => {
        const stream = new WritableStream();
        void stream.abort();
        return stream;
      },
      /^saveModel: the stream was closed before all was written$/,
    ],
    ...[null, undefined, 3, {}].map((made): [string, () => unknown, RegExp] => [
      `a handle that makes ${JSON.stringify(made)}`,
      () => ({ createWritable: async () => made }),
      /^saveModel: expected createWritable\(\) of the handle to give a stream, got /,
    ]),
    ...[() => undefined, () => Promise.reject(new Error('other')), thrower].map(
      (abort): [string, () => unknown, RegExp] => [
        `a handle that cannot give up: ${abort}`,
        () => ({ createWritable: async () => ({ write: () => Promise.reject(broken), abort }) }),
        /^broken$/,
      ],
    ),
    ['a promise', () => Promise.resolve('x'), /^saveModel: expected a path, .* got a Promise$/],
    ['IndexedDB, which is not here', () => indexedDb('a'), /^indexedDb: this host has no IndexedDB; pass/],
    ['OPFS, which is not here', () => opfs('a'), /^opfs: this host has no such file system; pass/],
    [
      'a handle that refuses a write',
      () => ({
        createWritable: async () => ({ write: () => Promise.reject(broken), abort: async () => undefined }),
      }),
      /broken/,
    ],
    [
      'a store that throws',
      () => ({
        read: never,
        write: () => {
          throw broken;
        },
      }),
      /broken/,
    ],
  ])('%s', async (_, target, message) => {
    const result = await soon(saveModel(model, target() as ByteTarget));
    expect(result).toBeInstanceOf(Error);
    expect((result as Error).message).toMatch(message);
  });
});

/** A server that promises more bytes than it sends. */
const server = createServer((_, response) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('x', () => response.destroy());
});
let cut = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cut = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => void server.close());

function thrower(): never {
  throw new Error('other');
}

function endless(): object {
  const handle = { getFile: async (): Promise<object> => handle };
  return handle;
}

describe('a source that fails ends the loading', () => {
  const broken = new Error('broken');
  it.each<[string, () => unknown, RegExp]>([
    ['destroyed before', () => Readable.from([bytes]).destroy(), /./],
    [
      'destroyed with an error',
      () =>
        Readable.from([bytes])
          .on('error', () => undefined)
          .destroy(broken),
      /broken/,
    ],
    [
      'destroyed in the middle',
      () => {
        const stream: Readable = new Readable({
          read: () => void globalThis.setTimeout(() => stream.destroy(), 5),
        });
        stream.push(bytes.subarray(0, 9));
        return stream;
      },
      /premature|close|abort/i,
    ],
    ['a file that is not there', () => createReadStream(join(folder, 'missing')), /ENOENT/],
    [
      'of the web, locked',
      () => {
        const { stream } = { stream: new Blob([bytes]).stream() };
        stream.getReader();
        return stream;
      },
      /^loadModel: the stream is locked/,
    ],
    [
      'of the web, with an error',
      () => new ReadableStream({ start: (controller) => controller.error(broken) }),
      /broken/,
    ],
    [
      'of the web, cancelled',
      () => {
        const stream = new Blob([bytes]).stream();
        void stream.cancel();
        return stream;
      },
      /^loadModel: /,
    ],
    ['of the web, of texts', () => new ReadableStream({ start: (c) => (c.enqueue('text'), c.close()) }), /./],
    [
      'a response that was read',
      () => {
        const response = new Response(bytes);
        void response.arrayBuffer();
        return response;
      },
      /./,
    ],
    ['a promise that fails', () => Promise.reject(broken), /broken/],
    [
      'pieces that are no bytes',
      async function* () {
        yield 'text';
      } as () => unknown,
      /^loadModel: expected an ArrayBuffer/,
    ],
    [
      'a store that throws',
      () => ({
        write: () => undefined,
        read: () => {
          throw broken;
        },
      }),
      /broken/,
    ],
    ['a path', () => join(folder, 'missing'), /^loadModel: ENOENT/],
    [
      'an address that nobody answers',
      () => new URL('http://127.0.0.1:1/x'),
      /^loadModel: fetch failed \(http:\/\/127\.0\.0\.1:1\/x\)$/,
    ],
    ['a body that is cut off', () => new URL(cut), /^loadModel: terminated \(http:\/\/127\.0\.0\.1:\d+\/\)$/],
    [
      'a response that is cut off',
      () => fetch(cut),
      /^loadModel: terminated \(http:\/\/127\.0\.0\.1:\d+\/\)$/,
    ],
    [
      'a handle whose file is a handle',
      () => endless(),
      /^loadModel: expected getFile\(\) .* got an Object$/,
    ],
    [
      'a handle without a file',
      () => ({ getFile: async () => null }),
      /^loadModel: expected getFile.* got null$/,
    ],
    [
      'a handle whose file is a path',
      () => ({ getFile: async () => 'x' }),
      /^loadModel: expected getFile.* string/,
    ],
    ['IndexedDB, which is not here', () => indexedDb('a'), /^indexedDb: this host has no IndexedDB; pass/],
    ['OPFS, which is not here', () => opfs('a'), /^opfs: this host has no such file system; pass/],
  ])('%s', async (_, source, message) => {
    const result = await soon(loadModel(source() as ByteSource));
    expect(result).toBeInstanceOf(Error);
    expect((result as Error).message).toMatch(message);
  });

  it('the body of a response that is cut off', async () => {
    const { body } = await fetch(cut);
    await expect(loadModel(body as ByteSource)).rejects.toThrow(/^loadModel: terminated$/);
  });
});

describe('bytes of every kind', () => {
  const shared = (): SharedArrayBuffer => {
    const buffer = new SharedArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    return buffer;
  };
  const shifted = (): Buffer => Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
  const views: [string, () => unknown][] = [
    ['a buffer', () => bytes.slice().buffer],
    ['shared memory', shared],
    ['a view of shared memory', () => new Uint8Array(shared())],
    ['a Buffer at an offset', shifted],
    ['a DataView', () => new DataView(bytes.slice().buffer)],
    [
      'a buffer of another realm',
      () => {
        const buffer = runInNewContext(`new ArrayBuffer(${bytes.length})`) as ArrayBuffer;
        new Uint8Array(buffer).set(bytes);
        return buffer;
      },
    ],
  ];
  it.each(views)('%s is read', async (_, file) => {
    expect(encodeModel(await loadModel(file() as ByteSource))).toEqual(bytes);
    const loaded = await load(file() as Uint8Array);
    expect(loaded.predict([1, 2])).toHaveLength(3);
    expect(Object.keys(await readStateDict(file() as ByteSource))).toEqual(['bias', 'weight']);
  });

  it('of ONNX and LayersModels too', async () => {
    const onnx = encodeOnnx(model);
    const file = new Uint8Array(new SharedArrayBuffer(onnx.length));
    file.set(onnx);
    expect(encodeModel(await loadOnnx(file))).toHaveLength(encodeModel(await loadOnnx(onnx)).length);
    expect((await load(file)).predict([1, 2])).toHaveLength(3);
  });

  const detached = (): ArrayBuffer => {
    const { buffer } = bytes.slice();
    structuredClone(buffer, { transfer: [buffer] });
    return buffer;
  };
  const bad: [string, () => unknown][] = [
    ['a buffer that was transferred', detached],
    [
      'a view of one',
      () => {
        const view = bytes.slice();
        structuredClone(view.buffer, { transfer: [view.buffer] });
        return view;
      },
    ],
    ['nothing', () => undefined],
    ['null', () => null],
    ['a number', () => 7],
    ['a symbol', () => Symbol('x')],
    ['a function', () => () => bytes],
    ['a list of bytes', () => [...bytes]],
    ['an object', () => ({ ...bytes })],
    ['an object without a prototype', () => Object.create(null) as unknown],
    ['a boxed text', () => new String('x')],
    ['a proxy of bytes', () => new Proxy(bytes, {})],
    ['a model', () => model],
  ];
  const loaders: Record<string, (file: never) => Promise<unknown>> = {
    load,
    loadModel,
    loadOnnx,
    loadLayersModel,
    readStateDict,
    loadWeights: (file) => loadWeights(new nn.Linear(2, 3), file),
    loadCheckpoint: (file) => loadCheckpoint(file, { model: new nn.Linear(2, 3) }),
  };
  describe.each(Object.keys(loaders))('%s', (name) => {
    it.each(bad)('refuses %s in words', async (_, file) => {
      const error = (await soon(loaders[name](file() as never))) as Error;
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(new RegExp(`^${name}: expected an ArrayBuffer or a typed array`));
    });
  });
});

describe('promises that nobody awaits', () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', listener);
  });
  afterEach(() => void process.off('unhandledRejection', listener));

  const dense = { class_name: 'Dense', config: { name: 'dense', units: 1, use_bias: false } };
  const json = new TextEncoder().encode(
    JSON.stringify({
      modelTopology: { class_name: 'Sequential', config: { layers: [dense] } },
      weightsManifest: [
        { paths: ['a', 'b'], weights: [{ name: 'dense/kernel', shape: [2, 1], dtype: 'float32' }] },
      ],
    }),
  );
  const broken = (): Promise<never> => Promise.reject(new Error('broken'));
  const late = (): Promise<never> => setTimeout(5).then(broken);
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'one typed array for a list',
      () => loadLayersModel(json, { weights: Float32Array.of(1, 2) as never }),
      /^loadLayersModel: expected weights to be a list/,
    ],
    [
      'an iterator for a list',
      () => loadLayersModel(json, { weights: new Set([json]) as never }),
      /^loadLayersModel: expected weights to be a list/,
    ],
    [
      'null for a list',
      () => loadLayersModel(json, { weights: null as never }),
      /^loadLayersModel: expected weights to be a list/,
    ],
    [
      'a promise for a list',
      () => loadLayersModel(json, { weights: broken() as never }),
      /^loadLayersModel: expected weights to be a list of files, such as .*, got a Promise$/,
    ],
    [
      'a promise for a file of load()',
      () => load(broken() as never),
      /^load: expected an ArrayBuffer or a typed array/,
    ],
    [
      'a promise for weights of load()',
      () => load(json, { weights: late() as never }),
      /^load: expected weights to be a list of Uint8Arrays, got a Promise$/,
    ],
    [
      'promises among weights of load()',
      () => load(json, { weights: [broken(), late()] as never }),
      /^load: expected weights to be a list of Uint8Arrays, got others$/,
    ],
    [
      'a promise for a file of numbers',
      () => data.readIdx(broken() as never),
      /^readIdx: expected a Uint8Array or an ArrayBuffer, got a Promise$/,
    ],
    ['a promise for a target', () => saveModel(model, broken() as never), /^saveModel: expected a path/],
    ['a late one', () => saveOnnx(model, late() as never), /^saveOnnx: expected a path/],
    [
      'a promise for a file of tensors',
      async () => readSafetensors(broken() as never),
      /^readSafetensors: expected an ArrayBuffer/,
    ],
    ['two that fail', () => loadLayersModel(json, { weights: [broken(), late()] }), /broken/],
    [
      'too many',
      () => loadLayersModel(json, { weights: [broken(), broken(), broken()] }),
      /expected 2 files of weights, got 3/,
    ],
    ['a file that is none', () => loadLayersModel(new Uint8Array(3), { weights: [broken()] }), /got no JSON/],
    ['an option', () => loadLayersModel(broken(), { weights: [broken()], x: 1 } as never), /unknown option/],
    ['an option of loadModel', () => loadModel(broken(), { x: 1 } as never), /unknown option/],
    ['an option of loadOnnx', () => loadOnnx(broken(), { x: 1 } as never), /unknown option/],
    ['an option of readStateDict', () => readStateDict(broken(), { x: 1 } as never), /unknown option/],
    ['an option of loadWeights', () => loadWeights(model, broken(), { x: 1 } as never), /unknown option/],
    ['no model', () => loadWeights(undefined as never, broken()), /^loadWeights: expected a model/],
    ['an option of loadCheckpoint', () => loadCheckpoint(broken(), { x: 1 } as never), /unknown option/],
    [
      'a stream of the web that fails',
      () => saveModel(model, new WritableStream({ write: () => broken() })),
      /broken/,
    ],
  ])('%s: the error comes once', async (_, work, message) => {
    const error = (await soon(work())) as Error;
    expect(error.message).toMatch(message);
    await setTimeout(20);
    expect(unhandled).toEqual([]);
  });
});
