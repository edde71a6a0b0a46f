// Compiles every target of asconfig.json to build/wasm/, packs it, and compiles what unpacks it: unless that was done.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import asc, { version } from 'assemblyscript/asc';
import { pack } from './pack.mjs';

/** The build that is unpacked before each of the others, which have most of their code from it. */
const KNOWN = { strict: 'relaxed', 'relaxed-threads': 'relaxed', 'strict-threads': 'strict' };

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
  ]) {
    hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex');
}

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
    await compile(...entries, '--config', 'asconfig.json', '--target', target);
  }
  await compile('--config', 'asconfig.unpack.json');
  mkdirSync('build/packed', { recursive: true });
  const code = (name) => new Uint8Array(readFileSync(`build/wasm/${name}.wasm`));
  for (const name of Object.keys(targets)) {
    writeFileSync(`build/packed/${name}.txt`, pack(code(name), KNOWN[name] ? code(KNOWN[name]) : undefined));
  }
  writeFileSync('build/packed/unpack.txt', readFileSync('build/unpack.wasm', 'base64'));
  writeFileSync(KEY, wanted);
}
