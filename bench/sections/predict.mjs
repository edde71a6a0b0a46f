import { BRAIN, JAX, ONNX, OURS, OURS_STRICT, PLAIN, PYTORCH, TFJS, TFJS_CPU } from '../candidates.mjs';
import { formatRatio } from '../table.mjs';
import { forwardFlops, nameOf, PREDICTIONS } from '../workloads.mjs';
import { compare, printComparison, VERY_SLOW } from './compare.mjs';

const ROWS = [OURS, OURS_STRICT, ONNX, PYTORCH, JAX, TFJS, TFJS_CPU, BRAIN, PLAIN].map((label) => ({
  label,
  task: 'predict',
  quickFlops: [TFJS_CPU, BRAIN, PLAIN].includes(label) ? VERY_SLOW : undefined,
}));

/**
 * From an array of rows to an array of logits: the latency of one row, and the throughput of many.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measurePredictions(context) {
  const comparisons = [];
  await context.pool.start(ROWS.map(({ label }) => label));
  for (const workload of context.settings.quick ? PREDICTIONS.slice(0, 1) : PREDICTIONS) {
    const timings = await compare(context, workload, forwardFlops(workload), ROWS);
    const comparison = { workload: nameOf(workload), peers: Object.fromEntries(timings) };
    comparisons.push(comparison);
    printComparison(context, 'prediction', comparison, ['rows/s'], ({ seconds }) => [
      formatRatio(workload.batch / seconds, 0),
    ]);
  }
  return comparisons;
}
