import { CORES } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { flopsOf, loopsOf } from '../peers/ceiling.mjs';
import { median } from '../statistics.mjs';
import { formatSpread } from '../table.mjs';

/** @typedef {import('../peers/ceiling.mjs').Loop} Loop */

/**
 * The highest multiply-add rate that any loop of each build reaches. The fastest loop is the rival of what later
 * sections measure, so that shares hold on a machine that changes its speed.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureCeiling(context) {
  const loops = [];
  for (const [build, peer] of Object.entries(CORES)) {
    const candidates = loopsOf(build);
    const timings = await interleave(
      context,
      candidates.map((loop) => ({ label: loop.loop, peer, task: 'ceiling', workload: loop })),
      { seconds: context.settings.seconds / 3, shortWarmUp: 0 },
    );
    const rates = candidates.flatMap((loop) => {
      const timing = timings.get(loop.loop);
      if (!timing) return [];
      const gflops = raise(context, build, loop, timing);
      return [{ build, loop: loop.loop, gflops, spread: timing.spread }];
    });
    rates.sort((a, b) => b.gflops - a.gflops);
    loops.push(...rates);
    fastest.set(build, /** @type {Loop} */ (candidates.find(({ loop }) => loop === rates[0]?.loop)));
  }
  context.table(
    'ceiling: the highest multiply-add rate of any loop, GFLOP/s',
    ['build', 'loop', 'GFLOP/s', 'spread'],
    loops.map(({ build, loop, gflops, spread }) => [build, loop, gflops.toFixed(1), formatSpread(spread)]),
  );
  return loops;
}

/** @type {Map<string, Loop>} */
const fastest = new Map();

/**
 * The fastest loop of a build, as a rival of what is measured on it.
 *
 * @param {string} build
 * @returns {{ task: string, workload: any } | undefined}
 */
export function ceilingRival(build) {
  const loop = fastest.get(build);
  return loop && { task: 'ceiling', workload: loop };
}

/**
 * The share of the ceiling that something reaches whose rival it was.
 *
 * @param {string} build
 * @param {number} flops
 * @param {Pick<import('../interleave.mjs').Timing, 'ratios'> | undefined} timing
 */
export function shareOf(build, flops, timing) {
  const loop = fastest.get(build);
  if (!loop || !timing || timing.ratios.length === 0) return NaN;
  return (flops / flopsOf(loop)) * median(timing.ratios);
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} build
 * @param {Loop} loop
 * @param {import('../interleave.mjs').Timing} timing
 * @returns its rate in GFLOP/s: that of its best round
 */
function raise(context, build, loop, timing) {
  const gflops = flopsOf(loop) / Math.min(...timing.rounds) / 1e9;
  context.raiseCeiling(build, gflops);
  return gflops;
}
