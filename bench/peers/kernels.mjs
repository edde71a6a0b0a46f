// The core by itself. Which instructions make a dense layer's passes stands here and nowhere else in bench/.
import { readFileSync } from 'node:fs';
import { prepareLoop } from './ceiling.mjs';

const built = (/** @type {string} */ file) => new URL(`../../build/${file}`, import.meta.url);
const opcodes = await import(built('bench/opcodes.mjs').href);
const { FLAG_TRANSPOSE_A, FLAG_TRANSPOSE_B, INSTRUCTION_BYTES, Opcode, Status } = opcodes;

/**
 * Where operands are, in bytes: x [batch, in], weight and dWeight [out, in], bias [out], y and dy [batch, out],
 * dx [batch, in], options of SGD.
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
  weightUpdate: (shape, at) => [
    ...INSTRUCTIONS.weightGradient(shape, at),
    [Opcode.SGD, 0, [at.weight, at.dWeight, 0, at.options], [shape.outFeatures * shape.inFeatures]],
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

/** @type {any} */
let core;
/** @type {any} */
let loops;
const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });

/** @param {string} file */
function load(file) {
  const module = new WebAssembly.Module(readFileSync(built(file)));
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/** @param {'strict' | 'relaxed'} build */
export function describe(build) {
  core = load(`wasm/${build}.wasm`);
  loops = load(`bench/ceiling-${build}.wasm`);
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

/**
 * Operands one after another, filled with ordinary numbers: zeros or subnormal ones would be another machine.
 *
 * @param {Shape} shape
 */
function place({ batch, inFeatures, outFeatures }) {
  let next = FIRST_BYTE;
  const put = (/** @type {number} */ floats) => {
    const at = next;
    next += Math.ceil(floats / 16) * 64;
    return at;
  };
  const at = {
    x: put(batch * inFeatures),
    weight: put(outFeatures * inFeatures),
    bias: put(outFeatures),
    y: put(batch * outFeatures),
    dy: put(batch * outFeatures),
    dx: put(batch * inFeatures),
    dWeight: put(outFeatures * inFeatures),
    options: put(4),
  };
  const scratch = put(core.scratchBytes(1) / 4);
  const program = next;
  const f32 = new Float32Array(memory.buffer, 0, scratch / 4);
  for (let i = FIRST_BYTE / 4; i < f32.length; i++) f32[i] = ((i * 7919) % 1000) / 1000 - 0.4999;
  return { at, scratch, program };
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

/** @type {Record<string, (workload: any) => import('../child.mjs').Prepared>} */
export const tasks = {
  ceiling: (workload) => ({ work: prepareLoop(workload, loops, memory, FIRST_BYTE) }),
  kernel({ kind, shape, flops }) {
    const { at, scratch, program } = place(shape);
    const f32 = new Float32Array(memory.buffer);
    const instructions = INSTRUCTIONS[kind](shape, at);
    const run = (/** @type {number} */ count) => {
      const status = core.run(program, 0, count, 0, 1, scratch);
      if (status !== Status.OK) throw new Error(`the core stopped with status ${status}`);
    };

    // The first run is compared with float64: instructions that compute something else have no rate.
    f32.set([LR, 0, 0, 0], at.options / 4);
    const before = f32.slice(0, scratch / 4);
    const read = (/** @type {keyof Places} */ name, /** @type {number} */ i) => before[at[name] / 4 + i];
    write(program, instructions);
    run(instructions.length);
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
    const repeats = Math.max(1, Math.min(1000, Math.round(PROGRAM_FLOPS / flops)));
    const repeated = Array.from({ length: repeats }, () => instructions).flat();
    write(program, repeated);
    return { work: () => run(repeated.length), repeats };
  },
};
