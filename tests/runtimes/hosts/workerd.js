import * as wasmgrad from 'wasmgrad';
import { runSuite } from './suite.js';

export default {
  async fetch(request) {
    return Response.json(await runSuite(wasmgrad, await request.json()));
  },
};
