import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Report } from '../conformance/suite.js';
import { root } from '../support/files.js';
import { RECORD } from './conformance.js';

const PAGE = join(root, 'docs/runtimes.md');

/** A row of the table in docs/runtimes.md: what was run where. */
export interface Row {
  readonly runtime: string;
  readonly where: string;
  readonly version: string;
  /** Taken by `build: 'auto'`. */
  readonly build: string;
  /** Got where two were asked for. */
  readonly threads: number;
}

/** The rows of the table: runtime, where, version, build, threads. */
export function documentedRows(): string[][] {
  const lines = readFileSync(PAGE, 'utf8').split('\n');
  const head = lines.findIndex((line) => /^\| runtime +\|/.test(line));
  const rows: string[][] = [];
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

/** What came of two runs in one place. */
export function rowOf(
  runtime: string,
  where: string,
  version: string,
  byItself: Report,
  threaded: Report,
): Row {
  return {
    runtime,
    where,
    version,
    build: byItself.runtimeInfo.build,
    threads: threaded.runtimeInfo.threads,
  };
}

/** Fails where the page says something else; versions are those of the run that was recorded. */
export function expectDocumented({ runtime, where, version, build, threads }: Row): void {
  const rows = documentedRows();
  const found = rows.find((row) => row[0] === runtime && row[1] === where);
  if (RECORD && found) {
    const text = readFileSync(PAGE, 'utf8');
    const old = new RegExp(`^\\| ${runtime} +\\| ${where} +\\|.*$`, 'm');
    const today = new Date().toISOString().slice(0, 10);
    const line = `| ${[runtime, where, version, build, threads].join(' | ')} |`;
    writeFileSync(PAGE, text.replace(old, line).replace(/as of \d{4}-\d\d-\d\d/, `as of ${today}`));
    return;
  }
  expect(found, `docs/runtimes.md has no row for ${runtime}, ${where}`).toBeDefined();
  expect([runtime, where, ...found!.slice(3)]).toEqual([runtime, where, build, String(threads)]);
}
