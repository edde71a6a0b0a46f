import { FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode, Reduction } from '../../assembly/opcodes.js';
import { reduction } from '../../src/tensor/layout.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, product, randomFloats } from '../support/numbers.js';

const SHAPES: [shape: number[], reduced: number[]][] = [
  [[], []],
  [[1], [0]],
  [[7], []],
  [[67], [0]],
  [[0], [0]],
  [[3, 0], [1]],
  [[5, 7], [0]],
  [[5, 7], [1]],
  [[5, 7], [0, 1]],
  [[32, 19], [0]],
  [[21, 37], [0]],
  [[19, 33], [1]],
  [[3, 4, 5], [1]],
  [[3, 4, 5], [0, 2]],
  [[2, 3, 4, 5], [0, 2]],
  [[2, 3, 4, 5], [1, 3]],
  [[17, 1, 3], [0, 1]],
];

/** For each output the positions of the inputs that it reduces. */
function groups(shape: number[], reduced: number[]): number[][] {
  const kept = shape.map((_, i) => i).filter((i) => !reduced.includes(i));
  const result: number[][] = Array.from({ length: product(kept.map((i) => shape[i])) }, () => []);
  for (let i = 0; i < product(shape); i++) {
    let rest = i;
    const at = shape.map(() => 0);
    for (let d = shape.length - 1; d >= 0; d--) {
      at[d] = rest % shape[d];
      rest = Math.floor(rest / shape[d]);
    }
    result[kept.reduce((position, d) => position * shape[d] + at[d], 0)].push(i);
  }
  return result;
}

function* cases(): Generator<KernelCase> {
  for (const [shape, reduced] of SHAPES) {
    const x = randomFloats(product(shape), 1).map((value) => Math.round(value * 4) / 4);
    const members = groups(shape, reduced);
    const count = product(reduced.map((d) => shape[d]));
    const words = reduction(shape, new Set(reduced));
    const before = randomFloats(members.length, 2);
    for (const accumulate of [false, true]) {
      const flag = accumulate ? FLAG_ACCUMULATE : 0;
      const ending = `of [${shape}] over [${reduced}]${accumulate ? ', added' : ''}`;
      const scale = fround(0.37);
      const sums = members.map((group, o) => group.reduce((s, i) => s + scale * x[i], accumulate ? before[o] : 0));
      const sizes = members.map((group, o) => group.reduce((s, i) => s + Math.abs(x[i]), Math.abs(before[o])));
      yield {
        name: `sum ${ending}`,
        prepare(machine) {
          const out = machine.floats(accumulate ? before : members.length);
          const pointers = [out, machine.floats(x), machine.ints(words)];
          const flags = flag | (Reduction.SUM << FUNCTION_SHIFT);
          return {
            instructions: [{ op: Opcode.REDUCE, flags, pointers, dims: [members.length, count], scalars: [scale] }],
            outputs: [{ pointer: out, expected: sums, tolerance: sizes.map((size) => (count + 3) * EPSILON * size) }],
          };
        },
      };
      if (!accumulate) {
        const parameter = randomFloats(members.length, 7);
        const [lr, decay] = [0.125, 0.25];
        yield {
          name: `step of SGD along the sum ${ending}`,
          prepare(machine) {
            const out = machine.floats(parameter);
            const options = machine.floats([lr, decay]);
            const pointers = [out, machine.floats(x), machine.ints(words), 0, options];
            const expected = sums.map((sum, o) => parameter[o] - lr * (sum + decay * parameter[o]));
            const tolerance = sizes.map((size, o) => (count + 6) * EPSILON * (size + Math.abs(parameter[o])));
            return {
              instructions: [{ op: Opcode.REDUCE, pointers, dims: [members.length, count], scalars: [scale] }],
              outputs: [{ pointer: out, expected, tolerance }],
            };
          },
        };
      }
      if (count === 0) continue;
      const maxima = members.map((group) => Math.max(...group.map((i) => x[i])));
      yield {
        name: `max ${ending}`,
        prepare(machine) {
          const out = machine.floats(accumulate ? before : members.length);
          const pointers = [out, machine.floats(x), machine.ints(words)];
          const expected = maxima.map((value, o) => fround(value + (accumulate ? before[o] : 0)));
          const flags = flag | (Reduction.MAX << FUNCTION_SHIFT);
          return {
            instructions: [{ op: Opcode.REDUCE, flags, pointers, dims: [members.length, count], scalars: [1] }],
            outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
          };
        },
      };
      const dy = randomFloats(members.length, 3);
      const dx = randomFloats(x.length, 4);
      const expected: number[] = [...dx].map((value) => (accumulate ? value : 0));
      members.forEach((group, o) => {
        const winners = group.filter((i) => x[i] === maxima[o]);
        for (const i of winners) expected[i] += dy[o] / winners.length;
      });
      yield {
        name: `gradient of max ${ending}`,
        prepare(machine) {
          const out = machine.floats(accumulate ? dx : x.length);
          const pointers = [out, ...[dy, x, Float32Array.from(maxima)].map((v) => machine.floats(v)), machine.ints(words)];
          return {
            instructions: [{ op: Opcode.MAX_GRADIENT, flags: flag, pointers, dims: [members.length, count] }],
            outputs: [{ pointer: out, expected, tolerance: expected.map(() => 8 * EPSILON) }],
          };
        },
      };
    }
  }
  for (const [shape, reduced] of [[[9], [0]], [[9, 3], [0]]]) {
    const x = randomFloats(product(shape), 5);
    x[5] = NaN;
    const members = groups(shape, reduced);
    const expected = members.map((group) => Math.max(...group.map((i) => x[i])));
    yield {
      name: `max keeps NaN in [${shape}]`,
      prepare(machine) {
        const out = machine.floats(members.length);
        const pointers = [out, machine.floats(x), machine.ints(reduction(shape, new Set(reduced)))];
        const flags = Reduction.MAX << FUNCTION_SHIFT;
        return {
          instructions: [{ op: Opcode.REDUCE, flags, pointers, dims: [members.length, 9], scalars: [1] }],
          outputs: [{ pointer: out, expected, tolerance: expected.map(() => 0) }],
        };
      },
    };
  }
}

/** A number that is read again and again, by a stride of 0: as many as memory has no room for. */
function* longCases(): Generator<KernelCase> {
  for (const kept of [1, 3, 19]) {
    for (const n of kept === 1 ? [10 ** 3, 10 ** 6, 10 ** 8] : [10 ** 3, 10 ** 6]) {
      for (const c of (n > 10 ** 6 ? [0.1] : [0.1, 0.479, 1 / 3]).map(fround)) {
        yield {
          name: `${kept} times the sum of ${n} · ${c}`,
          prepare(machine) {
            const out = machine.floats(kept);
            const x = machine.floats(new Float32Array(kept).fill(c));
            const layout = machine.ints([1, 1, kept, 1, n, 0]);
            const expected = new Array<number>(kept).fill(n * c);
            return {
              instructions: [{ op: Opcode.REDUCE, pointers: [out, x, layout], dims: [kept, n], scalars: [1] }],
              outputs: [{ pointer: out, expected, tolerance: expected.map((value) => value * EPSILON) }],
            };
          },
        };
      }
    }
  }
}

testKernels('long reductions', [...longCases()]);
testKernels('reductions', [...cases()]);
