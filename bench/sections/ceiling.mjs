import { CORES } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { flopsOf, loopsOf } from '../peers/ceiling.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatSpread } from '../table.mjs';

/** @typedef {import('../peers/ceiling.mjs').Loop} Loop */

/**
 * The highest multiply-add rate that any loop of each build reaches. The fastest loops take part in later sections, so
 * that a machine that becomes faster raises the ceiling as well.
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
 * The fastest loop of a build as a participant of a measurement.
 *
 * @param {string} build
 * @returns {import('../interleave.mjs').Participant[]}
 */
export function ceilingParticipant(build) {
  const loop = fastest.get(build);
  const peer = CORES[/** @type {keyof CORES} */ (build)];
  return loop ? [{ label: `ceiling ${build}`, peer, task: 'ceiling', workload: loop }] : [];
}

/**
 * Takes that participant out of the results, and its rate into account.
 *
 * @param {import('../context.mjs').Context} context
 * @param {string} build
 * @param {Map<string, import('../interleave.mjs').Timing>} timings
 * @returns {(flops: number, rounds: readonly number[]) => number} the share of the ceiling that something of so many
 * operations reaches, each round held against the ceiling of that round
 */
export function takeCeiling(context, build, timings) {
  const label = `ceiling ${build}`;
  const timing = timings.get(label);
  const loop = fastest.get(build);
  timings.delete(label);
  if (!timing || !loop) return () => NaN;
  raise(context, build, loop, timing);
  return (flops, rounds) => (flops / flopsOf(loop)) * pairedRatio(timing.rounds, rounds);
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
