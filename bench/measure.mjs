import Benchmark from 'benchmark';

// Benchmark.js would paste the source of a function into a loop, where it could not see what it closes over.
Benchmark.support.decompilation = false;

/**
 * Mean seconds of one call, by Benchmark.js.
 *
 * @param {() => void | Promise<unknown>} work
 * @param {number} seconds how long to measure
 * @returns {Promise<number>}
 */
export function secondsOf(work, seconds) {
  return new Promise((resolve, reject) => {
    const deferred = work() instanceof Promise;
    const fn = deferred
      ? (/** @type {{ resolve(): void }} */ round) =>
          void Promise.resolve(work()).then(() => round.resolve(), reject)
      : work;
    const benchmark = new Benchmark('work', fn, {
      defer: deferred,
      maxTime: seconds,
      minTime: seconds / 5,
      minSamples: 3,
      initCount: 1,
      onComplete() {
        if (benchmark.error) reject(benchmark.error);
        else resolve(benchmark.stats.mean);
      },
      onError: () => reject(benchmark.error),
    });
    benchmark.run({ async: true });
  });
}
