// From which size on threads pay: `node bench/crossover.mjs`, after `npm run build`. Prints
//
//   1. what instructions take: PRODUCT, LIGHT and HEAVY in assembly/work.ts come from the column "alone";
//   2. from which size on sharing an instruction pays, the workers being awake: SHARE_FROM in src/core/team.ts;
//   3. from which size on it pays to wake them: WAKE_FROM there.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import ts from 'typescript';

const RELAXED_FLAG = '--experimental-wasm-relaxed-simd';
const file = fileURLToPath(import.meta.url);
const THREADS = 2;

/**
 * What else the machine does only adds to a time, so a fast one of many is the fairest: the tenth.
 *
 * @param {number[]} values
 */
const undisturbed = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)];

/** @param {number} microseconds */
const format = (microseconds) => microseconds.toFixed(2).padStart(9);

async function opcodes() {
  const source = readFileSync(new URL('../assembly/opcodes.ts', import.meta.url), 'utf8');
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    isolatedModules: true,
  };
  const { outputText } = ts.transpileModule(source, { compilerOptions });
  return import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}

/** A core with workers, driven by hand. */
async function machine() {
  const { Control, INSTRUCTION_BYTES } = await opcodes();
  const load = (/** @type {string} */ name) =>
    readFileSync(new URL(`../build/wasm/${name}-threads.wasm`, import.meta.url));
  const build = WebAssembly.validate(load('relaxed')) ? 'relaxed' : 'strict';
  const module = new WebAssembly.Module(load(build));
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 1024, shared: true });
  const core = /** @type {any} */ (new WebAssembly.Instance(module, { env: { memory } }).exports);
  const i32 = new Int32Array(memory.buffer);
  const f32 = new Float32Array(memory.buffer);
  const f64 = new Float64Array(memory.buffer);
  const control = 64;
  const scratch = control + Control.BYTES;
  const program = Math.ceil((scratch + core.scratchBytes(THREADS)) / 64) * 64;
  const most = 1000;
  const data = program + most * INSTRUCTION_BYTES;
  const set = (/** @type {number} */ word, /** @type {number} */ value) =>
    (i32[(control + word) / 4] = value);
  set(Control.SCRATCH, scratch);
  set(Control.RANKS, THREADS);
  set(Control.WORKER_SPINS, 50_000);
  set(Control.LEADER_SPINS, 20_000);
  set(Control.LEADER_MAY_SLEEP, 1);
  set(Control.PATIENCE, 200);
  for (let rank = 1; rank < THREADS; rank++) {
    const worker = new Worker(new URL('../dist/node/workerNode.js', import.meta.url));
    worker.postMessage({ module, memory, control, rank, words: {} });
    await new Promise((resolve) => worker.once('message', resolve));
    worker.unref();
  }
  return {
    build,
    data,
    /** The same instruction `count` times. */
    write(/** @type {number} */ count, /** @type {number[]} */ words) {
      for (let i = 0; i < count; i++) {
        const base = (program + i * INSTRUCTION_BYTES) / 4;
        i32.fill(0, base, base + 16);
        i32.set(words, base);
        f32[base + 13] = 0.5;
      }
    },
    /** Microseconds for the first `count` instructions, shared or not. */
    time(/** @type {number} */ count, /** @type {boolean} */ shared) {
      f64[(control + Control.SHARE_FROM) / 8] = shared ? 0 : Infinity;
      f64[(control + Control.WAKE_FROM) / 8] = 0;
      const began = performance.now();
      core.lead(control, program, 0, count, scratch);
      return (performance.now() - began) * 1000;
    },
  };
}

async function measureInstructions() {
  const { Opcode, Unary, FUNCTION_SHIFT } = await opcodes();
  const m = await machine();
  console.log(`${m.build} build, ${THREADS} threads\n`);
  const at = (/** @type {number} */ i) => m.data + i * 4_194_304;

  const gemm = (/** @type {number} */ n) => ({
    name: `product ${n} × ${n} × ${n}`,
    nanoseconds: n ** 3 * 0.07,
    words: [Opcode.GEMM, 0, at(0), at(1), at(2), 0, 0, 0, n, n, n],
  });
  const unary = (/** @type {'RELU' | 'TANH'} */ name) => (/** @type {number} */ n) => ({
    name: `${name.toLowerCase()} of ${n}`,
    nanoseconds: n * (name === 'RELU' ? 0.4 : 3),
    words: [Opcode.UNARY, Unary[name] << FUNCTION_SHIFT, at(0), at(1), 0, 0, 0, 0, n],
  });
  const sizes = [1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144];
  const cases = [
    ...[16, 24, 32, 40, 48, 64, 80, 96, 128, 192].map(gemm),
    ...sizes.map(unary('RELU')),
    ...sizes.map(unary('TANH')),
  ];
  console.log('one instruction, µs           alone    shared    asleep     share      wake');
  for (const { name, nanoseconds, words } of cases) {
    const repeats = Math.max(1, Math.min(500, Math.round(2e6 / nanoseconds / 5)));
    m.write(repeats, words);
    /** @type {number[][]} */
    const times = [[], [], []];
    for (let i = 0; i < 80; i++) {
      times[i & 1].push(m.time(repeats, (i & 1) === 1) / repeats);
      // Long enough for the workers to fall asleep.
      const until = performance.now() + 0.5;
      while (performance.now() < until);
      times[2].push(m.time(1, true));
    }
    const [alone, shared, asleep] = times.map(undisturbed);
    // What sharing and waking cost is what they take beyond half of the work.
    const costs = [shared - alone / THREADS, asleep - alone / THREADS];
    console.log(name.padEnd(25), ...[alone, shared, asleep, ...costs].map(format));
  }
}

/** @param {string[]} args */
function child(...args) {
  const relaxed = Number(process.versions.node.split('.')[0]) < 22 ? [RELAXED_FLAG] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...relaxed, file, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(stderr || 'a measurement took too long');
  return stdout;
}

if (process.argv[2] === 'here') await measureInstructions();
else console.log(child('here'));
