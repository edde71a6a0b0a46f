import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLayersModel } from 'wasmgrad/io';

// What a model.json names is read from its folder and from nowhere else, however the name is written.

const weights = new Uint8Array(Float32Array.of(2, 3).buffer);
const dense = { class_name: 'Dense', config: { name: 'dense', units: 1, use_bias: false } };
const json = (...paths: unknown[]): string =>
  JSON.stringify({
    modelTopology: { class_name: 'Sequential', config: { layers: [dense] } },
    weightsManifest: [{ paths, weights: [{ name: 'dense/kernel', shape: [2, 1], dtype: 'float32' }] }],
  });

const root = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
const models = join(root, 'models');
const folder = join(models, 'm');
let count = 0;
/** Writes a model.json of a name of its own. */
function written(...paths: unknown[]): string {
  const file = join(folder, `model${count++}.json`);
  writeFileSync(file, json(...paths));
  return file;
}

let [server, other]: Server[] = [];
const asked: string[] = [];
let origin = '';
let elsewhere = '';

beforeAll(async () => {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  mkdirSync(join(models, 'm2'));
  for (const place of ['m/w.bin', 'm/sub/w.bin', 'm/a b.bin', 'm/a%20b.bin', 'm/ä..漢.bin', 'm2/x', 'x']) {
    writeFileSync(join(models, place), weights);
  }
  writeFileSync(join(root, 'x'), weights);
  symlinkSync(join(folder, 'w.bin'), join(folder, 'inner'));
  symlinkSync(join(models, 'x'), join(folder, 'outer'));
  symlinkSync('../m2/x', join(folder, 'sibling'));
  symlinkSync(models, join(folder, 'up'));
  symlinkSync('sub', join(folder, 'down'));
  symlinkSync('m', join(models, 'link'));
  const answer = (name: string) =>
    createServer((request, response) => {
      asked.push(`${name} ${request.url}`);
      const url = new URL(request.url!, 'http://host');
      const redirect =
        url.searchParams.get('to') ?? (url.pathname.endsWith('/moved.bin') ? `${elsewhere}/x` : undefined);
      if (redirect) response.writeHead(302, { location: redirect }).end();
      else if (url.pathname.endsWith('.json'))
        response.end(decodeURIComponent(url.pathname.split('/').at(-2)!));
      else response.end(weights);
    });
  [server, other] = [answer('server'), answer('other')];
  for (const one of [server, other])
    await new Promise<void>((resolve) => void one.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  other.close();
  rmSync(root, { recursive: true });
});

/** The address of a model.json that the server gives, with these names: the name of its folder is its text. */
const served = (...paths: unknown[]): URL =>
  new URL(`${origin}/models/${encodeURIComponent(json(...paths))}/model.json`);

const OUTSIDE: readonly unknown[] = [
  '../x',
  '/etc/x',
  ' /etc/x',
  '\t/etc/x',
  '\n/etc/x',
  '\u0000/etc/x',
  '//host/x',
  ' //host/x',
  '\t//host/x',
  '\n//host/x',
  '/\t/host/x',
  '///host/x',
  '\\\\host\\x',
  '/\\host/x',
  'http://host/x',
  'HTTP://host/x',
  ' https://host/x',
  'ht\ttp://host/x',
  'http:/host/x',
  'file:///etc/x',
  'file:/etc/x',
  'data:application/octet-stream;base64,AAAAQAAAQEA=',
  'blob:http://host/x',
  'javascript:0',
  'C:/x',
  'C:\\x',
  'w.bin:stream',
  '%2e%2e/x',
  '%2E%2e/x',
  '.%2e/x',
  '%2e./x',
  '.\t./x',
  '.\n./x',
  '.\r./x',
  './../x',
  'sub/../../x',
  'sub/%2e%2e/%2e%2e/x',
  '..%2fx',
  '%2e%2e%2fx',
  '..%5cx',
  '..\\x',
  'sub\\..\\..\\x',
  '%252e%252e%252fx',
  '%25252e%25252e%25252fx',
  '..%c0%afx',
  '%c0%ae%c0%ae/x',
  '．．/x',
  '..／x',
  '‥/x',
  '.. /x',
  '... /x',
  '..;/x',
  'w.bin%00',
  'w.bin\u0000',
  'w.bin?x=1',
  'w.bin#x',
  '?x',
  '#x',
  '.',
  '..',
  './',
  '',
  ' ',
  'user@host/../../x',
  '../m2/x',
  `${'a/'.repeat(3)}${'../'.repeat(4)}x`,
  null,
  7,
  ['w.bin'],
  { toString: 'w.bin' },
];

describe('what a model.json names outside its folder', () => {
  it.each(OUTSIDE.map((path) => [JSON.stringify(path).slice(0, 50), path]))(
    '%s is refused, and nobody is asked',
    async (_, path) => {
      const file = written(path);
      const sources = [file, pathToFileURL(file), served(path), new TextEncoder().encode(json(path))];
      for (const source of sources) {
        asked.length = 0;
        const loading = loadLayersModel(source);
        await expect(loading).rejects.toThrow(RangeError);
        await expect(loading).rejects.toThrow(
          /^loadLayersModel: expected the path of a file in the folder of the model, got/,
        );
        expect(asked.filter((line) => !line.endsWith('model.json'))).toEqual([]);
      }
    },
  );

  it.each(['outer', 'sibling', 'up/x', 'up/m/w.bin/../../x', 'up/../x'])(
    '%s, by a link on the disk, is refused',
    async (path) => {
      const file = written(path);
      for (const source of [file, pathToFileURL(file), join(models, 'link', file.slice(folder.length))]) {
        await expect(loadLayersModel(source)).rejects.toThrow(
          /^loadLayersModel: (expected a file in the folder|expected the path|ENOENT)/,
        );
      }
    },
  );

  it('however often it is encoded is refused, in time that its length bounds', async () => {
    const file = written(`%${'25'.repeat(500_000)}2e/x`);
    const begin = performance.now();
    await expect(loadLayersModel(file)).rejects.toThrow(
      /expected the path of a file in the folder of the model/,
    );
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it('by a redirection of the server is refused', async () => {
    asked.length = 0;
    await expect(loadLayersModel(served('moved.bin'))).rejects.toThrow(
      /^loadLayersModel: http.* cannot be fetched, or is redirected/,
    );
    expect(asked.filter((line) => line.startsWith('other'))).toEqual([]);
  });

  it('twice is refused: it could be read any number of times', async () => {
    for (const pair of [
      ['w.bin', 'w.bin'],
      ['w.bin', './w.bin'],
      ['w.bin', 'sub/../w.bin'],
      ['a b.bin', 'a%20b.bin'],
    ]) {
      await expect(loadLayersModel(served(...pair))).rejects.toThrow(/named twice/);
    }
  });
});

describe('what a model.json names inside its folder', () => {
  const good = [
    'w.bin',
    './w.bin',
    'sub/w.bin',
    'sub/../w.bin',
    'a b.bin',
    'ä..漢.bin',
    'up/../w.bin',
    'inner',
    'down/w.bin',
  ];

  it.each(good)('%s is read from disk', async (path) => {
    const file = written(path);
    for (const source of [file, pathToFileURL(file), join(models, 'link', file.slice(folder.length))]) {
      if (path.startsWith('up/')) continue;
      expect((await loadLayersModel(source)).predict([1, 10])).toEqual([32]);
    }
  });

  it.each(good)('%s is fetched', async (path) => {
    expect((await loadLayersModel(served(path))).predict([1, 10])).toEqual([32]);
  });

  it('is fetched from where the model.json was redirected to', async () => {
    const target = served('w.bin').href.replace(origin, elsewhere);
    asked.length = 0;
    const source = new URL(`${origin}/start?to=${encodeURIComponent(target)}`);
    expect((await loadLayersModel(source)).predict([1, 10])).toEqual([32]);
    expect(asked.map((line) => line.split(' ')[0])).toEqual(['server', 'other', 'other']);
  });

  it('on a disk is a path: %20 is no blank', async () => {
    writeFileSync(join(folder, 'a%20b.bin'), new Uint8Array(Float32Array.of(1, 1).buffer));
    expect((await loadLayersModel(written('a%20b.bin'))).predict([1, 10])).toEqual([11]);
    expect((await loadLayersModel(pathToFileURL(written('a%20b.bin')))).predict([1, 10])).toEqual([32]);
  });

  it('needs a place: of bytes and of data URLs it is not known', async () => {
    const source = new URL(`data:application/json,${encodeURIComponent(json('w.bin'))}`);
    for (const given of [source, new TextEncoder().encode(json('w.bin')), new Blob([json('w.bin')])]) {
      await expect(loadLayersModel(given)).rejects.toThrow(
        /^loadLayersModel: expected \{ weights: \[w\.bin\] \}/,
      );
      expect((await loadLayersModel(given, { weights: [weights] })).predict([1, 10])).toEqual([32]);
    }
  });
});
