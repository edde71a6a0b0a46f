import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../../scripts/chromium.mjs';
import { root } from '../support/files.js';

/** A worker of the page's own, which says other things as well, and ends as it is told. */
const OWN = `
import { data, nn, optim } from '/index.js';
import { serveTraining } from '/worker.js';

const strangers = [null, { type: 'done' }, 'text', { type: 'failed' }];
serveTraining(({ how, epochs }) => {
  const model = new nn.Linear(1, 1);
  return {
    model,
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]])),
    epochs,
    callbacks: [
      {
        onEpochEnd() {
          for (const stranger of strangers) postMessage(stranger);
          if (how === 'closes itself') close();
          if (how === 'is stuck') for (;;);
        },
      },
    ],
  };
});
`;

const PAGE = `
import { trainInWorker } from '/worker.js';

const seen = {};
const history = (worker, options) =>
  trainInWorker(worker, options).history.then(({ epochs }) => epochs.length, (error) => error.message ?? String(error));
const own = (how, epochs, options) => {
  const worker = new Worker('/own.js', { type: 'module' });
  worker.addEventListener('message', () => [null, { type: 'abort' }, 'text'].forEach((one) => worker.postMessage(one)));
  return history(worker, { input: { how, epochs }, ...options });
};
seen.trains = await own('trains', 3);
const controller = new AbortController();
setTimeout(() => controller.abort(new Error('enough')), 1000);
seen.stuck = await own('is stuck', 1e9, { signal: controller.signal, graceMs: 200 });
seen.closed = await own('closes itself', 1e9);
seen.missing = await history(new Worker('/nowhere.js', { type: 'module' }));
const ended = new Worker('/own.js', { type: 'module' });
ended.terminate();
seen.ended = await history(ended, { startTimeoutMs: 1000 });
globalThis.result = seen;
`;

const server = createServer(({ url = '/' }, response) => {
  const html = `<!doctype html><script>addEventListener('error', (event) => (globalThis.result = { error: event.message }));
addEventListener('unhandledrejection', (event) => (globalThis.result = { error: String(event.reason) }))</script>
<script type="module">${PAGE}</script>`;
  const file = join(root, 'dist/web', url);
  const own = url === '/' ? html : url === '/own.js' ? OWN : undefined;
  const there = own !== undefined || existsSync(file);
  response.writeHead(there ? 200 : 404, { 'content-type': url === '/' ? 'text/html' : 'text/javascript' });
  response.end(own ?? (there ? readFileSync(file) : ''));
});

// On CI it may not be missing.
describe.skipIf(chromiumPath === undefined && process.env.CI === undefined)(
  'a training in a Web Worker',
  () => {
    let browser: Browser | undefined;

    beforeAll(async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      browser = await launchChromium({ timeout: 120_000 });
    });

    afterAll(async () => {
      await browser?.close();
      server.close();
    });

    it('hears nothing but its own messages, and rejects where the worker ends', async () => {
      const page = await browser!.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction('globalThis.result', undefined, { timeout: 120_000 });
      expect(await page.evaluate('globalThis.result')).toEqual({
        trains: 3,
        stuck: 'enough',
        closed: 'trainInWorker: the worker ended: it closed itself',
        missing: expect.stringMatching(/^trainInWorker: the worker ended: its file/) as string,
        ended: expect.stringMatching(
          /^trainInWorker: within 1000 ms \(startTimeoutMs\) the worker did not answer/,
        ) as string,
      });
    });
  },
);
