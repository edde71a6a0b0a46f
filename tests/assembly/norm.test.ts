import { FLAG_ACCUMULATE, FUNCTION_SHIFT, Norm, Opcode } from '../../assembly/opcodes.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, product, randomFloats, withinRoundings } from '../support/numbers.js';

/** [outer, groups, inner]: rows, columns, and runs of columns. */
const SHAPES = [
  [1, 0, 5],
  [1, 1, 1],
  [1, 3, 2],
  [1, 7, 13],
  [1, 37, 16],
  [2, 1, 1],
  [5, 3, 1],
  [17, 4, 1],
  [13, 37, 1],
  [4, 3, 5],
  [3, 17, 4],
] as const;
const EPS = fround(1e-3);

/** Positions of the elements of each group. */
function groupsOf([outer, groups, inner]: readonly number[]): number[][] {
  return Array.from({ length: groups }, (_, g) =>
    Array.from({ length: outer * inner }, (_, i) => (Math.floor(i / inner) * groups + g) * inner + (i % inner)),
  );
}
const meanOf = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Numbers whose squares, and whose sums, no float32 holds: results do not change with the unit, but for the slope. */
function* extremes(): Generator<KernelCase> {
  for (const [name, fn] of [['centred', Norm.CENTRED], ['RMS', Norm.RMS]] as const) {
    for (const shape of SHAPES) {
      const size = product(shape);
      const n = shape[0] * shape[2];
      for (const unit of [2 ** 126, 2 ** 100, 2 ** 64, 2 ** -64, 2 ** -100]) {
        const x = randomFloats(size, 6).map((value) => fround(value * unit));
        const dy = randomFloats(size, 7);
        const y = new Array<number>(size);
        const dx = new Array<number>(size);
        const room = new Array<number>(size);
        for (const places of groupsOf(shape)) {
          const values = places.map((i) => x[i]);
          const mean = fn === Norm.CENTRED ? meanOf(values) : 0;
          const scale = 1 / Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)));
          places.forEach((i) => (y[i] = (x[i] - mean) * scale));
          const dMean = fn === Norm.CENTRED ? meanOf(places.map((i) => dy[i])) : 0;
          const along = meanOf(places.map((i) => dy[i] * y[i]));
          places.forEach((i) => {
            dx[i] = scale * (dy[i] - dMean - y[i] * along);
            room[i] = scale * 16 * EPSILON * (2 + Math.abs(dMean) + (Math.abs(y[i]) + 1) * Math.abs(along));
          });
        }
        if (n === 1 && fn === Norm.CENTRED) continue;
        yield {
          name: `${name} [${shape.join(', ')}] at ${unit}, and its gradient`,
          prepare(machine) {
            const [out, slopes, moments] = [size, size, 3 * shape[1]].map((count) => machine.floats(count));
            const rest = { flags: fn << FUNCTION_SHIFT, dims: [...shape] };
            const [from, gradient] = [x, dy].map((values) => machine.floats(values));
            return {
              instructions: [
                { op: Opcode.NORMALIZE, pointers: [out, from, moments], scalars: [0], ...rest },
                { op: Opcode.NORMALIZE_GRADIENT, pointers: [slopes, gradient, out, moments], ...rest },
              ],
              outputs: [
                { pointer: out, expected: y, tolerance: y.map((value) => 2 * EPSILON * Math.abs(value)) },
                { pointer: slopes, expected: dx, tolerance: room.map((space) => space + 2 ** -149) },
              ],
            };
          },
        };
      }
    }
  }
}

function* cases(): Generator<KernelCase> {
  for (const [name, fn] of [['centred', Norm.CENTRED], ['RMS', Norm.RMS]] as const) {
    for (const shape of SHAPES) {
      const size = product(shape);
      const groups = groupsOf(shape);
      const n = shape[0] * shape[2];
      // Far from 0, so that squares minus the squared mean would be wrong.
      const x = randomFloats(size, 3).map((value) => fround(value + (fn === Norm.CENTRED ? 30 : 0)));
      const means: number[] = [];
      const variances: number[] = [];
      const y = new Array<number>(size);
      const yRoom = new Array<number>(size);
      for (const places of groups) {
        const values = places.map((i) => x[i]);
        const mean = fn === Norm.CENTRED ? meanOf(values) : 0;
        const variance = meanOf(values.map((value) => (value - mean) ** 2));
        means.push(mean);
        variances.push(variance);
        const scale = 1 / Math.sqrt(variance + EPS);
        // The mean is rounded n + 1 times; what it is off by goes through the scale, into y and into the variance.
        const off = (n + 2) * EPSILON * Math.max(...values.map(Math.abs));
        places.forEach((i) => {
          y[i] = (x[i] - mean) * scale;
          yRoom[i] = off * scale * (1 + Math.abs(y[i]) + y[i] ** 2) + (n + 8) * EPSILON * Math.abs(y[i]);
        });
      }
      const varianceRoom = variances.map(
        (variance, g) => (n + 6) * EPSILON * variance + ((n + 2) * EPSILON * Math.max(1, Math.abs(means[g]) + 2)) ** 2,
      );
      const scales = variances.map((variance) => 1 / Math.sqrt(variance + EPS));
      const title = `${name} [${shape.join(', ')}]`;
      yield {
        name: title,
        prepare(machine) {
          const out = machine.floats(size);
          const moments = machine.floats(3 * shape[1]);
          return {
            instructions: [
              {
                op: Opcode.NORMALIZE,
                flags: fn << FUNCTION_SHIFT,
                pointers: [out, machine.floats(x), moments],
                dims: [...shape],
                scalars: [EPS],
              },
            ],
            outputs: [
              { pointer: out, expected: y, tolerance: yRoom },
              {
                pointer: moments,
                expected: [...means, ...variances, ...scales],
                tolerance: [
                  ...means.map((mean) => (n + 2) * EPSILON * (Math.abs(mean) + 2)),
                  ...varianceRoom,
                  ...scales.map((scale, g) => (varianceRoom[g] * scale ** 2 + 2 * EPSILON) * scale),
                ],
              },
            ],
          };
        },
      };
      const dy = randomFloats(size, 4);
      const before = randomFloats(size, 5);
      const y32 = Float32Array.from(y);
      const variance32 = Float32Array.from(variances);
      const slopes = new Array<number>(size);
      const room = new Array<number>(size);
      groups.forEach((places, g) => {
        const scale = 1 / Math.sqrt(variance32[g] + EPS);
        const mean = fn === Norm.RMS ? 0 : meanOf(places.map((i) => dy[i]));
        const along = meanOf(places.map((i) => dy[i] * y32[i]));
        const sizes = meanOf(places.map((i) => Math.abs(dy[i])));
        const sizesAlong = meanOf(places.map((i) => Math.abs(dy[i] * y32[i])));
        places.forEach((i) => {
          slopes[i] = scale * (dy[i] - mean - y32[i] * along);
          room[i] = scale * (n + 10) * EPSILON * (Math.abs(dy[i]) + sizes + Math.abs(y32[i]) * sizesAlong);
        });
      });
      for (const accumulate of [false, true]) {
        const expected = slopes.map((slope, i) => slope + (accumulate ? before[i] : 0));
        yield {
          name: `gradient of ${title}${accumulate ? ', added' : ''}`,
          prepare(machine) {
            const out = machine.floats(accumulate ? before : size);
            const moments = machine.floats([...means, ...variances, ...scales]);
            return {
              instructions: [
                {
                  op: Opcode.NORMALIZE_GRADIENT,
                  flags: (fn << FUNCTION_SHIFT) | (accumulate ? FLAG_ACCUMULATE : 0),
                  pointers: [out, machine.floats(dy), machine.floats(y32), moments],
                  dims: [...shape],
                },
              ],
              outputs: [
                {
                  pointer: out,
                  expected,
                  tolerance: room.map((space, i) => space + Math.abs(expected[i]) * EPSILON),
                },
              ],
            };
          },
        };
      }
    }
  }
  yield* extremes();
  const same = (number: number): number[] => new Array<number>(5).fill(number);
  for (const [share, from, to, expected] of [
    [1, NaN, 2, 2],
    [1, Infinity, -2, -2],
    [0, 3, NaN, 3],
    [0, 3, -Infinity, 3],
    [0.5, NaN, 2, NaN],
    [0.5, 2, -Infinity, -Infinity],
  ]) {
    yield {
      name: `blend of ${from} and ${to}, the share ${share}`,
      prepare(machine) {
        const [out, value] = [from, to].map((number) => machine.floats(same(number)));
        return {
          instructions: [{ op: Opcode.BLEND, pointers: [out, value, 0], dims: [5], scalars: [share, 1] }],
          outputs: [{ pointer: out, expected: same(expected), tolerance: same(0) }],
        };
      },
    };
  }
  for (const size of [0, 1, 5, 16, 37]) {
    for (const count of [undefined, 4]) {
      const [before, values] = [randomFloats(size, 1), randomFloats(size, 2)];
      const share = count === undefined ? fround(0.1) : 1 / count;
      const scale = fround(1.25);
      const expected = [...before].map((value, i) => (1 - share) * value + share * scale * values[i]);
      const sizes = [...before].map((value, i) => Math.abs(value) + Math.abs(values[i]));
      yield {
        name: `blend of ${size}${count === undefined ? '' : ', a mean over all'}`,
        prepare(machine) {
          const out = machine.floats(before);
          const counter = count === undefined ? 0 : machine.floats([count]);
          const pointers = [out, machine.floats(values), counter];
          return {
            instructions: [{ op: Opcode.BLEND, pointers, dims: [size], scalars: [0.1, scale] }],
            outputs: [{ pointer: out, expected, tolerance: withinRoundings(sizes, 5) }],
          };
        },
      };
    }
  }
}

testKernels('normalisation', [...cases()]);
