import cliProgress from 'cli-progress';
import { formatTable } from './table.mjs';

/**
 * What every section works with.
 *
 * @typedef {object} Context
 * @property {import('./pool.mjs').Pool} pool
 * @property {Settings} settings
 * @property {import('./calm.mjs').Calm} calm
 * @property {ReturnType<typeof import('./host.mjs').describeHost>} host
 * @property {Record<string, number>} ceiling GFLOP/s by build, before the first section
 * @property {(build: string, rate: number) => void} raiseCeiling
 * @property {(text: string) => void} note says something once and keeps it for the results
 * @property {(what: string) => void} progress one step further
 * @property {(title: string, columns: readonly string[], rows: readonly (readonly string[])[]) => void} table
 */

/**
 * @typedef {object} Settings
 * @property {boolean} quick
 * @property {number} rounds
 * @property {number} seconds of each measurement in a round
 * @property {number} shortWarmUp seconds of calling short functions before they are measured
 * @property {number} limitSeconds in which a peer must answer
 * @property {number} patienceSeconds to wait in a section for other programs to leave the machine alone
 */

/** @type {Settings} */
export const QUICK = {
  quick: true,
  rounds: 2,
  seconds: 0.025,
  shortWarmUp: 0.15,
  limitSeconds: 6,
  patienceSeconds: 0,
};
/** @type {Settings} */
export const FULL = {
  quick: false,
  rounds: 5,
  seconds: 0.15,
  shortWarmUp: 1.5,
  limitSeconds: 60,
  patienceSeconds: 90,
};

/**
 * @param {Pick<Context, 'pool' | 'settings' | 'calm' | 'host'>} base
 * @returns {Context & { notes: string[], begin: (section: string) => void, stop: () => void }}
 */
export function createContext(base) {
  /** @type {string[]} */
  const notes = [];
  /** @type {Record<string, number>} */
  const ceiling = {};
  // How much is to come depends on which peers can run, so it counts and has no end.
  const bar = new cliProgress.SingleBar({
    format: '{section} · {what} · {value} measurements, {duration_formatted}',
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
    noTTYOutput: !base.settings.quick,
    notTTYSchedule: 15_000,
  });
  let section = '';
  let running = false;
  const stop = () => {
    if (running) bar.stop();
    running = false;
  };
  const print = (/** @type {string} */ text) => {
    stop();
    console.log(text);
  };
  let count = 0;
  return {
    ...base,
    notes,
    ceiling,
    stop,
    begin(name) {
      section = name;
      base.calm.begin();
    },
    raiseCeiling(build, rate) {
      ceiling[build] = Math.max(ceiling[build] ?? 0, rate);
    },
    note(text) {
      if (notes.includes(text)) return;
      notes.push(text);
      print(text);
    },
    progress(what) {
      if (!running) bar.start(1, 0, { section, what });
      running = true;
      bar.update(++count, { section, what });
    },
    table: (title, columns, rows) => print(`\n${formatTable(title, columns, rows)}`),
  };
}
