import { BRAIN, JAX, OURS, OURS_LOOP, OURS_STRICT, PLAIN, PYTORCH, TFJS, TFJS_CPU } from '../candidates.mjs';
import { formatRatio } from '../table.mjs';
import { nameOf, QUICK_STEPS, stepFlops, STEPS } from '../workloads.mjs';
import { ceilingRival, shareOf } from './ceiling.mjs';
import { compare, printComparison, SLOW, VERY_SLOW } from './compare.mjs';

const ROWS = [
  { label: OURS, task: 'step' },
  { label: OURS_LOOP, task: 'loop' },
  { label: OURS_STRICT, task: 'step' },
  { label: PYTORCH, task: 'step' },
  { label: JAX, task: 'step' },
  { label: TFJS, task: 'step', quickFlops: SLOW },
  { label: TFJS_CPU, task: 'step', quickFlops: VERY_SLOW },
  { label: BRAIN, task: 'step', quickFlops: VERY_SLOW },
  { label: PLAIN, task: 'step', quickFlops: VERY_SLOW },
];

/** Our rows, and the build whose ceiling is measured in turn with each. */
/** @type {Record<string, string>} */
const BUILDS = { [OURS]: 'relaxed', [OURS_LOOP]: 'relaxed', [OURS_STRICT]: 'strict' };

/**
 * Whole training steps: forward, cross entropy, backward, plain SGD.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureSteps(context) {
  const comparisons = [];
  await context.pool.start(ROWS.map(({ label }) => label));
  for (const workload of context.settings.quick ? QUICK_STEPS : STEPS) {
    const flops = stepFlops(workload);
    const timings = await compare(context, workload, flops, ROWS, (label) => ceilingRival(BUILDS[label]));
    const peers = Object.fromEntries(
      [...timings].map(([label, timing]) => {
        const gflops = flops / timing.seconds / 1e9;
        const build = BUILDS[label];
        return [label, { ...timing, gflops, share: build ? shareOf(build, flops, timing) : undefined }];
      }),
    );
    const comparison = { workload: nameOf(workload), flops, peers };
    comparisons.push(comparison);
    printComparison(
      context,
      'training step',
      comparison,
      ['GFLOP/s', 'of ceiling'],
      ({ gflops = NaN, share }) => [formatRatio(gflops), share === undefined ? '' : formatRatio(share)],
    );
  }
  return comparisons;
}
