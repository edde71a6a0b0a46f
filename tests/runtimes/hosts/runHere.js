import * as wasmgrad from './node_modules/wasmgrad/dist/web/index.js';
import * as infer from './node_modules/wasmgrad/dist/web/infer.js';
import * as io from './node_modules/wasmgrad/dist/web/io.js';
import * as worker from './node_modules/wasmgrad/dist/web/worker.js';
import { send } from './send.js';
import { runSuite } from './suite.js';

export async function runHere() {
  const query = new URLSearchParams(location.search);
  try {
    const options = { build: query.get('build'), threads: Number(query.get('threads')) };
    const report = await runSuite({ wasmgrad, io, infer, worker }, options);
    await send({ report, isolated: crossOriginIsolated, page: typeof document !== 'undefined' });
  } catch (error) {
    await send({ error: String(error) });
  }
}
