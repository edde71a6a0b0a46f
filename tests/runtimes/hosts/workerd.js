import * as wasmgrad from 'wasmgrad';
import * as infer from 'wasmgrad/infer';
import * as io from 'wasmgrad/io';
import * as worker from 'wasmgrad/worker';
import { runSuite } from './suite.js';

export default {
  async fetch(request) {
    return Response.json(
      await runSuite({ wasmgrad, io, infer, worker, workers: false }, await request.json()),
    );
  },
};
