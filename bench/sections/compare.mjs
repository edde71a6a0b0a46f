import { OURS } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { formatRatio, formatSeconds, formatSpread } from '../table.mjs';
import { nameOf } from '../workloads.mjs';

/**
 * @typedef {object} Comparison
 * @property {string} workload
 * @property {Record<string, import('../interleave.mjs').Timing & { gflops?: number, build?: string }>} peers
 */

/** Peers whose larger steps take seconds, and the operations that a quick run grants them. */
export const QUICK_FLOPS = 1e8;

/**
 * Prints the peers of a workload, with the ratio of each to ours.
 *
 * @param {import('../context.mjs').Context} context
 * @param {string} title
 * @param {Comparison} comparison
 * @param {string[]} [columns] more of them
 * @param {(peer: Comparison['peers'][string]) => string[]} [cells] of those
 */
export function printComparison({ table }, title, { workload, peers }, columns = [], cells = () => []) {
  const ours = peers[OURS]?.seconds;
  table(
    `${title}, ${workload}`,
    ['', 'time', 'spread', 'to ours', ...columns, 'version'],
    Object.entries(peers).map(([label, peer]) => [
      label,
      formatSeconds(peer.seconds),
      formatSpread(peer.spread),
      `${formatRatio(peer.seconds / ours)} ×`,
      ...cells(peer),
      peer.version,
    ]),
  );
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {import('../workloads.mjs').Workload} workload
 * @param {number} flops
 * @param {{ label: string, task: string, slow?: boolean }[]} rows
 * @param {import('../interleave.mjs').Participant[]} [others]
 */
export function compare(context, workload, flops, rows, others = []) {
  const chosen = rows.filter(({ label, slow }) => {
    const leave = slow && context.settings.quick && flops > QUICK_FLOPS;
    if (leave) context.note(`left out of a quick run: ${label}, ${nameOf(workload)}: too slow`);
    return !leave;
  });
  const participants = chosen.map(({ label, task }) => ({ label, peer: label, task, workload }));
  return interleave(context, [...participants, ...others]);
}
