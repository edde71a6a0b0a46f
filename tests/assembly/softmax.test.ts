import { describe, expect, it } from 'vitest';
import {
  FLAG_ACCUMULATE,
  FLAG_PROBABILITIES,
  FUNCTION_SHIFT,
  Opcode,
  Softmax,
  Status,
} from '../../assembly/opcodes.js';
import { BUILDS, machineOf, testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';

const SHAPES = [[0, 3, 1], [1, 1, 1], [3, 2, 1], [5, 4, 1], [7, 10, 1], [17, 13, 1], [2, 5, 3], [3, 4, 9], [1, 6, 17], [4, 0, 3]] as const;

/** Rows of [outer, length, inner], as lists of positions. */
function rows(outer: number, length: number, inner: number): number[][] {
  const result: number[][] = [];
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      result.push(Array.from({ length }, (_, j) => (o * length + j) * inner + i));
    }
  }
  return result;
}

/** Float64 softmax and log-softmax of some numbers. */
function reference(x: number[]): { plain: number[]; log: number[] } {
  const maximum = Math.max(...x);
  const sum = x.reduce((total, value) => total + Math.exp(value - maximum), 0);
  const log = x.map((value) => value - maximum - Math.log(sum));
  return { log, plain: log.map(Math.exp) };
}

function* softmaxCases(): Generator<KernelCase> {
  for (const [outer, length, inner] of SHAPES) {
    for (const scale of [3, 80]) {
      const x = randomFloats(outer * length * inner, 1, scale);
      const dy = randomFloats(x.length, 2);
      const before = randomFloats(x.length, 3);
      const lists = rows(outer, length, inner);
      // exp turns an absolute error of its argument, up to scale · ε, into a relative one.
      const room = (length + 12 + 2 * scale) * EPSILON;
      for (const [name, fn] of [['softmax', Softmax.PLAIN], ['log-softmax', Softmax.LOG]] as const) {
        const y: number[] = new Array(x.length);
        for (const at of lists) {
          const { plain, log } = reference(at.map((i) => x[i]));
          at.forEach((i, j) => (y[i] = (fn === Softmax.PLAIN ? plain : log)[j]));
        }
        yield {
          name: `${name} of [${outer}, ${length}, ${inner}] up to ${scale}`,
          prepare(machine) {
            const out = machine.floats(x.length);
            const pointers = [out, machine.floats(x)];
            const tolerance = y.map((v) => (fn === Softmax.PLAIN ? v * room + 1e-38 : (Math.abs(v) + length + 4) * 4 * EPSILON));
            return {
              instructions: [
                { op: Opcode.SOFTMAX, flags: fn << FUNCTION_SHIFT, pointers, dims: [outer, length, inner] },
              ],
              outputs: [{ pointer: out, expected: y, tolerance }],
            };
          },
        };
        for (const accumulate of [false, true]) {
          const y32 = Float32Array.from(y);
          const expected: number[] = new Array(x.length);
          for (const at of lists) {
            const dot = at.reduce((sum, i) => sum + dy[i] * (fn === Softmax.PLAIN ? y32[i] : 1), 0);
            for (const i of at) {
              const slope = fn === Softmax.PLAIN ? y32[i] * (dy[i] - dot) : dy[i] - Math.exp(y32[i]) * dot;
              expected[i] = slope + (accumulate ? before[i] : 0);
            }
          }
          yield {
            name: `gradient of ${name}, [${outer}, ${length}, ${inner}] up to ${scale}${accumulate ? ', added' : ''}`,
            prepare(machine) {
              const out = machine.floats(accumulate ? before : x.length);
              const pointers = [out, machine.floats(dy), machine.floats(y32)];
              const flags = (fn << FUNCTION_SHIFT) | (accumulate ? FLAG_ACCUMULATE : 0);
              return {
                instructions: [{ op: Opcode.SOFTMAX_GRADIENT, flags, pointers, dims: [outer, length, inner] }],
                outputs: [{ pointer: out, expected, tolerance: expected.map(() => 4 * (length + 8) * EPSILON) }],
              };
            },
          };
        }
      }
    }
  }
}

function* crossEntropyCases(): Generator<KernelCase> {
  for (const [count, classes] of [[0, 3], [1, 1], [5, 3], [17, 10], [33, 4], [4, 16], [6, 17], [3, 67]]) {
    for (const soft of [false, true]) {
      const x = randomFloats(count * classes, 1, 9);
      const labels = Float32Array.from({ length: count }, (_, row) => (row * 5) % classes);
      const shares = randomFloats(count * classes, 2).map(Math.abs);
      const target = (row: number, i: number) => (soft ? shares[row * classes + i] : labels[row] === i ? 1 : 0);
      const targets = soft ? shares : labels;
      const losses: number[] = [];
      const probabilities: number[] = [];
      const expected: number[] = [];
      const dy = randomFloats(count, 3);
      const scale = fround(1 / 3);
      for (let row = 0; row < count; row++) {
        const { plain, log } = reference([...x.subarray(row * classes, (row + 1) * classes)]);
        losses.push(-log.reduce((sum, value, i) => sum + value * target(row, i), 0));
        probabilities.push(...plain);
        const mass = plain.reduce((sum, _, i) => sum + target(row, i), 0);
        plain.forEach((p, i) => expected.push(scale * dy[row] * (p * mass - target(row, i))));
      }
      const flags = soft ? FLAG_PROBABILITIES : 0;
      const room = (classes + 40) * EPSILON;
      yield {
        name: `cross-entropy of [${count}, ${classes}] with ${soft ? 'probabilities' : 'labels'} and its gradient`,
        prepare(machine) {
          const out = machine.floats(count);
          const dx = machine.floats(count * classes);
          const pointers = [out, machine.floats(x), machine.floats(targets), dx, machine.floats(dy)];
          const dims = [count, classes, 1];
          return {
            instructions: [{ op: Opcode.CROSS_ENTROPY, flags, pointers, dims, scalars: [scale] }],
            outputs: [
              { pointer: out, expected: losses, tolerance: losses.map((v) => (Math.abs(v) + 20) * room) },
              { pointer: dx, expected, tolerance: expected.map(() => 2 * classes * room) },
            ],
          };
        },
      };
      yield {
        name: `cross-entropy of [${count}, ${classes}] with ${soft ? 'probabilities' : 'labels'}`,
        prepare(machine) {
          const out = machine.floats(count);
          const p = machine.floats(count * classes);
          const dx = machine.floats(count * classes);
          const targetsAt = machine.floats(targets);
          return {
            instructions: [
              { op: Opcode.CROSS_ENTROPY, flags, pointers: [out, machine.floats(x), targetsAt, p], dims: [count, classes] },
              {
                op: Opcode.CROSS_ENTROPY_GRADIENT,
                flags,
                pointers: [dx, machine.floats(dy), p, targetsAt],
                dims: [count, classes, 1],
                scalars: [scale],
              },
            ],
            outputs: [
              { pointer: out, expected: losses, tolerance: losses.map((v) => (Math.abs(v) + 20) * room) },
              { pointer: p, expected: probabilities, tolerance: probabilities.map((v) => v * room) },
              { pointer: dx, expected, tolerance: expected.map(() => 2 * classes * room) },
            ],
          };
        },
      };
    }
  }
}

const NEVER = -Infinity;

/** A row, its softmax, targets, the loss, and its gradient. */
const INFINITE: [row: number[], plain: number[], target: number[], loss: number, gradient: number[]][] = [
  [[0, NEVER, 0], [0.5, 0, 0.5], [1, 0, 0], Math.LN2, [-0.5, 0, 0.5]],
  [[0, NEVER, NEVER], [1, 0, 0], [1, 0, 0], 0, [0, 0, 0]],
  [[0, NEVER, 0], [0.5, 0, 0.5], [0, 1, 0], Infinity, [0.5, -1, 0.5]],
  [[1, Infinity, NEVER], [0, 1, 0], [0, 1, 0], 0, [0, 0, 0]],
  [[1, Infinity, NEVER], [0, 1, 0], [1, 0, 0], Infinity, [-1, 1, 0]],
  [[3e38, -3e38, NEVER], [1, 0, 0], [1, 0, 0], 0, [0, 0, 0]],
  [[NEVER, NEVER, NEVER], [NaN, NaN, NaN], [1, 0, 0], NaN, [NaN, NaN, NaN]],
  [[NaN, 0, 0], [NaN, NaN, NaN], [0, 1, 0], NaN, [NaN, NaN, NaN]],
];

/** Rows with infinite elements; wide ones have classes that never are, in number past what goes through the lanes together. */
function* infiniteCases(): Generator<KernelCase> {
  for (const more of [0, 17]) {
    const pad = (row: number[], value: number) => [...row, ...Array.from({ length: more }, () => value)];
    const classes = 3 + more;
    for (const [row, plain, target, loss, gradient] of INFINITE) {
      const blank = Number.isNaN(plain[0]) ? NaN : 0;
      const x = pad(row, NEVER);
      const log = pad(plain, blank).map(Math.log);
      for (const [name, fn, expected] of [
        ['softmax', Softmax.PLAIN, pad(plain, blank)],
        ['log-softmax', Softmax.LOG, log],
      ] as const) {
        for (const [outer, inner] of [[1, 1], [1, 2]]) {
          const both = inner === 1 ? [...expected] : expected.flatMap((value) => [value, value]);
          yield {
            name: `${name} of [${row}] and ${more} more, ${inner} side by side`,
            prepare(machine) {
              const out = machine.floats(classes * inner);
              const values = inner === 1 ? x : x.flatMap((value) => [value, value]);
              return {
                instructions: [
                  {
                    op: Opcode.SOFTMAX,
                    flags: fn << FUNCTION_SHIFT,
                    pointers: [out, machine.floats(values)],
                    dims: [outer, classes, inner],
                  },
                ],
                outputs: [{ pointer: out, expected: both, tolerance: both.map(() => 2 * EPSILON) }],
              };
            },
          };
        }
      }
      for (const soft of [true, false]) {
        const targets = soft ? pad(target, 0) : [target.indexOf(1)];
        const flags = soft ? FLAG_PROBABILITIES : 0;
        for (const dy of [1, 0]) {
          const expected = pad(gradient, blank).map((value) => (dy === 0 ? 0 : value));
          yield {
            name: `cross-entropy of [${row}] and ${more} more with ${soft ? 'probabilities' : 'a label'} [${target}], counted ${dy}`,
            prepare(machine) {
              const [losses, again, p, dx, later] = [1, 1, classes, classes, classes].map((n) => machine.floats(n));
              const logits = machine.floats(x);
              const at = machine.floats(targets);
              const factor = machine.floats([dy]);
              const dims = [1, classes, 0];
              return {
                instructions: [
                  { op: Opcode.CROSS_ENTROPY, flags, pointers: [losses, logits, at, dx, factor], dims, scalars: [1] },
                  { op: Opcode.CROSS_ENTROPY, flags, pointers: [again, logits, at, p], dims },
                  { op: Opcode.CROSS_ENTROPY_GRADIENT, flags, pointers: [later, factor, p, at], dims, scalars: [1] },
                ],
                outputs: [
                  { pointer: losses, expected: [loss], tolerance: [2 * EPSILON] },
                  { pointer: dx, expected, tolerance: expected.map(() => EPSILON) },
                  { pointer: later, expected, tolerance: expected.map(() => EPSILON) },
                ],
              };
            },
          };
        }
      }
    }
  }
  for (const [fn, y] of [[Softmax.PLAIN, NaN], [Softmax.LOG, NaN], [Softmax.LOG, -Infinity]] as const) {
    yield {
      name: `no gradient through softmax ${fn} of ${y} from one that is 0`,
      prepare(machine) {
        const dx = machine.floats(3);
        const pointers = [dx, machine.floats([0, 0, 0]), machine.floats([y, y, y])];
        return {
          instructions: [{ op: Opcode.SOFTMAX_GRADIENT, flags: fn << FUNCTION_SHIFT, pointers, dims: [1, 3, 1] }],
          outputs: [{ pointer: dx, expected: [0, 0, 0], tolerance: [0, 0, 0] }],
        };
      },
    };
  }
}

testKernels('infinite rows', [...infiniteCases()]);
testKernels('softmax', [...softmaxCases()]);
testKernels('cross-entropy', [...crossEntropyCases()]);

describe.each(BUILDS)('labels in %s', (build) => {
  it.each([-1, 3, 1.5, NaN, Infinity, -0.25])('stops at %d for 3 classes', (label) => {
    const machine = machineOf(build);
    const [losses, logits, probabilities] = [2, 6, 6].map((count) => machine.floats(count));
    machine.f32.fill(0, logits / 4, logits / 4 + 6);
    const targets = machine.floats([1, label]);
    const pointers = [losses, logits, targets, probabilities];
    expect(machine.run(1, [{ op: Opcode.CROSS_ENTROPY, pointers, dims: [2, 3] }])).toBe(Status.LABEL);
    expect(machine.intact).toBe(true);
  });
});
