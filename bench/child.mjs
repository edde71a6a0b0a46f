// One peer in a process of its own. Reads requests and writes answers, a line of JSON each, until its input ends.
import { createInterface } from 'node:readline';
import { ratioTo, secondsOf, warmUp } from './measure.mjs';
import { prepareNumbers } from './workloads.mjs';

/**
 * What a task gives.
 *
 * @typedef {object} Prepared
 * @property {import('./measure.mjs').Work} work what is timed
 * @property {number} [repeats] how often one call of it does the thing; 1 by default
 * @property {() => void} [release] called when it is no longer wanted
 * @property {() => number[] | Promise<number[]>} [outcome] numbers that every peer must agree on
 */

const [, , name, ...args] = process.argv;
/** @type {Map<number, Prepared & Awaited<ReturnType<typeof warmUp>>>} */
const works = new Map();

const peer = () => import(`./peers/${name}.mjs`);

/** @type {Record<string, (request: any) => Promise<object>>} */
const COMMANDS = {
  /** Starts the peer and names its version. */
  async describe() {
    return (await peer()).describe(...args);
  },
  /** Makes a task ready under a number. */
  async prepare({ id, task, workload, seconds, shortSeconds }) {
    const prepared = await (await peer()).tasks[task]?.(workload);
    if (!prepared) return { able: false };
    const outcome = await prepared.outcome?.();
    works.set(id, { ...prepared, ...(await warmUp(prepared.work, seconds, shortSeconds)) });
    return { able: true, outcome };
  },
  async measure({ id, seconds }) {
    const known = works.get(id);
    if (!known) throw new Error(`nothing is prepared under ${id}`);
    return { seconds: (await secondsOf(known.work, known, seconds)) / (known.repeats ?? 1) };
  },
  /** Seconds of one thing as a share of those of another; see ratioTo. */
  async ratio({ id, rival, seconds }) {
    const [own, other] = [works.get(id), works.get(rival)];
    if (!own || !other) throw new Error(`nothing is prepared under ${id} or ${rival}`);
    const ratio = ratioTo(own.work, other.work, seconds);
    return { ratio: (ratio * (own.repeats ?? 1)) / (other.repeats ?? 1) };
  },
  async release({ id }) {
    works.get(id)?.release?.();
    works.delete(id);
    return {};
  },
  /** From the import of the library to the first result. */
  async first({ task, workload }) {
    prepareNumbers(workload);
    const begin = performance.now();
    const { describe, tasks } = await peer();
    await describe(...args);
    if (!tasks[task]) return { able: false };
    await (await tasks[task](workload)).work();
    return { able: true, seconds: (performance.now() - begin) / 1000 };
  },
  /** A task that measures by itself. */
  async run({ task, workload }) {
    return { result: await (await peer()).tasks[task](workload) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  /** @type {object} */
  let answer;
  try {
    answer = await COMMANDS[request.command](request);
  } catch (error) {
    answer = { error: String(/** @type {Error} */ (error)?.message ?? error).split('\n')[0] };
  }
  process.stdout.write(`\n${JSON.stringify({ ...answer, request: request.request })}\n`);
}
process.exit(0);
