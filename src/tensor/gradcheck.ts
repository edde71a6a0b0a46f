import { checkNumber } from '../core/checks.js';
import { shown } from '../core/shown.js';
import { Generator } from '../core/random.js';
import { formatShape, placeOf } from './layout.js';
import { leavesInUse, setGradientsAside } from './gradientsAside.js';
import { noGrad } from './noGrad.js';
import { checkOptions } from '../core/options.js';
import { leaf, Tensor, tensor } from './tensor.js';
import { numbersOf, type TensorLike } from './numbers.js';

/** Half the distance between 1 and the next float32. */
const EPSILON = 2 ** -24;

export interface GradcheckOptions {
  /** How far an input is moved, times max(1, |x|); 1/64 by default. */
  step?: number;
  /** Allowed relative difference, on top of what the arithmetic explains; 0.001 by default. */
  tolerance?: number;
  /** Roundings that one output is the result of, at worst: longer sums need more; 32 by default. */
  roundings?: number;
  /** Of the weights with which the outputs are summed up; 0 by default. */
  seed?: number;
  /** Throw where a gradient is wrong; true by default. With false, the report says it. */
  throws?: boolean;
}

/** One element of one input. */
export interface GradcheckElement {
  /** Which input, from 0. */
  readonly input: number;
  /** Where in it. */
  readonly index: readonly number[];
  /** What backward() gives. */
  readonly analytic: number;
  /** What differences give. */
  readonly numeric: number;
  /** How far the two may be apart. */
  readonly tolerance: number;
}

export interface GradcheckReport {
  readonly passed: boolean;
  /** Number of elements that were compared. */
  readonly elements: number;
  /** The element whose difference is the largest part of its tolerance. */
  readonly worst: GradcheckElement | undefined;
}

/** A gradient is not what differences say: see {@link gradcheck}. */
export class GradcheckError extends Error {
  override readonly name = 'GradcheckError';

  constructor(
    message: string,
    readonly report: GradcheckReport,
  ) {
    super(message);
  }
}

/**
 * Compares backward() with central differences, for every element of every input.
 *
 * The outputs are summed up with random weights in [½, 1] of either sign. With D(h) = (f(x + h) − f(x − h)) / 2h, the
 * difference (4 D(h) − D(2h)) / 3 is wrong by about h⁴ only, so float32 allows a long step. The two numbers may be
 * apart by the sum of: |D(h) − D(2h)|, which bounds what the finite step leaves out (large at a kink, where there is
 * nothing to compare); `roundings` · 2⁻²⁴ · Σ|output| / h, what rounding the outputs does to the difference; and
 * `tolerance` times the larger of the two.
 *
 * Other leaves that the function uses keep the gradients that they have.
 *
 * @param fn a function of tensors that gives the same result each time (no dropout)
 * @param inputs numbers or tensors; copies of them are handed to `fn`, as leaves that require a gradient
 * @throws {@link GradcheckError} that names the worst element; Error where `fn` gives something else the second time
 * @example
 * ```ts
 * import { gradcheck, tensor } from 'wasmgrad';
 * gradcheck((a, b) => a.matmul(b).tanh(), [[[1, 2]], [[0.1], [-0.3]]]).passed; // true
 * const wrong = gradcheck((x) => x.mul(x.detach()), [3], { throws: false }); // detach() hides half of the gradient
 * Math.round(wrong.worst!.numeric / wrong.worst!.analytic); // 2
 * ```
 */
export function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly (Tensor | TensorLike)[],
  options: GradcheckOptions = {},
): GradcheckReport {
  checkOptions('gradcheck', options, ['step', 'tolerance', 'roundings', 'seed', 'throws?']);
  const { step = 1 / 64, tolerance = 1e-3, roundings = 32, seed = 0, throws = true } = options;
  if (typeof fn !== 'function') throw new TypeError(`gradcheck: expected a function, got ${shown(fn)}`);
  checkNumber('gradcheck', 'step', step, { above: 0, below: 1 });
  checkNumber('gradcheck', 'tolerance', tolerance, { least: 0 });
  checkNumber('gradcheck', 'roundings', roundings, { least: 0 });
  if (!Array.isArray(inputs)) {
    throw new TypeError(`gradcheck: expected inputs as an array, such as [[1, 2]], got ${shown(inputs)}`);
  }
  const points = (inputs as readonly (Tensor | TensorLike)[]).map((input) => numbersOf('gradcheck', input));
  const evaluate = (which: number, at: number, value: number): Float32Array =>
    noGrad(() => {
      const moved = points.map(({ values, shape }, i) => {
        const numbers = values.slice();
        if (i === which) numbers[at] = value;
        return tensor(numbers, { shape });
      });
      return fn(...moved).data;
    });

  const leaves = points.map(({ values, shape }) => leaf(values.slice(), shape));
  const output = fn(...leaves);
  if (!(output instanceof Tensor)) throw new TypeError('gradcheck: expected the function to return a tensor');
  const before = output.data;
  const generator = new Generator(seed);
  const weights = Float32Array.from(before, () => {
    const size = generator.uniform(0.5, 1);
    return generator.uniform() < 0.5 ? size : -size;
  });
  // The function may use other leaves, whose gradients are none of this.
  const putBack = setGradientsAside([...leavesInUse(), ...(output.isLeaf ? [output] : [])]);
  let gradients: Float32Array[];
  try {
    if (output.requiresGrad) output.backward(tensor(weights, { shape: output.shape }));
    gradients = leaves.map(({ grad, size }) => grad?.data ?? new Float32Array(size));
  } finally {
    putBack();
  }
  const again = noGrad(() => fn(...points.map(({ values, shape }) => tensor(values, { shape }))).data);
  if (before.some((value, i) => !Object.is(value, again[i]))) {
    throw new Error(
      'gradcheck: the function gave another result the second time; switch dropout off (eval())',
    );
  }

  let noise = 0;
  for (let o = 0; o < before.length; o++) noise += Math.abs(weights[o] * before[o]);
  noise *= roundings * EPSILON;
  let worst: GradcheckElement | undefined;
  let share = -1;
  let elements = 0;
  points.forEach(({ values, shape }, input) => {
    values.forEach((value, at) => {
      const slope = (by: number): { slope: number; width: number } => {
        const above = Math.fround(value + by);
        const below = Math.fround(value - by);
        const [a, b] = [evaluate(input, at, above), evaluate(input, at, below)];
        let sum = 0;
        for (let o = 0; o < weights.length; o++) sum += weights[o] * (a[o] - b[o]);
        return { slope: sum / (above - below), width: above - below };
      };
      const by = step * Math.max(1, Math.abs(value));
      const near = slope(by);
      const far = slope(2 * by);
      const numeric = (4 * near.slope - far.slope) / 3;
      const analytic = gradients[input][at];
      const allowed =
        Math.abs(near.slope - far.slope) +
        (2 * noise) / near.width +
        tolerance * Math.max(Math.abs(numeric), Math.abs(analytic)) +
        Number.MIN_VALUE;
      const part = Math.abs(numeric - analytic) / allowed;
      elements++;
      if (part > share || Number.isNaN(part)) {
        share = Number.isNaN(part) ? Infinity : part;
        worst = { input, index: placeOf(at, shape), analytic, numeric, tolerance: allowed };
      }
    });
  });
  const report: GradcheckReport = { passed: share <= 1, elements, worst };
  if (!report.passed && throws && worst) throw new GradcheckError(describe(worst), report);
  return report;
}

function describe({ input, index, analytic, numeric, tolerance }: GradcheckElement): string {
  return (
    `gradcheck: input ${input} at ${formatShape(index)}: backward() gives ${analytic.toPrecision(6)}, ` +
    `differences give ${numeric.toPrecision(6)} ± ${tolerance.toPrecision(2)}; this is the worst element`
  );
}
