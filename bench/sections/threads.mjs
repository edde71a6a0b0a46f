import { OURS, OURS_THREADS, PYTORCH, PYTORCH_THREADS } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatRatio, formatSeconds } from '../table.mjs';
import { nameOf, QUICK_STEPS, STEPS } from '../workloads.mjs';

/** Between the small networks and the large ones: where a second thread begins to help. */
const CROSSOVER = [
  { layers: [16, 32, 4], batch: 16 },
  { layers: [64, 64, 10], batch: 16 },
  { layers: [64, 128, 10], batch: 32 },
  { layers: [256, 128, 10], batch: 32 },
];

const PAIRS = [
  [OURS, OURS_THREADS],
  [PYTORCH, PYTORCH_THREADS],
];

/**
 * One thread against two, for steps of every size.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureThreads(context) {
  const { host, pool, note } = context;
  if (host.availableCores < 2) {
    note('not measured: threads: this run may use one core');
    return [];
  }
  try {
    await pool.get(OURS_THREADS);
  } catch (error) {
    note(`not measured: ${OURS_THREADS}: ${/** @type {Error} */ (error).message}`);
    return [];
  }
  const workloads = context.settings.quick
    ? QUICK_STEPS.slice(1)
    : [...STEPS.slice(0, 2), ...CROSSOVER, ...STEPS.slice(2)];
  const results = [];
  for (const workload of workloads) {
    const timings = await interleave(
      context,
      PAIRS.flat().map((label) => ({ label, peer: label, task: 'step', workload })),
    );
    const seconds = (/** @type {string} */ label) => timings.get(label)?.seconds ?? NaN;
    results.push({
      workload: nameOf(workload),
      seconds: Object.fromEntries(PAIRS.flat().map((label) => [label, seconds(label)])),
      ratio: pairedRatio(timings.get(OURS)?.rounds, timings.get(OURS_THREADS)?.rounds),
      torchRatio: pairedRatio(timings.get(PYTORCH)?.rounds, timings.get(PYTORCH_THREADS)?.rounds),
    });
  }
  context.table(
    'training step, two threads against one (programs that stay on one thread are near 1)',
    ['network', ...PAIRS.flat(), 'ours', 'PyTorch'],
    results.map(({ workload, seconds, ratio, torchRatio }) => [
      workload,
      ...PAIRS.flat().map((label) => formatSeconds(seconds[label])),
      `${formatRatio(ratio)} ×`,
      `${formatRatio(torchRatio)} ×`,
    ]),
  );
  pool.end([OURS_THREADS, PYTORCH_THREADS]);
  return results;
}
