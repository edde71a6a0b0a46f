// The loops of assembly/ceiling.ts: how many multiply-adds each does, and what it must come to.

/** Floats of a line, and lines of the ring. */
const LINE = 16;
const LINES = 64;
/** Where operands begin, in floats. */
const RESULT = 16;

/** What a loop works in. */
export const RING_BYTES = 4 * (RESULT + LINE * LINES);

/** @typedef {{ loop: string, kind: 'chains' | 'fused' | 'tile', vectors: number }} Loop */

/** @type {Loop[]} */
const ALL = [
  { loop: 'chains8', kind: 'chains', vectors: 8 },
  { loop: 'chains10', kind: 'chains', vectors: 10 },
  { loop: 'chains12', kind: 'chains', vectors: 12 },
  { loop: 'fused8', kind: 'fused', vectors: 8 },
  { loop: 'fused10', kind: 'fused', vectors: 10 },
  { loop: 'fused12', kind: 'fused', vectors: 12 },
  { loop: 'tile4x8', kind: 'tile', vectors: 8 },
  { loop: 'tile4x8by2', kind: 'tile', vectors: 8 },
  { loop: 'tile4x8by4', kind: 'tile', vectors: 8 },
  { loop: 'tile5x8by2', kind: 'tile', vectors: 10 },
  { loop: 'tile6x8by2', kind: 'tile', vectors: 12 },
];

/** @param {string} build */
export const loopsOf = (build) => ALL.filter(({ kind }) => kind !== 'fused' || build === 'relaxed');

/** Turns of a loop, about a million floating-point operations; a multiple of what loops unroll. */
const TURNS = 16384;

/** @param {Loop} loop */
export const flopsOf = ({ vectors }) => TURNS * vectors * 8;

/**
 * The sum of each lane, in float64.
 *
 * @param {Loop} loop
 * @param {Float32Array} f32 memory, the operands in it
 */
function expected({ kind, vectors }, f32) {
  return [0, 1, 2, 3].map((lane) => {
    let sum = 0;
    if (kind === 'tile') {
      for (let turn = 0; turn < TURNS; turn++) {
        const at = RESULT + (turn % LINES) * LINE;
        for (let row = 0; row < vectors / 2; row++)
          sum += f32[at + 8 + row] * (f32[at + lane] + f32[at + 4 + lane]);
      }
      return sum;
    }
    for (let i = 0; i < vectors; i++) {
      let c = f32[RESULT + (i + 1) * LINE + lane];
      const [first, second, third] = [0, 4, 8].map((offset) => f32[RESULT + offset + lane]);
      if (kind === 'fused') c += TURNS * third * (i % 2 === 0 ? first : second);
      else for (let turn = 0; turn < TURNS; turn++) c = c * first + second;
      sum += c;
    }
    return sum;
  });
}

/**
 * Fills the operands with ordinary numbers, runs a loop once and compares what it comes to.
 *
 * @param {Loop} loop
 * @param {any} loops the compiled module
 * @param {WebAssembly.Memory} memory
 * @param {number} at where it may work, in bytes
 * @returns {() => void}
 */
export function prepareLoop(loop, loops, memory, at) {
  const f32 = new Float32Array(memory.buffer, at, RESULT + LINE * LINES);
  for (let i = 0; i < f32.length; i++) f32[i] = 0.25 + ((i * 7919) % 1000) / 2000;
  const run = () => loops[loop.loop](TURNS, at);
  run();
  expected(loop, f32).forEach((value, lane) => {
    const ordinary = Number.isFinite(f32[lane]) && Math.abs(f32[lane]) > 1e-3;
    if (!ordinary || Math.abs(f32[lane] - value) > 0.01 * Math.abs(value)) {
      throw new Error(`${loop.loop} comes to ${f32[lane]} instead of ${value}`);
    }
  });
  return run;
}
