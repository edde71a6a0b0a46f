import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../../scripts/chromium.mjs';
import { root } from '../support/files.js';

/** What a page does; it answers in the end with what it saw. */
const SCRIPT = `
import { nn, optim } from '/index.js';
import { encodeModel, indexedDb, loadCheckpoint, loadModel, opfs, saveCheckpoint, saveModel } from '/io.js';

const model = new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
const bytes = String(encodeModel(model));
const places = {
  indexedDb: indexedDb('model'),
  opfs: opfs('runs/first/model.safetensors'),
  handle: await (await navigator.storage.getDirectory()).getFileHandle('model', { create: true }),
};
const seen = {};
const message = (promise) => promise.then(() => 'nothing', (error) => error.message);
seen.missing = [await message(loadModel(places.indexedDb)), await message(loadModel(places.opfs))];
for (const [name, place] of Object.entries(places)) {
  await saveModel(new nn.Linear(50, 50), place); // longer than what takes its place
  await saveModel(model, place);
  seen[name] = String(encodeModel(await loadModel(place))) === bytes;
  const optimizer = new optim.Adam(model.parameters());
  await saveCheckpoint({ model, optimizer, extra: 7n }, place);
  seen[name + 'Checkpoint'] = String((await loadCheckpoint(place, { model, optimizer })).extra);
}
seen.blob = String(encodeModel(await loadModel(new Blob([encodeModel(model)])))) === bytes;
const { readable, writable } = new TransformStream();
const [, streamed] = await Promise.all([saveModel(model, writable), loadModel(readable)]);
seen.stream = String(encodeModel(streamed)) === bytes;
seen.fetched = (await loadModel(fetch('/toPyTorch.safetensors'))).parameters().length;
seen.notThere = await message(loadModel(fetch('/missing')));
seen.path = await message(loadModel('a/path'));
globalThis.result = seen;
`;

const server = createServer(({ url = '/' }, response) => {
  const html = `<!doctype html><script>addEventListener('error', (event) => (globalThis.result = { error: event.message }));
addEventListener('unhandledrejection', (event) => (globalThis.result = { error: String(event.reason) }))</script>
<script type="module">${SCRIPT}</script>`;
  const file = url.endsWith('.safetensors')
    ? join(root, 'tests/reference', url)
    : join(root, 'dist/web', url);
  const type =
    url === '/' ? 'text/html' : url.endsWith('.js') ? 'text/javascript' : 'application/octet-stream';
  const there = url === '/' || existsSync(file);
  response.writeHead(there ? 200 : 404, { 'content-type': type });
  response.end(url === '/' ? html : there ? readFileSync(file) : '');
});

// On CI it may not be missing.
describe.skipIf(chromiumPath === undefined && process.env.CI === undefined)('in Chromium', () => {
  let browser: Browser | undefined;
  let address = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await launchChromium({ timeout: 120_000 });
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    server.close();
  });

  it('models and checkpoints are kept in IndexedDB, OPFS, blobs and streams', async () => {
    const page = await browser!.newPage();
    await page.goto(address, { timeout: 120_000 });
    const handle = await page.waitForFunction(() => (globalThis as { result?: unknown }).result, undefined, {
      timeout: 120_000,
    });
    expect(await handle.jsonValue()).toEqual({
      missing: [
        "indexedDb: nothing is stored under 'model' in the database 'wasmgrad'",
        "opfs: there is no file 'runs/first/model.safetensors'",
      ],
      indexedDb: true,
      indexedDbCheckpoint: '7',
      opfs: true,
      opfsCheckpoint: '7',
      handle: true,
      handleCheckpoint: '7',
      blob: true,
      stream: true,
      fetched: 10,
      notThere: `loadModel: ${address}missing answered 404 Not Found`,
      path: "loadModel: this host cannot read the path 'a/path'; pass fetch(url), a Blob, bytes, opfs(path) or indexedDb(key)",
    });
  });
});
