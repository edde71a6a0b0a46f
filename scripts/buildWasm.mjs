// Compiles every target of asconfig.json to build/wasm/.
import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const { targets } = JSON.parse(readFileSync('asconfig.json', 'utf8'));
for (const target of Object.keys(targets)) {
  const { error, stderr } = await asc.main([
    'assembly/index.ts',
    '--config',
    'asconfig.json',
    '--target',
    target,
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
