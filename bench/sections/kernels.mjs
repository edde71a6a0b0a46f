import { CORES } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { KINDS, neighbourOf, passFlops, shapeName, shapes } from '../shapes.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatRatio } from '../table.mjs';
import { ceilingRival, shareOf } from './ceiling.mjs';

/**
 * @typedef {object} Kernel
 * @property {string} build
 * @property {string} kind a key of KINDS
 * @property {import('../shapes.mjs').Shape} shape
 * @property {number} gflops
 * @property {number} spread
 * @property {number} share of the ceiling
 * @property {number} [ofNeighbour] its rate as a share of its neighbour's
 */

/**
 * The passes of a dense layer, one instruction of the core at a time. Everything that is measured has its rounds together, so
 * that those of one kernel lie minutes apart: other programs on the machine disturb for tens of seconds, which would be all of
 * a kernel's rounds.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureKernels(context) {
  const { even, odd } = shapes(context.settings.quick);
  // An odd shape and its neighbour are measured one after the other.
  const measured = [...even, ...odd.flatMap((shape) => [shape, neighbourOf(shape)])];
  const builds = Object.keys(CORES);
  const participants = builds.flatMap((build) =>
    Object.keys(KINDS).flatMap((kind) =>
      measured.map((shape) => ({
        label: labelOf(build, kind, shape),
        peer: CORES[/** @type {keyof CORES} */ (build)],
        task: 'kernel',
        workload: { kind, shape, flops: passFlops(shape) },
        rival: ceilingRival(build),
      })),
    ),
  );
  const own = {
    ...(context.settings.quick ? { seconds: 0.01 } : { rounds: 9, seconds: 0.035 }),
    shortWarmUp: 0,
  };
  const timings = await interleave(context, participants, own);
  const kernels = builds.flatMap((build) => {
    const kernelsOf = (/** @type {string} */ kind) =>
      measured.map((shape) => kernelOf(build, kind, shape, timings));
    return Object.keys(KINDS).flatMap(kernelsOf);
  });
  for (const build of builds) {
    for (const kernel of kernels) {
      if (kernel.build !== build || !odd.includes(kernel.shape)) continue;
      const { kind, shape } = kernel;
      const rounds = (/** @type {import('../shapes.mjs').Shape} */ of) =>
        timings.get(labelOf(build, kind, of))?.rounds;
      const neighbour = neighbourOf(shape);
      const inTime = pairedRatio(rounds(neighbour), rounds(shape));
      kernel.ofNeighbour = (passFlops(shape) / passFlops(neighbour)) * inTime;
    }
    printKernels(context, build, kernels);
  }
  return kernels;
}

const labelOf = (
  /** @type {string} */ build,
  /** @type {string} */ kind,
  /** @type {import('../shapes.mjs').Shape} */ shape,
) => `${build}, ${kind} ${shapeName(shape)}`;

/**
 * @param {string} build
 * @param {string} kind
 * @param {import('../shapes.mjs').Shape} shape
 * @param {Map<string, import('../interleave.mjs').Timing>} timings
 * @returns {Kernel}
 */
function kernelOf(build, kind, shape, timings) {
  const timing = timings.get(labelOf(build, kind, shape));
  const { seconds = NaN, spread = NaN } = timing ?? {};
  const flops = passFlops(shape);
  return { build, kind, shape, gflops: flops / seconds / 1e9, spread, share: shareOf(build, flops, timing) };
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} build
 * @param {Kernel[]} kernels
 */
function printKernels({ table, ceiling }, build, kernels) {
  const own = kernels.filter((kernel) => kernel.build === build);
  const names = [...new Set(own.map(({ shape }) => shapeName(shape)))];
  const find = (/** @type {string} */ name, /** @type {string} */ kind) =>
    own.find((kernel) => kernel.kind === kind && shapeName(kernel.shape) === name);
  const rows = names.map((name) => [
    name,
    ...Object.keys(KINDS).map((kind) => {
      const { gflops = NaN, share } = find(name, kind) ?? {};
      return `${formatRatio(gflops, 1)} (${formatRatio(share)})`;
    }),
  ]);
  const columns = ['batch, in → out', ...Object.values(KINDS)];
  const highest = `${formatRatio(ceiling[build], 1)} GFLOP/s at first`;
  table(`dense kernels, ${build}: GFLOP/s (share of the ceiling, ${highest})`, columns, rows);
  const odd = names.filter((name) => find(name, 'forward')?.ofNeighbour !== undefined);
  table(
    `odd shapes, ${build}: rate as a share of the neighbour's, rounded up to multiples of 8`,
    columns,
    odd.map((name) => [
      name,
      ...Object.keys(KINDS).map((kind) => formatRatio(find(name, kind)?.ofNeighbour)),
    ]),
  );
}
