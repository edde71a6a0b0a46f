import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Report, SuiteOptions } from '../conformance/suite.js';
import { RUN_LIMIT } from './limit.js';

const execute = promisify(execFile);
const require = createRequire(import.meta.url);

/** A program that runs JavaScript. */
export interface Program {
  readonly name: string;
  readonly path: string;
  /** What it is told before the file. */
  readonly args: readonly string[];
}

/** The folder of an installed package, or undefined. */
function folderOf(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** The first of these files, each below a package, that is there. */
function binary(...places: readonly [name: string, file: string][]): string | undefined {
  for (const [name, file] of places) {
    const folder = folderOf(name);
    if (folder && existsSync(join(folder, file))) return join(folder, file);
  }
  return undefined;
}

const { platform, arch } = process;

/** The programs that npm brings as packages, whose install scripts are not needed. */
const PACKAGES: readonly [name: string, path: string | undefined, args: string[]][] = [
  ['Node 24', binary([`node-${platform}-${arch}`, 'bin/node']), []],
  [
    'Deno',
    binary([`@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, 'deno']),
    // Nothing but reading the project, and what node:os says of the processors.
    ['run', '--no-prompt', '--allow-read', '--allow-env', '--allow-sys'],
  ],
  ['Bun', binary([`@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, 'bin/bun']), ['run']],
];

/** Each program by its name, or undefined where it is not installed. */
export const PROGRAMS: ReadonlyMap<string, Program | undefined> = new Map([
  [`Node ${process.versions.node.split('.')[0]}`, { name: 'Node', path: process.execPath, args: [] }],
  ...PACKAGES.map(([name, path, args]): [string, Program | undefined] => [
    name,
    path ? { name, path, args } : undefined,
  ]),
]);

export async function versionOf({ path }: Program): Promise<string> {
  const { stdout } = await execute(path, ['--version'], { timeout: RUN_LIMIT, killSignal: 'SIGKILL' });
  return /\d+(\.\d+)+/.exec(stdout)![0];
}

/** Runs a file of the project in `app`, and gives what it printed. */
export async function print(
  { path, args }: Program,
  app: string,
  file: string,
  ...more: string[]
): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const limits = { timeout: RUN_LIMIT, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 } as const;
  const { stdout } = await execute(path, [...args, file, ...more], { cwd: app, env, ...limits });
  return stdout;
}

export async function runProcess(program: Program, app: string, options: SuiteOptions): Promise<Report> {
  return JSON.parse(await print(program, app, 'process.js', JSON.stringify(options))) as Report;
}
