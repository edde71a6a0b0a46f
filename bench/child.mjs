// One peer in a process of its own. Reads requests and writes answers, a line of JSON each.
import { createInterface } from 'node:readline';
import { secondsOf } from './measure.mjs';

const [, , peer, ...args] = process.argv;
const { describe, tasks } = await import(`./peers/${peer}.mjs`);
/** @type {(() => void | Promise<unknown>) | undefined} */
let work;

/** @param {object} message */
const answer = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (request.command === 'describe') answer(await describe(...args));
    else if (request.command === 'prepare') {
      work = await tasks[request.task]?.(request.workload);
      answer({ able: work !== undefined });
    } else if (request.command === 'measure') {
      answer({ seconds: await secondsOf(/** @type {() => void} */ (work), request.seconds) });
    } else answer({ result: await tasks[request.task](request.workload) });
  } catch (error) {
    answer({ error: String(/** @type {Error} */ (error)?.message ?? error).split('\n')[0] });
  }
}
