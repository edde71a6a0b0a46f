import { JAX, ONNX, OURS, OURS_STRICT, PYTORCH, TFJS } from '../candidates.mjs';
import { numbersFile } from '../numbersFile.mjs';
import { median, spread } from '../statistics.mjs';
import { formatRatio, formatSeconds, formatSpread } from '../table.mjs';

const PEERS = [OURS, OURS_STRICT, ONNX, JAX, TFJS, PYTORCH];
const TASKS = {
  predict: { title: 'first prediction', workload: { layers: [784, 128, 10], batch: 1 } },
  step: { title: 'first training step', workload: { layers: [784, 128, 10], batch: 32 } },
};

/**
 * From the import of the library to its first result, in fresh processes.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureStart(context) {
  const { pool, settings, note, progress } = context;
  const results = [];
  for (const [task, { title, workload }] of Object.entries(TASKS)) {
    /** @type {Map<string, number[]>} */
    const rounds = new Map();
    for (let round = 0; round < (settings.quick ? 1 : settings.rounds); round++) {
      for (const label of PEERS) {
        progress(label);
        const peer = pool.fresh(label);
        try {
          const numbers = pool.candidates.get(label)?.readsNumbers ? numbersFile(workload) : undefined;
          const { able, seconds } = await peer.ask(
            { command: 'first', task, workload, numbers },
            settings.limitSeconds,
          );
          if (able) rounds.set(label, [...(rounds.get(label) ?? []), seconds]);
        } catch (error) {
          note(`not measured: ${title} of ${label}: ${/** @type {Error} */ (error).message}`);
        }
        peer.end();
      }
    }
    const ours = median(rounds.get(OURS) ?? [NaN]);
    const rows = [...rounds].map(([label, list]) => ({
      label,
      seconds: median(list),
      spread: spread(list),
      toOurs: median(list) / ours,
    }));
    context.table(
      `from import to ${title}, 784-128-10 @ ${workload.batch}, in a fresh process`,
      ['', 'time', 'spread', 'to ours'],
      rows.map(({ label, seconds, spread, toOurs }) => [
        label,
        formatSeconds(seconds),
        formatSpread(spread),
        `${formatRatio(toOurs)} ×`,
      ]),
    );
    results.push({ task: title, peers: rows });
  }
  return results;
}
