import { numbersFile } from './numbersFile.mjs';
import { median, spread } from './statistics.mjs';

/**
 * One thing that is timed beside others.
 *
 * @typedef {object} Participant
 * @property {string} label of its row
 * @property {string} peer of candidates.mjs
 * @property {string} task of the peer's module
 * @property {any} workload
 * @property {{ task: string, workload: any }} [rival] of the same peer, to be measured in turn with it
 */

/**
 * @typedef {object} Timing
 * @property {number} seconds of one call: the median of the rounds
 * @property {number} spread see statistics.mjs
 * @property {number[]} rounds
 * @property {string} version
 * @property {number[]} ratios seconds of a rival's call by those of one of its own, in each round
 */

/** Added to the number of a task for that of its rival. */
const RIVAL = 1000;

/** Outcomes in float32 differ in the order of their sums; wrong ones differ by far more than this. */
const TOLERANCE = 2e-3;

/**
 * Whether two peers computed the same.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 */
export function agree(ours, theirs) {
  const scale = Math.max(...ours.map(Math.abs), 1e-3);
  return ours.length === theirs.length && ours.every((x, i) => Math.abs(x - theirs[i]) <= TOLERANCE * scale);
}

/**
 * Times everybody in rounds, each round everybody once, so that a change of the machine's speed meets all alike; and each
 * round from another one on, so that what disturbs again and again at the same intervals does not always meet the same one.
 *
 * @param {import('./context.mjs').Context} context
 * @param {Participant[]} participants the first one's outcome is what the others' are compared with
 * @param {{ rounds?: number, seconds?: number, shortWarmUp?: number }} [own] instead of the context's
 * @returns {Promise<Map<string, Timing>>} by label, of those that could be measured
 */
export async function interleave({ pool, settings, calm, note, progress }, participants, own = {}) {
  const { rounds, seconds, shortWarmUp } = { ...settings, ...own };
  /** @type {Map<string, Timing>} */
  const timings = new Map();
  const ready = [];
  /** @type {number[] | undefined} */
  let expected;
  for (const [id, participant] of participants.entries()) {
    const { label, peer: name, task, workload } = participant;
    progress(label);
    try {
      const peer = await pool.get(name);
      const numbers = pool.candidates.get(name)?.readsNumbers ? numbersFile(workload) : undefined;
      const warm = { seconds: seconds / 2, shortSeconds: shortWarmUp };
      const request = { command: 'prepare', id, task, workload, numbers, ...warm };
      const { able, outcome } = await peer.ask(request, settings.limitSeconds);
      if (!able) continue;
      expected ??= outcome;
      if (outcome && expected && !agree(expected, outcome)) {
        note(`${label} computes other numbers: ${outcome.slice(0, 3)}… instead of ${expected.slice(0, 3)}…`);
      }
      const rival = participant.rival && RIVAL + id;
      if (participant.rival)
        await peer.ask({ ...request, ...participant.rival, id: rival }, settings.limitSeconds);
      ready.push({ id, label, name, peer, rival });
      timings.set(label, { seconds: NaN, spread: NaN, rounds: [], ratios: [], version: peer.info.version });
    } catch (error) {
      note(`not measured: ${name}, ${task}: ${/** @type {Error} */ (error).message}`);
    }
  }
  for (let round = 0; round < rounds; round++) {
    const from = Math.floor((round * ready.length) / rounds);
    for (const { id, label, peer, rival } of [...ready.slice(from), ...ready.slice(0, from)]) {
      if (peer.ended !== undefined) continue;
      progress(label);
      const ask = (/** @type {{ command: string, rival?: number }} */ request) =>
        calm.measured(() => peer.ask({ ...request, id, seconds }, settings.limitSeconds + seconds));
      try {
        timings.get(label)?.rounds.push((await ask({ command: 'measure' })).seconds);
        if (rival === undefined) continue;
        const { ratio } = await ask({ command: 'ratio', rival });
        timings.get(label)?.ratios.push(ratio);
      } catch (error) {
        note(`failed in round ${round + 1}: ${label}: ${/** @type {Error} */ (error).message}`);
      }
    }
  }
  for (const { id, peer, rival } of ready) {
    for (const known of rival === undefined ? [id] : [id, rival]) {
      if (peer.ended === undefined)
        await peer.ask({ command: 'release', id: known }, settings.limitSeconds).catch(() => {});
    }
  }
  for (const [label, timing] of timings) {
    if (timing.rounds.length === 0) timings.delete(label);
    else {
      timing.seconds = median(timing.rounds);
      timing.spread = spread(timing.rounds);
    }
  }
  return timings;
}
