import { describe, expect, it } from 'vitest';
import { Opcode } from '../../assembly/opcodes.js';
import { BUILDS, machineOf, testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';

const MASK = (1n << 64n) - 1n;

/** Widynski's "Squares" with a key that splitmix64 makes of the seed, in exact integers. */
function random32(seed: bigint, counter: bigint): number {
  let key = (seed + 0x9e3779b97f4a7c15n) & MASK;
  key = ((key ^ (key >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  key = ((key ^ (key >> 27n)) * 0x94d049bb133111ebn) & MASK;
  key = (key ^ (key >> 31n)) | 1n;
  const rotate = (x: bigint) => ((x << 32n) | (x >> 32n)) & MASK;
  const y = (counter * key) & MASK;
  const z = (y + key) & MASK;
  let x = rotate((y * y + y) & MASK);
  x = rotate((x * x + z) & MASK);
  x = rotate((x * x + y) & MASK);
  return Number(((x * x + z) & MASK) >> 32n);
}

function* cases(): Generator<KernelCase> {
  for (const size of [0, 1, 5, 16, 67]) {
    for (const p of [0.1, 0.5, 0.9]) {
      const x = randomFloats(size, 1);
      const seed = [7, 3];
      const counter = [0xfffffff0, 1];
      const threshold = Math.floor(fround(p) * 2 ** 32);
      const mask = Array.from({ length: size }, (_, i) => {
        const bits = random32((3n << 32n) | 7n, ((1n << 32n) | 0xfffffff0n) + BigInt(i));
        return bits < threshold ? 0 : 1 / (1 - fround(p));
      });
      yield {
        name: `${size} with p ${p}`,
        prepare(machine) {
          const y = machine.floats(size);
          const m = machine.floats(size);
          const generator = machine.ints([...seed, ...counter]);
          return {
            instructions: [
              { op: Opcode.DROPOUT, pointers: [y, machine.floats(x), m, generator], dims: [size], scalars: [p] },
            ],
            outputs: [
              { pointer: m, expected: mask, tolerance: mask.map((v) => v * 3 * EPSILON) },
              { pointer: y, expected: mask.map((v, i) => v * x[i]), tolerance: mask.map((v) => v * 9 * EPSILON) },
            ],
          };
        },
      };
    }
  }
}

testKernels('dropout', [...cases()]);

describe.each(BUILDS)('dropout in %s', (build) => {
  it('drops the share p', () => {
    const machine = machineOf(build);
    const size = 100_000;
    const y = machine.floats(size);
    const pointers = [y, machine.floats(new Float32Array(size).fill(1)), machine.floats(size), machine.ints([1, 0, 0, 0])];
    machine.run(1, [{ op: Opcode.DROPOUT, pointers, dims: [size], scalars: [0.3] }]);
    const dropped = machine.read(y, size).filter((value) => value === 0).length;
    // Five standard deviations of a binomial distribution.
    expect(Math.abs(dropped - 0.3 * size)).toBeLessThan(5 * Math.sqrt(size * 0.3 * 0.7));
  });

  it('makes 0 of what it drops, be it infinite or NaN', () => {
    for (const value of [Infinity, -Infinity, NaN]) {
      const machine = machineOf(build);
      const y = machine.floats(64);
      const pointers = [y, machine.floats(new Float32Array(64).fill(value)), machine.floats(64), machine.ints([1, 0, 0, 0])];
      machine.run(1, [{ op: Opcode.DROPOUT, pointers, dims: [64], scalars: [0.5] }]);
      const kinds = new Set([...machine.read(y, 64)].map(String));
      expect(kinds).toEqual(new Set(['0', String(value)]));
    }
  });

  it('counts in 64 bits', () => {
    const machine = machineOf(build);
    const counter = machine.ints([-1, 4]);
    machine.run(3, [{ op: Opcode.COUNT, pointers: [counter], dims: [5] }]);
    expect([...machine.i32.subarray(counter / 4, counter / 4 + 2)]).toEqual([4, 5]);
  });
});
