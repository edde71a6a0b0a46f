// Looks in Chromium whether the demo keeps its page responsive: `npm run demo:frames`.
import { fileURLToPath } from 'node:url';
import { launchChromium } from './chromium.mjs';
import { serveDemo } from './demo.mjs';

/** What a page may do before it gives frames, clicks and keys their turn, in milliseconds. */
export const LONGEST_MS = 50;

/**
 * @typedef {object} Tasks what the page's main thread did, a task at a time; a frame is one
 * @property {number} count
 * @property {number} longestCpu the longest by the thread's own clock, which stands still while others have the processor
 * @property {number} longest the longest by the clock on the wall
 */

/**
 * Traces the page's main thread during `work`.
 *
 * @param {import('playwright-core').Page} page
 * @param {() => Promise<unknown>} work
 * @returns {Promise<Tasks>}
 */
export async function tasksDuring(page, work) {
  const browser = /** @type {import('playwright-core').Browser} */ (page.context().browser());
  // The page names its thread in the trace: there are others, such as the browser's own pages.
  const mark = 'tasksDuring';
  await browser.startTracing(page, {
    categories: ['toplevel', 'blink.user_timing', 'disabled-by-default-devtools.timeline'],
  });
  await page.evaluate((name) => void performance.mark(name), mark);
  await work();
  // A task is traced when it has ended, so let one more come after the last of them.
  await page.evaluate(() => new Promise((resolve) => void setTimeout(resolve, 50)));
  /** @type {{ name: string, ph: string, pid: number, tid: number, dur?: number, tdur?: number }[]} */
  const events = JSON.parse(String(await browser.stopTracing())).traceEvents;
  const main = events.find(({ name }) => name === mark);
  const tasks = events.filter(
    ({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && pid === main?.pid && tid === main.tid,
  );
  if (tasks.every(({ tdur }) => tdur === undefined)) {
    throw new Error('this Chromium does not trace tasks with their processor time');
  }
  return {
    count: tasks.length,
    // Tasks of a few microseconds have none: the thread's clock stood still.
    longestCpu: Math.max(...tasks.map(({ tdur, dur = 0 }) => tdur ?? dur)) / 1000,
    longest: Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1000,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const SECONDS = 5;
  const { url, close } = await serveDemo();
  const browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(url);
  await page.waitForSelector('#toggle:enabled');
  const wait = () => page.waitForTimeout(1000 * SECONDS);
  const epoch = async () => Number((await page.textContent('#epoch'))?.replaceAll(',', ''));
  const line = (/** @type {unknown[]} */ [name, ...cells]) =>
    console.log(String(name).padEnd(44) + cells.map((cell) => String(cell).padStart(13)).join(''));
  const show = (/** @type {string} */ name, /** @type {Tasks} */ { longestCpu, longest }, epochs = '') =>
    line([name, `${longestCpu.toFixed(1)} ms`, `${longest.toFixed(1)} ms`, epochs]);

  console.log(
    `Chromium ${browser.version()}, ${SECONDS} s each; the longest task of the page's main thread:\n`,
  );
  line(['', 'on the CPU', 'on the wall', 'epochs']);
  const idle = await tasksDuring(page, wait);
  show('idle', idle);
  let worst = idle;
  for (const [name, keys] of /** @type {const} */ ([
    ['training, as the page begins', {}],
    ['as many epochs as fit into a frame', { '#speed': 'End' }],
    ['and the largest network there is', { '#layers': 'End', '#units': 'End' }],
  ])) {
    let epochs = 0;
    const tasks = await tasksDuring(page, async () => {
      for (const [slider, key] of Object.entries(keys)) await page.press(slider, key);
      if ((await page.textContent('#toggle')) !== 'Pause') await page.click('#toggle');
      const before = await epoch();
      await wait();
      epochs = (await epoch()) - before;
    });
    show(name, tasks, epochs.toLocaleString('en'));
    if (tasks.longestCpu > worst.longestCpu) worst = tasks;
  }
  await browser.close();
  await close();
  const held = worst.longestCpu <= LONGEST_MS;
  console.log(`\n${held ? 'No task takes' : 'A task takes'} longer than ${LONGEST_MS} ms of processor time.`);
  console.log('On the wall a task may also take what other programs keep the processor for.');
  process.exit(held ? 0 : 1);
}
