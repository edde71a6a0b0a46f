import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './files.js';

export const run = promisify(execFile);

/** A project outside the repository that has the package as npm packs it. */
export interface Project {
  readonly folder: string;
  readonly tarball: string;
  /** Writes a file of the project. */
  write(file: string, content: string): string;
  /** What a program prints. */
  node(file: string, ...flags: string[]): Promise<string>;
  remove(): void;
}

export async function installed(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-project-'));
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder],
    {
      cwd: root,
    },
  );
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  const tarball = join(folder, filename);
  const place = join(folder, 'node_modules/wasmgrad');
  mkdirSync(place, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  writeFileSync(join(folder, 'package.json'), '{ "name": "project", "private": true, "type": "module" }');
  return {
    folder,
    tarball,
    write(file, content) {
      const path = join(folder, file);
      writeFileSync(path, content);
      return path;
    },
    async node(file, ...flags) {
      return (await run(process.execPath, [...flags, join(folder, file)], { cwd: folder, timeout: 60_000 }))
        .stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
