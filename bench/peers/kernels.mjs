// The core by itself. Which instructions make a dense layer's passes stands here and nowhere else in bench/.
import { readFileSync } from 'node:fs';
import { warmUp } from '../measure.mjs';
import { prepareLoop, RING_BYTES } from './ceiling.mjs';

const built = (/** @type {string} */ file) => new URL(`../../build/${file}`, import.meta.url);
const opcodes = await import(built('bench/opcodes.mjs').href);
const { FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, FLAG_UPDATE, INSTRUCTION_BYTES, OPTIONS_BYTES, Opcode, Status } =
  opcodes;

/**
 * Where operands are, in bytes: x [batch, in], weight and dWeight [out, in], bias [out], y and dy [batch, out],
 * dx [batch, in], options of UPDATE.
 *
 * @typedef {Record<'x' | 'weight' | 'bias' | 'y' | 'dy' | 'dx' | 'dWeight' | 'options', number>} Places
 * @typedef {{ batch: number, inFeatures: number, outFeatures: number }} Shape
 * @typedef {[opcode: number, flags: number, pointers: number[], dims: number[]]} Instruction
 */

/** @type {Record<string, (shape: Shape, at: Places) => Instruction[]>} */
const INSTRUCTIONS = {
  forward: ({ batch, inFeatures, outFeatures }, at) => [
    [Opcode.GEMM, FLAG_TRANSPOSE_B, [at.y, at.x, at.weight, at.bias], [batch, outFeatures, inFeatures]],
  ],
  inputGradient: ({ batch, inFeatures, outFeatures }, at) => [
    [Opcode.GEMM, 0, [at.dx, at.dy, at.weight], [batch, inFeatures, outFeatures]],
  ],
  weightGradient: ({ batch, inFeatures, outFeatures }, at) => [
    [Opcode.GEMM, FLAG_TRANSPOSE_A, [at.dWeight, at.dy, at.x], [outFeatures, inFeatures, batch]],
  ],
  weightUpdate: ({ batch, inFeatures, outFeatures }, at) => [
    [
      Opcode.GEMM,
      FLAG_TRANSPOSE_A | FLAG_UPDATE,
      [at.weight, at.dy, at.x, 0, at.options],
      [outFeatures, inFeatures, batch],
    ],
  ],
};

/**
 * What element [row, column] of a pass's output must be.
 *
 * @type {Record<string, { output: keyof Places, expected: (shape: Shape, read: (name: keyof Places, i: number) => number, row: number, column: number) => number }>}
 */
const RESULTS = {
  forward: {
    output: 'y',
    expected: ({ inFeatures: k }, read, r, o) =>
      read('bias', o) + sum(k, (i) => read('x', r * k + i) * read('weight', o * k + i)),
  },
  inputGradient: {
    output: 'dx',
    expected: ({ inFeatures, outFeatures: k }, read, r, i) =>
      sum(k, (o) => read('dy', r * k + o) * read('weight', o * inFeatures + i)),
  },
  weightGradient: {
    output: 'dWeight',
    expected: ({ batch, inFeatures, outFeatures }, read, o, i) =>
      sum(batch, (r) => read('dy', r * outFeatures + o) * read('x', r * inFeatures + i)),
  },
  weightUpdate: {
    output: 'weight',
    expected: (shape, read, o, i) =>
      read('weight', o * shape.inFeatures + i) - LR * RESULTS.weightGradient.expected(shape, read, o, i),
  },
};

const LR = 0.5;
/** Too small to carry a weight away however often it is subtracted. */
const LR_WHILE_TIMED = 1e-9;
/** Instructions are repeated within a program until it takes about this many operations, as a training step would. */
const PROGRAM_FLOPS = 5e5;
const FIRST_BYTE = 1 << 16;
const PAGE_BYTES = 65536;

/** @type {any} */
let core;
/** @type {any} */
let loops;
const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });

/** @param {string} file */
function load(file) {
  const module = new WebAssembly.Module(readFileSync(built(file)));
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/** Long enough for an engine to optimise the core in the background. */
const WARM_UP_SECONDS = 0.1;

/** @param {'strict' | 'relaxed'} build */
export async function describe(build) {
  core = load(`wasm/${build}.wasm`);
  loops = load(`bench/ceiling-${build}.wasm`);
  const shape = { batch: 32, inFeatures: 64, outFeatures: 64 };
  for (const kind of Object.keys(INSTRUCTIONS)) {
    const { work } = tasks.kernel({ kind, shape, flops: PROGRAM_FLOPS });
    await warmUp(work, WARM_UP_SECONDS, 0);
    release();
  }
  return { version: `${build}, Node ${process.versions.node}` };
}

/**
 * @param {number} count
 * @param {(i: number) => number} term
 */
function sum(count, term) {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

/** Where free memory begins, and how many tasks hold some before it. */
let free = FIRST_BYTE;
let held = 0;

/** @param {number} bytes */
function take(bytes) {
  const at = free;
  free += Math.ceil(bytes / 64) * 64;
  const missing = Math.ceil((free - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing > 0) memory.grow(missing);
  return at;
}

function release() {
  if (--held === 0) free = FIRST_BYTE;
}

/**
 * Operands one after another, filled with ordinary numbers: zeros or subnormal ones would be another machine.
 *
 * @param {Shape} shape
 */
function place({ batch, inFeatures, outFeatures }) {
  const start = free;
  const at = {
    x: take(4 * batch * inFeatures),
    weight: take(4 * outFeatures * inFeatures),
    bias: take(4 * outFeatures),
    y: take(4 * batch * outFeatures),
    dy: take(4 * batch * outFeatures),
    dx: take(4 * batch * inFeatures),
    dWeight: take(4 * outFeatures * inFeatures),
    options: take(OPTIONS_BYTES),
  };
  const f32 = new Float32Array(memory.buffer, start, (free - start) / 4);
  for (let i = 0; i < f32.length; i++) f32[i] = ((i * 7919) % 1000) / 1000 - 0.4999;
  return { at, start };
}

/**
 * @param {number} program
 * @param {Instruction[]} instructions
 */
function write(program, instructions) {
  const i32 = new Int32Array(memory.buffer);
  instructions.forEach(([opcode, flags, pointers, dims], i) => {
    const base = (program + i * INSTRUCTION_BYTES) / 4;
    i32.fill(0, base, base + INSTRUCTION_BYTES / 4);
    i32.set([opcode, flags, ...pointers], base);
    i32.set(dims, base + 8);
  });
}

/**
 * The first run is compared with float64: instructions that compute something else have no rate.
 *
 * @param {string} kind
 * @param {Shape} shape
 * @param {Places} at
 * @param {number} start of the operands
 * @param {() => void} run
 */
function check(kind, shape, at, start, run) {
  const f32 = new Float32Array(memory.buffer);
  f32.fill(0, at.options / 4, (at.options + OPTIONS_BYTES) / 4);
  f32[at.options / 4] = LR;
  const before = f32.slice(start / 4, at.options / 4);
  const read = (/** @type {keyof Places} */ name, /** @type {number} */ i) =>
    before[(at[name] - start) / 4 + i];
  run();
  const { output, expected } = RESULTS[kind];
  const columns = kind === 'forward' ? shape.outFeatures : shape.inFeatures;
  const rows = kind.startsWith('weight') ? shape.outFeatures : shape.batch;
  for (const [row, column] of [
    [0, 0],
    [rows >> 1, columns >> 1],
    [rows - 1, columns - 1],
  ]) {
    const found = f32[at[output] / 4 + row * columns + column];
    const value = expected(shape, read, row, column);
    if (!(Math.abs(found - value) < 1e-3)) {
      throw new Error(`${kind} computes ${found} instead of ${value} at [${row}, ${column}]`);
    }
  }
  f32.set([LR_WHILE_TIMED], at.options / 4);
}

/** @type {Record<string, (workload: any) => import('../child.mjs').Prepared>} */
export const tasks = {
  ceiling(loop) {
    const at = take(RING_BYTES);
    held++;
    return { work: prepareLoop(loop, loops, memory, at), release };
  },
  kernel({ kind, shape, flops }) {
    const { at, start } = place(shape);
    const instructions = INSTRUCTIONS[kind](shape, at);
    const repeats = Math.max(1, Math.min(1000, Math.round(PROGRAM_FLOPS / flops)));
    const program = take(repeats * instructions.length * INSTRUCTION_BYTES);
    const scratch = take(core.scratchBytes(1));
    held++;
    write(program, Array.from({ length: repeats }, () => instructions).flat());
    const run = (/** @type {number} */ times) => {
      const status = core.run(program, 0, times * instructions.length, 0, 1, scratch);
      if (status !== Status.OK) throw new Error(`the core stopped with status ${status}`);
    };
    check(kind, shape, at, start, () => run(1));
    return { work: () => run(repeats), repeats, release };
  },
};
