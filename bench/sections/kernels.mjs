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
 * The passes of a dense layer, one instruction of the core at a time.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureKernels(context) {
  const { even, odd } = shapes(context.settings.quick);
  /** @type {Kernel[]} */
  const kernels = [];
  for (const build of Object.keys(CORES)) {
    for (const shape of even) kernels.push(...(await measureShapes(context, build, [shape])));
    for (const shape of odd)
      kernels.push(...(await measureShapes(context, build, [shape, neighbourOf(shape)])));
    printKernels(context, build, kernels);
  }
  return kernels;
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} build
 * @param {import('../shapes.mjs').Shape[]} group one shape, or one and its neighbour
 * @returns {Promise<Kernel[]>}
 */
async function measureShapes(context, build, group) {
  const label = (/** @type {string} */ kind, /** @type {import('../shapes.mjs').Shape} */ shape) =>
    `${build}, ${kind} ${shapeName(shape)}`;
  const kinds = Object.keys(KINDS);
  const participants = kinds.flatMap((kind) =>
    group.map((shape) => ({
      label: label(kind, shape),
      peer: CORES[/** @type {keyof CORES} */ (build)],
      task: 'kernel',
      workload: { kind, shape, flops: passFlops(shape) },
      rival: ceilingRival(build),
    })),
  );
  const own = { seconds: context.settings.quick ? 0.01 : 0.06, shortWarmUp: 0 };
  const timings = await interleave(context, participants, own);
  return kinds.flatMap((kind) => {
    const [kernel, neighbour] = group.map((shape) => {
      const timing = timings.get(label(kind, shape));
      const { seconds = NaN, spread = NaN } = timing ?? {};
      const flops = passFlops(shape);
      const share = shareOf(build, flops, timing);
      return { build, kind, shape, gflops: flops / seconds / 1e9, spread, share };
    });
    if (!neighbour) return [kernel];
    const [own, other] = group.map((shape) => timings.get(label(kind, shape))?.rounds);
    const ofNeighbour = (passFlops(group[0]) / passFlops(group[1])) * pairedRatio(other, own);
    return [{ ...kernel, ofNeighbour }, neighbour];
  });
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
