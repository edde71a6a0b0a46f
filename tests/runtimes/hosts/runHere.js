import * as wasmgrad from './node_modules/wasmgrad/dist/web/index.js';
import { send } from './send.js';
import { runSuite } from './suite.js';

export async function runHere() {
  const query = new URLSearchParams(location.search);
  try {
    const options = { build: query.get('build'), threads: Number(query.get('threads')) };
    const report = await runSuite(wasmgrad, options);
    await send({ report, isolated: crossOriginIsolated, page: typeof document !== 'undefined' });
  } catch (error) {
    await send({ error: String(error) });
  }
}
