// Gets Fashion-MNIST (31 MB, MIT, Zalando Research), which examples/fashion.js trains on, from Debian's package of it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

process.chdir(new URL('..', import.meta.url).pathname);
const PACKAGE = 'dataset-fashion-mnist';
const INSTALLED = 'usr/share/datasets/fashion-mnist';
const TARGET = 'build/data/fashion-mnist';
const ELSEWHERE = `There is no apt here that has ${PACKAGE}. Put the four files of
https://github.com/zalandoresearch/fashion-mnist (data/fashion/*.gz) into ${TARGET}.`;

/** Whether a command ran and was content. */
function run(cwd, command, ...args) {
  return spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** The folder with the files, from the package as it is installed or unpacked into `scratch`. */
function unpacked(scratch) {
  if (existsSync(`/${INSTALLED}`)) return `/${INSTALLED}`;
  if (!existsSync('/usr/bin/apt-get')) return undefined;
  // As who runs this: the user that apt would take for it cannot write here.
  const download = () => run(scratch, 'apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', PACKAGE);
  // A new machine has no list of packages yet.
  if (!download() && !(run(scratch, 'apt-get', '-qq', 'update') && download())) return undefined;
  const [file] = readdirSync(scratch);
  return run(scratch, 'dpkg-deb', '-x', file, '.') ? join(scratch, INSTALLED) : undefined;
}

if (!existsSync(TARGET)) {
  console.log(`getting ${PACKAGE} …`);
  mkdirSync('build/data', { recursive: true });
  const scratch = mkdtempSync('build/data/unpacking-');
  try {
    const from = unpacked(scratch);
    if (!from) {
      console.error(ELSEWHERE);
      process.exitCode = 1;
    } else {
      // The folder is there with all its files or not at all.
      const whole = join(scratch, 'whole');
      cpSync(from, whole, { recursive: true });
      renameSync(whole, TARGET);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
