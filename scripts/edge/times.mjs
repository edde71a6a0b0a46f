// How fast the Workers in examples/edge start and answer, in workerd, seen from outside: `npm run edge`.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorker, startWorker } from './worker.mjs';

/** What they are to keep to, in milliseconds. */
export const START_MS = 50;
export const PREDICTION_MS = 1;

/**
 * A Worker and a Durable Object that do nothing, with as many bytes beside them as a Worker has: handing those to workerd is
 * the work of Miniflare, which no request on a server waits for.
 *
 * @param {Awaited<ReturnType<typeof bundleWorker>>} modules
 */
const idleWorker = (modules) => [
  {
    type: /** @type {const} */ ('ESModule'),
    path: 'idle.js',
    contents: `
      export class Learner { fetch() { return new Response() } }
      export default {
        fetch: (request, { LEARNER }) =>
          LEARNER ? LEARNER.get(LEARNER.idFromName('')).fetch(request) : new Response(),
      }`,
  },
  ...modules.map(({ contents }, i) => ({
    type: /** @type {const} */ ('Data'),
    path: `${i}.bin`,
    contents: new Uint8Array(Buffer.from(contents)),
  })),
];

const running = () =>
  readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '))
    .filter((pid) => pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0].endsWith('workerd'));

/** What processes have had of processors, in milliseconds: all of their threads. */
function processorTime(/** @type {readonly string[]} */ pids) {
  return pids
    .flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}/schedstat`))
    .reduce((sum, file) => sum + Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6, 0);
}

const median = (/** @type {number[]} */ values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** A Worker's answer; what is no success is an error. */
async function ask(
  /** @type {import('./worker.mjs').Miniflare} */ worker,
  /** @type {string} */ path,
  /** @type {object | undefined} */ body = undefined,
) {
  const init = body && { method: 'POST', body: JSON.stringify(body) };
  const response = await worker.dispatchFetch(`http://localhost${path}`, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
}

/**
 * Milliseconds of the wall's clock, and of processors, for one 784-128-10 prediction: `count` of them in one request. The
 * least of three, as other programs only ever add.
 *
 * @param {number} count
 */
export async function timePrediction(count) {
  const others = running();
  const worker = startWorker(await bundleWorker('scripts/edge/manyPredictions.js'));
  try {
    await ask(worker, '/100');
    const pids = running().filter((pid) => !others.includes(pid));
    const rounds = [];
    for (let i = 0; i < 3; i++) {
      const [began, had] = [performance.now(), processorTime(pids)];
      await ask(worker, `/${count}`);
      rounds.push({ wall: performance.now() - began, cpu: processorTime(pids) - had });
    }
    return {
      wall: Math.min(...rounds.map(({ wall }) => wall)) / count,
      cpu: Math.min(...rounds.map(({ cpu }) => cpu)) / count,
    };
  } finally {
    await worker.dispose();
  }
}

/**
 * Milliseconds from starting workerd to the first answer, beyond what a Worker takes that does nothing: the least of several
 * rounds less the least of as many, as other programs only ever add.
 *
 * @param {Awaited<ReturnType<typeof bundleWorker>>} modules
 * @param {string} path
 * @param {object} body
 * @param {object} [options] of Miniflare
 */
export async function timeStart(modules, path, body, options, rounds = 7) {
  const once = async (/** @type {typeof modules} */ ofWorker) => {
    const others = running();
    const began = performance.now();
    const worker = startWorker(ofWorker, options);
    try {
      await ask(worker, path, body);
      const wall = performance.now() - began;
      return { wall, cpu: processorTime(running().filter((pid) => !others.includes(pid))) };
    } finally {
      await worker.dispose();
    }
  };
  const least = { wall: [Infinity, Infinity], cpu: [Infinity, Infinity] };
  for (let i = 0; i < rounds; i++) {
    for (const [which, ofWorker] of [idleWorker(modules), modules].entries()) {
      const { wall, cpu } = await once(ofWorker);
      least.wall[which] = Math.min(least.wall[which], wall);
      least.cpu[which] = Math.min(least.cpu[which], cpu);
    }
  }
  return { wall: least.wall[1] - least.wall[0], cpu: least.cpu[1] - least.cpu[0] };
}

/**
 * Milliseconds of one request among many, from sending it to its answer: the median.
 *
 * @param {Awaited<ReturnType<typeof bundleWorker>>} modules
 * @param {string} path
 * @param {object} body
 * @param {object} [options] of Miniflare
 */
export async function timeRequest(modules, path, body, options, count = 200) {
  const worker = startWorker(modules, options);
  try {
    const times = [];
    for (let i = 0; i < count; i++) {
      const began = performance.now();
      await ask(worker, path, body);
      times.push(performance.now() - began);
    }
    return median(times);
  } finally {
    await worker.dispose();
  }
}

/** The examples, and a request for each. */
export const EXAMPLES = [
  { file: 'examples/edge/predict.js', path: '/predict', body: { pixels: new Array(784).fill(0.1) } },
  {
    file: 'examples/edge/learn.js',
    path: '/flowers/learn',
    body: { inputs: [5.1, 3.5, 1.4, 0.2], label: 0 },
    options: { durableObjects: { LEARNER: { className: 'Learner', useSQLite: true } } },
  },
];

/** Measures, prints, and says what was too slow: by processor time, as the wall's clock counts other programs too. */
export async function report({ rounds = 7, requests = 200, predictions = 10_000 } = {}) {
  const show = (/** @type {string} */ what, /** @type {number} */ wall, cpu = NaN) =>
    console.log(
      what.padEnd(68) +
        `${wall.toFixed(3)} ms`.padStart(12) +
        (Number.isNaN(cpu) ? '' : `${cpu.toFixed(3)} ms`.padStart(12)),
    );
  const slow = [];
  console.log(`${''.padEnd(68)}${'on the wall'.padStart(12)}${'of CPU'.padStart(12)}`);
  for (const { file, path, body, options } of EXAMPLES) {
    const modules = await bundleWorker(file);
    const { wall, cpu } = await timeStart(modules, path, body, options, rounds);
    show(`${file}: start-up and first answer, beyond an idle one's`, wall, cpu);
    if (cpu > START_MS) slow.push(`start-up of ${file}`);
    show(`${file}: a request, there and back`, await timeRequest(modules, path, body, options, requests));
  }
  const { wall, cpu } = await timePrediction(predictions);
  show('784-128-10: a prediction, of many in one request', wall, cpu);
  if (cpu > PREDICTION_MS) slow.push('prediction');
  return slow;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const slow = await report();
  if (slow.length > 0) console.log(`\nToo slow: ${slow.join(', ')}.`);
  process.exit(slow.length > 0 ? 1 : 0);
}
