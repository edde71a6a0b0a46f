// Runs the suite in Node, Deno or Bun: `process.js '{"build":"strict","threads":1}'` prints the report as JSON.
import * as wasmgrad from 'wasmgrad';
import { runSuite } from './suite.js';

console.log(JSON.stringify(await runSuite(wasmgrad, JSON.parse(process.argv[2]))));
