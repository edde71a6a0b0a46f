import { OURS } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatRatio, formatSeconds } from '../table.mjs';
import { nameOf, QUICK_STEPS, STEPS } from '../workloads.mjs';

/** Rows of an epoch: the digits of the example, and a few hundred batches of the smallest network. */
const ROWS = 8000;
const EPOCHS = 3;

/**
 * fit() over whole epochs, shuffling, gathering and reports included, against as many bare steps.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureEpochs(context) {
  const results = [];
  for (const { layers, batch } of context.settings.quick ? QUICK_STEPS : STEPS) {
    const rows = context.settings.quick ? Math.max(4 * batch, ROWS / 8) : ROWS;
    const batches = Math.ceil(rows / batch);
    const workload = { layers, batch, batches, epochs: EPOCHS };
    const timings = await interleave(context, [
      { label: 'step', peer: OURS, task: 'step', workload: { layers, batch } },
      { label: 'fit', peer: OURS, task: 'fit', workload },
    ]);
    const step = timings.get('step')?.seconds ?? NaN;
    const fit = (timings.get('fit')?.seconds ?? NaN) / EPOCHS;
    results.push({
      workload: nameOf(workload),
      batches,
      bare: step * batches,
      fit,
      share: EPOCHS * batches * pairedRatio(timings.get('step')?.rounds, timings.get('fit')?.rounds),
    });
  }
  context.table(
    `an epoch of fit() over a DataLoader, shuffled, of ${EPOCHS} in a row, against bare steps`,
    ['network', 'batches', 'bare steps', 'fit', 'share'],
    results.map(({ workload, batches, bare, fit, share }) => [
      workload,
      `${batches}`,
      formatSeconds(bare),
      formatSeconds(fit),
      formatRatio(share),
    ]),
  );
  return results;
}
