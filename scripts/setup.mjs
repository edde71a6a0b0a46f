// Makes a fresh clone ready: installs what package-lock.json names, then builds.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

process.chdir(new URL('..', import.meta.url).pathname);

function run(what, ...args) {
  console.log(`${what} …`);
  const { status } = spawnSync('npm', args, { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) process.exit(status ?? 1);
}

const installed = 'node_modules/.package-lock.json';
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  run('installing', 'ci', '--ignore-scripts');
}
run('building', 'run', '--silent', 'build');
