import { OURS, RULES } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatRatio } from '../table.mjs';
import { nameOf, QUICK_STEPS, STEPS } from '../workloads.mjs';

/**
 * What each rewrite rule gains: the time of a step without it, as a multiple of the time with all.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureRules(context) {
  const results = [];
  for (const workload of context.settings.quick ? QUICK_STEPS.slice(0, 2) : STEPS) {
    const timings = await interleave(context, [
      { label: OURS, peer: OURS, task: 'step', workload },
      ...RULES.map(({ label }) => ({ label, peer: label, task: 'step', workload })),
    ]);
    const all = timings.get(OURS)?.rounds;
    const gains = RULES.map(({ rule, label }) => [rule, pairedRatio(timings.get(label)?.rounds, all)]);
    results.push({
      workload: nameOf(workload),
      gains: /** @type {Record<string, number>} */ (Object.fromEntries(gains)),
    });
  }
  context.table(
    'rewrite rules: time of a step without the rule, as a multiple of the time with all',
    ['network', ...RULES.map(({ rule }) => rule)],
    results.map(({ workload, gains }) => [workload, ...RULES.map(({ rule }) => formatRatio(gains[rule], 3))]),
  );
  return results;
}
