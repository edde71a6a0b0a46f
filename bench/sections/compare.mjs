import { OURS } from '../candidates.mjs';
import { interleave } from '../interleave.mjs';
import { pairedRatio } from '../statistics.mjs';
import { formatRatio, formatSeconds, formatSpread } from '../table.mjs';
import { nameOf } from '../workloads.mjs';

/**
 * @typedef {object} Comparison
 * @property {string} workload
 * @property {Record<string, import('../interleave.mjs').Timing & { gflops?: number, share?: number }>} peers
 */

/** Operations that a quick run grants to peers that take long, by how long they take. */
export const SLOW = 5e8;
export const VERY_SLOW = 1e8;

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
  const ours = peers[OURS]?.rounds;
  table(
    `${title}, ${workload}`,
    ['', 'time', 'spread', 'to ours', ...columns, 'version'],
    Object.entries(peers).map(([label, peer]) => [
      label,
      formatSeconds(peer.seconds),
      formatSpread(peer.spread),
      `${formatRatio(pairedRatio(peer.rounds, ours))} ×`,
      ...cells(peer),
      peer.version,
    ]),
  );
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {import('../workloads.mjs').Workload} workload
 * @param {number} flops
 * @param {{ label: string, task: string, quickFlops?: number }[]} rows
 * @param {(label: string) => import('../interleave.mjs').Participant['rival']} [rivalOf] with what a row is measured in turn
 */
export function compare(context, workload, flops, rows, rivalOf = () => undefined) {
  const chosen = rows.filter(({ label, quickFlops = Infinity }) => {
    const leave = context.settings.quick && flops > quickFlops;
    if (leave) context.note(`left out of a quick run: ${label}, ${nameOf(workload)}: too slow`);
    return !leave;
  });
  return interleave(
    context,
    chosen.map(({ label, task }) => ({ label, peer: label, task, workload, rival: rivalOf(label) })),
  );
}
