// Gets the runtimes that the tests want: from npm, and browsers from Debian where this process may install them.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../scripts/findProgram.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** A program of each Debian package. */
const PACKAGES = {
  chromium: 'chromium',
  'firefox-esr': 'firefox-esr',
  'webkit2gtk-driver': 'WebKitWebDriver',
  xvfb: 'Xvfb',
};

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, ...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const shell = process.platform === 'win32';
  return spawnSync(program, args, { cwd: here, stdio: 'inherit', env, shell, timeout: 900_000 }).status === 0;
}

const installed = join(here, 'node_modules/.package-lock.json');
const locked = join(here, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(locked).mtimeMs) {
  console.log('installing Node, Deno, Bun, workerd and edge-runtime …');
  if (!run('npm', 'ci', '--ignore-scripts')) console.log('they could not be installed; see above');
}

const missing = Object.entries(PACKAGES)
  .filter(([, program]) => findProgram(program) === undefined)
  .map(([name]) => name);
if (missing.length > 0) {
  const names = missing.join(' ');
  if (process.getuid?.() === 0 && findProgram('apt-get')) {
    console.log(`installing ${names} …`);
    run('apt-get', 'update', '-qq');
    if (!run('apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing)) {
      console.log(`${names} could not be installed; tests run in the browsers that there are`);
    }
  } else {
    console.log(
      `tests run in the browsers that there are; \`apt-get install ${names}\` as root gives them all`,
    );
  }
}
