import * as wasmgrad from 'wasmgrad';
import * as infer from 'wasmgrad/infer';
import * as io from 'wasmgrad/io';
import * as worker from 'wasmgrad/worker';
import { runSuite } from './suite.js';

addEventListener('fetch', (event) => {
  const answer = async () =>
    Response.json(
      await runSuite({ wasmgrad, io, infer, worker, workers: false }, await event.request.json()),
    );
  event.respondWith(answer());
});
