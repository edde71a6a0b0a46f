// Compiles every target of asconfig.json to build/wasm/.
import { readFileSync } from 'node:fs';
import asc from 'assemblyscript/asc';

const { targets } = JSON.parse(readFileSync('asconfig.json', 'utf8'));
for (const [target, { enable }] of Object.entries(targets)) {
  // What threads need is code of its own, which the other builds do not carry.
  const core = ['assembly/index.ts', ...(enable.includes('threads') ? ['assembly/team.ts'] : [])];
  const entries = target === 'infer' ? ['assembly/infer.ts'] : core;
  const { error, stderr } = await asc.main([...entries, '--config', 'asconfig.json', '--target', target]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
