// The core by itself: one instruction at a time, and the ceiling that no instruction can pass.
import { readFileSync } from 'node:fs';

/** Opcode and flags of assembly/opcodes.ts. */
const GEMM = 9;
const SGD = 17;
const TRANSPOSE_A = 2;
const TRANSPOSE_B = 4;

const KINDS = {
  forward: ({ batch, inFeatures, outFeatures }) => ({
    flags: TRANSPOSE_B,
    m: batch,
    n: outFeatures,
    k: inFeatures,
  }),
  inputGradient: ({ batch, inFeatures, outFeatures }) => ({
    flags: 0,
    m: batch,
    n: inFeatures,
    k: outFeatures,
  }),
  weightGradient: ({ batch, inFeatures, outFeatures }) => ({
    flags: TRANSPOSE_A,
    m: outFeatures,
    n: inFeatures,
    k: batch,
  }),
};

let core;
let ceiling;
const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536 });

function load(file) {
  const module = new WebAssembly.Module(readFileSync(new URL(`../../build/${file}`, import.meta.url)));
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

export function describe(build) {
  core = load(`wasm/${build}.wasm`);
  ceiling = load(`bench/ceiling-${build}.wasm`);
  return { version: `${build}, Node ${process.versions.node}` };
}

/** Fills the operands with ordinary numbers: zeros or subnormal ones would be another machine. */
function numbers() {
  const f32 = new Float32Array(memory.buffer);
  for (let i = 0; i < f32.length; i++) f32[i] = ((i * 7919) % 1000) / 1000 - 0.4999;
}

export const tasks = {
  /** One loop of the ceiling: as many turns as 1 MFLOP takes. */
  ceiling({ loop, vectors }) {
    numbers();
    new Float32Array(memory.buffer).set([0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1], 16);
    const turns = Math.round(1e6 / (vectors * 8));
    return () => ceiling[loop](turns, 64);
  },
  kernel({ kind, withUpdate, ...shape }) {
    numbers();
    const { flags, m, n, k } = KINDS[kind](shape);
    const i32 = new Int32Array(memory.buffer);
    const f32 = new Float32Array(memory.buffer);
    let next = 1 << 16;
    const place = (/** @type {number} */ floats) => {
      const at = next;
      next += Math.ceil(floats / 16) * 64;
      return at;
    };
    const [program, scratch, c, a, b, parameter, buffer, options] = [
      32,
      core.scratchBytes(1) / 4,
      m * n,
      m * k,
      k * n,
      m * n,
      m * n,
      4,
    ].map(place);
    i32.fill(0, program / 4, program / 4 + 32);
    i32.set([GEMM, flags, c, a, b], program / 4);
    i32.set([m, n, k], program / 4 + 8);
    i32.set([SGD, 0, parameter, c, buffer, options], program / 4 + 16);
    i32.set([m * n], program / 4 + 24);
    f32.set([1e-6, 0.9, 0, 0], options / 4);
    return () => void core.run(program, 0, withUpdate ? 2 : 1, 0, 1, scratch);
  },
};
