import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/files.js';
import { writeSuite } from './suiteFile.js';

/** A project outside of ours: the packed package, installed, and what runs the suite in each host. */
export const app = join(root, 'build/runtimes/app');

/** Makes it anew; the project `runtimes` calls this once, before its tests. */
export default async function setUp(): Promise<void> {
  rmSync(app, { recursive: true, force: true });
  const installed = join(app, 'node_modules/wasmgrad');
  mkdirSync(installed, { recursive: true });
  const shell = process.platform === 'win32';
  const options = { cwd: root, encoding: 'utf8', shell, timeout: 60_000 } as const;
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', app], options);
  const [{ filename }] = JSON.parse(packed) as { filename: string }[];
  // What npm install does with it, without asking a registry.
  execFileSync('tar', ['-xzf', join(app, filename), '--strip-components=1', '-C', installed], options);
  rmSync(join(app, filename));
  cpSync(join(root, 'tests/runtimes/hosts'), app, { recursive: true });
  cpSync(join(root, 'tests/runtimes/hosts/app.package.json'), join(app, 'package.json'));
  await writeSuite(join(app, 'suite.js'));
}
