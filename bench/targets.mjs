// What the figures of a run are held against. Nothing here is measured, and nothing else is a target.
import { JAX, OURS, OURS_LOOP, OURS_STRICT, PYTORCH, TFJS } from './candidates.mjs';
import { shapeName } from './shapes.mjs';
import { pairedRatio } from './statistics.mjs';

/**
 * @typedef {object} Results what the sections gave; a section that did not run is absent
 * @property {Record<string, number>} ceiling
 * @property {import('./sections/kernels.mjs').Kernel[]} [kernels]
 * @property {import('./sections/compare.mjs').Comparison[]} [steps]
 * @property {import('./sections/compare.mjs').Comparison[]} [predictions]
 * @property {{ workload: string, share: number }[]} [epochs]
 * @property {{ workload: string, ratio: number }[]} [threads]
 */

/**
 * @typedef {object} Row
 * @property {string} what
 * @property {string} figure
 * @property {number} measured NaN where it was not
 * @property {number} target the least it may be
 * @property {boolean | undefined} met undefined where it was not measured
 * @property {number | undefined} limit what it would be at the ceiling; no program of this build can be faster
 */

/** Our build whose ceiling and kernels count. */
const BUILD = 'relaxed';

/**
 * @typedef {{ what: string, figure: string, target: number, measure: (results: Results) => { value: number, of?: string, limit?: number } }} Target
 */

/** @param {Results} results @param {string} workload */
const stepsOf = (results, workload) => results.steps?.find((step) => step.workload === workload)?.peers ?? {};

/** @returns {Target} */
const against = (
  /** @type {string} */ workload,
  /** @type {string} */ peer,
  /** @type {number} */ target,
  label = OURS,
  what = 'step',
) => ({
  what: `${workload}, ${what}`,
  figure: `× ${peer}`,
  target,
  measure(results) {
    const peers = stepsOf(results, workload);
    const value = pairedRatio(peers[peer]?.rounds, peers[label]?.rounds);
    return { value, limit: value / (peers[label]?.share ?? NaN) };
  },
});

/** @returns {Target} */
const share = (/** @type {string} */ workload, /** @type {number} */ target) => ({
  what: `${workload}, step`,
  figure: 'share of the ceiling',
  target,
  measure: (results) => ({ value: stepsOf(results, workload)[OURS]?.share ?? NaN }),
});

/**
 * The lowest of several figures, and whose it is.
 *
 * @param {{ value: number, of: string }[]} figures
 */
function lowest(figures) {
  const known = figures.filter(({ value }) => Number.isFinite(value));
  if (known.length === 0) return { value: NaN };
  return known.reduce((low, figure) => (figure.value < low.value ? figure : low));
}

/** @returns {Target} */
const kernelShare = (
  /** @type {string} */ title,
  /** @type {string[]} */ kinds,
  /** @type {number} */ target,
) => ({
  what: `dense kernels ≥ 128 wide, batch ≥ 32: ${title}`,
  figure: 'lowest share of the ceiling',
  target,
  measure: ({ kernels = [] }) =>
    lowest(
      kernels
        .filter(
          ({ build, kind, shape, ofNeighbour }) =>
            build === BUILD &&
            kinds.includes(kind) &&
            ofNeighbour === undefined &&
            Math.min(shape.inFeatures, shape.outFeatures) >= 128 &&
            shape.batch >= 32,
        )
        .map(({ shape, share }) => ({ value: share, of: shapeName(shape) })),
    ),
});

/** @type {Target[]} */
export const TARGETS = [
  against('784-128-10 @ 32', TFJS, 15),
  against('784-128-10 @ 32', JAX, 4),
  against('784-128-10 @ 32', PYTORCH, 1.5),
  share('784-128-10 @ 32', 0.7),
  against('784-128-10 @ 128', JAX, 2),
  against('784-128-10 @ 128', PYTORCH, 0.95),
  against('784-512-512-10 @ 64', TFJS, 15),
  against('784-512-512-10 @ 64', JAX, 2),
  against('784-512-512-10 @ 64', PYTORCH, 0.75),
  share('784-512-512-10 @ 256', 0.85),
  against('2-16-2 @ 4', PYTORCH, 150, OURS, 'step by fit'),
  against('2-16-2 @ 4', TFJS, 300, OURS, 'step by fit'),
  against('2-16-2 @ 4', PYTORCH, 10, OURS_LOOP, 'step by the spelled-out loop'),
  kernelShare('forward', ['forward'], 0.85),
  kernelShare('both gradients', ['inputGradient', 'weightGradient'], 0.8),
  kernelShare('weight gradient + SGD', ['weightUpdate'], 0.8),
  {
    what: 'one row through 784-128-10',
    figure: '× the fastest peer',
    target: 1,
    measure({ predictions = [] }) {
      const { peers = {} } = predictions.find(({ workload }) => workload === '784-128-10 @ 1') ?? {};
      const others = Object.entries(peers).filter(([label]) => label !== OURS && label !== OURS_STRICT);
      return lowest(
        others.map(([of, { rounds }]) => ({ value: pairedRatio(rounds, peers[OURS]?.rounds), of })),
      );
    },
  },
  {
    what: 'fit over a DataLoader, whole epochs',
    figure: 'lowest share of the bare step rate',
    target: 0.9,
    measure: ({ epochs = [] }) =>
      lowest(epochs.map(({ workload, share }) => ({ value: share, of: workload }))),
  },
  {
    what: 'odd shapes, all dimensions ≥ 16',
    figure: "lowest share of the neighbour's rate",
    target: 0.6,
    measure: ({ kernels = [] }) =>
      lowest(
        kernels
          .filter(({ build, shape }) => build === BUILD && Math.min(...Object.values(shape)) >= 16)
          .map(({ kind, shape, ofNeighbour = NaN }) => ({
            value: ofNeighbour,
            of: `${kind} ${shapeName(shape)}`,
          })),
      ),
  },
  {
    what: '784-512-512-10 @ 256, two threads',
    figure: '× one thread',
    target: 1.7,
    measure: ({ threads = [] }) => ({
      value: threads.find(({ workload }) => workload === '784-512-512-10 @ 256')?.ratio ?? NaN,
    }),
  },
  {
    what: 'strict build, steps',
    figure: 'lowest share of the relaxed rate',
    target: 0.7,
    measure: ({ steps = [] }) =>
      lowest(
        steps.map(({ workload, peers }) => ({
          value: pairedRatio(peers[OURS]?.rounds, peers[OURS_STRICT]?.rounds),
          of: workload,
        })),
      ),
  },
];

/**
 * @param {Results} results
 * @returns {Row[]}
 */
export function evaluateTargets(results) {
  return TARGETS.map(({ what, figure, target, measure }) => {
    const { value, of, limit } = measure(results);
    const known = Number.isFinite(value);
    return {
      what,
      figure: of ? `${figure} (${of})` : figure,
      measured: value,
      target,
      met: known ? value >= target : undefined,
      limit: Number.isFinite(limit) ? limit : undefined,
    };
  });
}

/**
 * Kernels that measured above the ceiling of their build: then the ceiling is careless, and no share can be trusted.
 *
 * @param {Pick<Results, 'kernels'>} results
 */
export function aboveCeiling({ kernels = [] }) {
  return kernels.filter(({ share }) => share > 1);
}
