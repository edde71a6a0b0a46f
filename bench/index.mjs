// `npm run bench`: everything that is measured, beside the peers, in one run. `-- --quick` ends within a minute;
// `-- --only steps,kernels` measures some sections.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { Calm } from './calm.mjs';
import { candidatesOn } from './candidates.mjs';
import { createContext, FULL, QUICK } from './context.mjs';
import { describeHost } from './host.mjs';
import { Pool } from './pool.mjs';
import { measureCeiling } from './sections/ceiling.mjs';
import { measureEpochs } from './sections/epochs.mjs';
import { measureKernels } from './sections/kernels.mjs';
import { measureMemory } from './sections/memory.mjs';
import { measurePredictions } from './sections/predict.mjs';
import { measureRules } from './sections/rules.mjs';
import { measureStart } from './sections/start.mjs';
import { measureSteps } from './sections/steps.mjs';
import { measureThreads } from './sections/threads.mjs';
import { setUp } from './setUp.mjs';
import { shapeName } from './shapes.mjs';
import { formatRatio } from './table.mjs';
import { aboveCeiling, evaluateTargets } from './targets.mjs';

const SECTIONS = {
  kernels: measureKernels,
  steps: measureSteps,
  predictions: measurePredictions,
  epochs: measureEpochs,
  rules: measureRules,
  threads: measureThreads,
  start: measureStart,
  memory: measureMemory,
};

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const wanted = options.only?.split(',') ?? Object.keys(SECTIONS);
const unknown = wanted.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(`unknown section '${unknown.join("', '")}' (known: ${Object.keys(SECTIONS).join(', ')})`);
  process.exit(2);
}

await setUp();
const host = describeHost();
const settings = options.quick ? QUICK : FULL;
const pool = new Pool(candidatesOn(host.paths), settings.limitSeconds);
const calm = new Calm(settings.patienceSeconds);
const context = createContext({ pool, settings, calm, host });
const changed = host.changed ? ' with changes' : '';
console.log(`${host.cpu}, ${host.availableCores} of ${host.cores} cores, commit ${host.commit}${changed}`);
console.log(`ours: Node ${host.modernNode}; strict: Node ${host.node}`);

// What else runs takes its share of the cores and of the caches.
const load = loadavg()[0];
if (load > 0.5) context.note(`the machine was not idle: load average ${load.toFixed(1)} at the start`);

const begin = performance.now();
const secondsSince = (/** @type {number} */ start) => Math.round((performance.now() - start) / 100) / 10;
context.begin('ceiling');
/** @type {Record<string, any>} */
const results = { ceiling: context.ceiling, loops: await measureCeiling(context) };
/** @type {Record<string, number>} */
const sectionSeconds = { ceiling: secondsSince(begin) };
for (const [name, measure] of Object.entries(SECTIONS)) {
  if (!wanted.includes(name)) continue;
  const start = performance.now();
  context.begin(name);
  results[name] = await measure(context);
  // A quick run has no time to start everybody again.
  if (!options.quick) pool.end();
  sectionSeconds[name] = secondsSince(start);
}

const targets = evaluateTargets(/** @type {any} */ (results));
context.table(
  options.quick ? 'targets (a quick run is a rough one)' : 'targets',
  ['', 'figure', 'measured', 'at the ceiling', 'target', ''],
  targets.map(({ what, figure, measured, target, met, limit }) => [
    what,
    figure,
    formatRatio(measured),
    limit === undefined ? '' : formatRatio(limit),
    `≥ ${target}`,
    met === undefined ? 'not measured' : met ? 'met' : 'MISSED',
  ]),
);
const above = aboveCeiling(/** @type {any} */ (results));
for (const { build, kind, shape, share } of above) {
  console.error(`CARELESS CEILING: ${build} ${kind} ${shapeName(shape)} reaches ${share.toFixed(3)} of it`);
}

if (calm.repeated > 0)
  context.note(
    `other programs disturbed: ${calm.repeated} measurements were made again, ${Math.round(calm.waited)} s were waited`,
  );
const spent = Object.entries(sectionSeconds).map(([name, seconds]) => `${name} ${seconds}`);
console.log(`\n${secondsSince(begin)} s: ${spent.join(', ')}`);
if (!options.quick && options.only === undefined) {
  const { paths: _, ...machine } = host;
  const folder = new URL('results/', import.meta.url);
  const name = `${host.date.slice(0, 16).replace(':', '')}-${host.commit}.json`;
  mkdirSync(folder, { recursive: true });
  const content = { machine, settings, sectionSeconds, notes: context.notes, targets, ...results };
  writeFileSync(new URL(name, folder), `${JSON.stringify(content, null, 1)}\n`);
  console.log(`written to bench/results/${name}`);
}
process.exit(above.length > 0 ? 1 : 0);
