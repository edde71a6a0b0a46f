// Feeds the readers of files with hostile ones, and keeps those that break them in tests/io/cases:
//     npm run fuzz -- [format …] [--minutes 10] [--seed 1]
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FORMATS, hostile, random, tryFile } from '../tests/support/fuzz.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(FORMATS);
const unknown = names.find((name) => !Object.hasOwn(FORMATS, name));
if (unknown) {
  console.error(`fuzz: unknown format '${unknown}' (known: ${Object.keys(FORMATS).join(', ')})`);
  process.exit(2);
}
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const milliseconds = (Number(values.minutes) * 60_000) / names.length;
console.log(`seed ${seed}, ${values.minutes} minutes for ${names.join(', ')}`);

let findings = 0;
for (const name of names) {
  const draw = random(seed);
  const format = FORMATS[name];
  const seeds = format.seeds();
  const known = new Set();
  let files = 0;
  let read = 0;
  for (const until = Date.now() + milliseconds; Date.now() < until; files++) {
    // Memory of models that nobody holds any more is given back between two turns of the event loop.
    if (files % 64 === 0) await setImmediate();
    const file = hostile(format, seeds, draw);
    try {
      if (await tryFile(format, file)) read++;
    } catch (error) {
      // One file for each way of failing.
      const where = String(error.stack).split('\n').slice(0, 3).join('\n');
      if (known.has(where)) continue;
      known.add(where);
      findings++;
      const hash = createHash('sha256').update(file).digest('hex').slice(0, 8);
      const path = new URL(`../tests/io/cases/${name}-${hash}.bin`, import.meta.url);
      writeFileSync(path, file);
      console.log(`${name}: ${path.pathname}\n${where}`);
    }
  }
  console.log(
    `${name}: ${files} files, ${read} of them read, ${files - read - known.size} refused, ${known.size} findings`,
  );
}
process.exit(findings > 0 ? 1 : 0);
