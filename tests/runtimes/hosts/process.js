// Runs the suite in Node, Deno or Bun: `process.js '{"build":"strict","threads":1}'` prints the report as JSON.
import * as wasmgrad from 'wasmgrad';
import * as infer from 'wasmgrad/infer';
import * as io from 'wasmgrad/io';
import * as worker from 'wasmgrad/worker';
import { runSuite } from './suite.js';

console.log(JSON.stringify(await runSuite({ wasmgrad, io, infer, worker }, JSON.parse(process.argv[2]))));
