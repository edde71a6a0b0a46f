import Benchmark from 'benchmark';
import { median } from './statistics.mjs';

// Benchmark.js would paste the source of a function into a loop, where it could not see what it closes over.
Benchmark.support.decompilation = false;

/** @typedef {() => unknown | Promise<unknown>} Work */

/**
 * One measured function holds as many calls as take this long. Benchmark.js costs a fraction of a microsecond per call,
 * and a turn of the event loop (over a millisecond) per call that answers by a promise.
 */
const BATCH_SECONDS = 50e-6;
const BATCH_SECONDS_ASYNC = 20e-3;

/** What is known of some work before it is measured. */
/** @typedef {{ single: number, isAsync: boolean }} Estimate seconds of a call, roughly; whether it gives a promise */

/**
 * Calls that begin shorter than this are measured in vain at first, by the very code that measures them later. A step of a
 * tiny network takes 100 µs at first, 5 after a tenth of a second and 1.3 after a quarter; spelled out it takes twice that.
 */
const SHORT_SECONDS = 1e-3;

/**
 * Calls `work` for a while, so that compilers have done what they will do.
 *
 * @param {Work} work
 * @param {number} seconds
 * @param {number} shortSeconds more, where a call is short: the first measurements of such calls are several times too
 * long, while the engine optimises what calls them
 * @returns {Promise<Estimate>}
 */
export async function warmUp(work, seconds, shortSeconds) {
  let isAsync = false;
  let calls = 0;
  let elapsed;
  let half = { calls: 0, elapsed: 0 };
  const begin = performance.now();
  do {
    const result = work();
    // Without a turn of the event loop where none is needed: it would be most of what happens.
    if (result instanceof Promise) {
      isAsync = true;
      await result;
    }
    calls++;
    elapsed = (performance.now() - begin) / 1000;
    if (elapsed < seconds / 2) half = { calls, elapsed };
  } while (elapsed < seconds);
  // The first calls are slow.
  const estimate = { single: (elapsed - half.elapsed) / (calls - half.calls), isAsync };
  if (estimate.single > SHORT_SECONDS || shortSeconds === 0) return estimate;
  const parts = 5;
  for (let i = 0; i < parts; i++) estimate.single = await secondsOf(work, estimate, shortSeconds / parts);
  return estimate;
}

/** How long each of two works is called before it is the other's turn. */
const TURN_SECONDS = 1e-3;

/**
 * How much of the time of `work` its `rival` takes, for one call of each: both in turn, a millisecond each, so that a
 * machine that changes its speed many times in a second changes both. The median of the turns.
 *
 * @param {() => unknown} work
 * @param {() => unknown} rival
 * @param {number} seconds how long to measure
 */
export function ratioTo(work, rival, seconds) {
  const timed = (/** @type {() => unknown} */ fn, /** @type {number} */ calls) => {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) fn();
    return (performance.now() - begin) / 1000 / calls;
  };
  const callsOf = (/** @type {() => unknown} */ fn) => Math.max(1, Math.round(TURN_SECONDS / timed(fn, 3)));
  const [own, others] = [callsOf(work), callsOf(rival)];
  const ratios = [];
  const end = performance.now() + seconds * 1000;
  do ratios.push(timed(rival, others) / timed(work, own));
  while (performance.now() < end);
  return median(ratios);
}

/**
 * Seconds of one call: the median of Benchmark.js's samples.
 *
 * @param {Work} work
 * @param {Estimate} estimate
 * @param {number} seconds how long to measure
 * @returns {Promise<number>}
 */
export async function secondsOf(work, { single, isAsync }, seconds) {
  const calls = Math.max(1, Math.round((isAsync ? BATCH_SECONDS_ASYNC : BATCH_SECONDS) / single));
  const batch = () => {
    for (let i = 0; i < calls; i++) work();
  };
  const batchAsync = async () => {
    for (let i = 0; i < calls; i++) await work();
  };
  return new Promise((resolve, reject) => {
    const fn = isAsync
      ? (/** @type {{ resolve(): void }} */ round) => void batchAsync().then(() => round.resolve(), reject)
      : batch;
    const benchmark = new Benchmark('work', fn, {
      defer: isAsync,
      delay: 0,
      initCount: 1,
      maxTime: seconds,
      minTime: seconds / 5,
      minSamples: single * calls > seconds / 2 ? 1 : 3,
      onComplete() {
        if (benchmark.error) reject(benchmark.error);
        else resolve(median(benchmark.stats.sample) / calls);
      },
    });
    benchmark.run({ async: true });
  });
}
