// Compiles every target of asconfig.json to build/wasm/, packs it, and compiles what unpacks it: unless that was done.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import asc, { version } from 'assemblyscript/asc';
import { unfused } from '../src/core/unfused.js';
import { pack } from './pack.mjs';
import { shorten } from './shorten.mjs';
import { unfuse } from './unfuse.mjs';

/** What each of the others is packed with, and has most of its code from: core/binariesInside.ts unpacks it first. */
const KNOWN = {
  strict: () => unfused(code('relaxed')),
  'relaxed-threads': () => code('relaxed'),
  'strict-threads': () => code('strict'),
};

const KEY = 'build/wasm.key';

/** What the result depends on. */
function key() {
  const sources = readdirSync('assembly', { recursive: true })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `assembly/${file}`)
    .toSorted();
  const hash = createHash('sha256').update(version);
  for (const file of [
    ...sources,
    'asconfig.json',
    'asconfig.unpack.json',
    'scripts/buildWasm.mjs',
    'scripts/pack.mjs',
    'scripts/shorten.mjs',
    'scripts/unfuse.mjs',
    'src/core/unfused.js',
  ]) {
    hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex');
}

const fileOf = (target) => `build/wasm/${target}.wasm`;
const code = (target) => new Uint8Array(readFileSync(fileOf(target)));

async function compile(...args) {
  const { error, stderr } = await asc.main(args);
  if (!error) return;
  console.error(stderr.toString());
  process.exit(1);
}

const wanted = key();
if (!existsSync(KEY) || readFileSync(KEY, 'utf8') !== wanted) {
  const { targets } = JSON.parse(readFileSync('asconfig.json', 'utf8'));
  for (const [target, { enable }] of Object.entries(targets)) {
    // What threads need is code of its own, which the other builds do not carry.
    const core = ['assembly/index.ts', ...(enable.includes('threads') ? ['assembly/team.ts'] : [])];
    const entries = target === 'infer' ? ['assembly/infer.ts'] : core;
    const strict = target.startsWith('strict');
    const fused = strict ? ['--enable', 'relaxed-simd', '--use', 'UNFUSED=1'] : [];
    await compile(...entries, '--config', 'asconfig.json', '--target', target, ...fused);
    if (strict) writeFileSync(fileOf(target), unfuse(code(target)));
    if (target === 'infer') writeFileSync(fileOf(target), shorten(code(target)));
  }
  await compile('--config', 'asconfig.unpack.json');
  mkdirSync('build/packed', { recursive: true });
  for (const name of Object.keys(targets)) {
    writeFileSync(`build/packed/${name}.txt`, pack(code(name), KNOWN[name]?.()));
  }
  writeFileSync('build/packed/unpack.txt', readFileSync('build/unpack.wasm', 'base64'));
  writeFileSync(KEY, wanted);
}
