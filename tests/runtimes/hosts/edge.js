import * as wasmgrad from 'wasmgrad';
import { runSuite } from './suite.js';

addEventListener('fetch', (event) => {
  const answer = async () => Response.json(await runSuite(wasmgrad, await event.request.json()));
  event.respondWith(answer());
});
