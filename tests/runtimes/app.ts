import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { root } from '../support/files.js';
import { writeSuite } from './suiteFile.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of a project outside of ours: the packed package, installed, and what runs the suite in each host. */
    app: string;
  }
}

/** Makes that project before the tests, and takes it away after them. */
export default async function setUp(project: TestProject): Promise<() => void> {
  // Outside of the repository, whose tsconfig.json and package.json some hosts would read.
  const app = realpathSync(mkdtempSync(join(tmpdir(), 'wasmgrad-runtimes-')));
  const tearDown = (): void => rmSync(app, { recursive: true, force: true });
  try {
    await fill(app);
  } catch (error) {
    tearDown();
    throw error;
  }
  project.provide('app', app);
  return tearDown;
}

async function fill(app: string): Promise<void> {
  const installed = join(app, 'node_modules/wasmgrad');
  mkdirSync(installed, { recursive: true });
  const shell = process.platform === 'win32';
  const options = { cwd: root, encoding: 'utf8', shell, timeout: 120_000 } as const;
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', app],
    options,
  );
  const [{ filename }] = JSON.parse(packed) as { filename: string }[];
  // What npm install does with it, without asking a registry.
  execFileSync('tar', ['-xzf', join(app, filename), '--strip-components=1', '-C', installed], options);
  rmSync(join(app, filename));
  cpSync(join(root, 'tests/runtimes/hosts'), app, { recursive: true });
  await writeSuite(join(app, 'suite.js'));
}
