import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import * as wasmgrad from 'wasmgrad';
import type { Report, SuiteOptions } from '../conformance/suite.js';
import { BATCH_SIZE, digits, digitsModel, HIDDEN, LEARNING_RATE } from '../conformance/training.js';
import { root } from '../support/files.js';
import { ExactRun } from './relaxedBound.js';

// What is expected of a report, wherever it comes from.

const HASHES_FILE = join(root, 'tests/runtimes/hashes.json');

/** Writes down what comes, instead of comparing with it: `RECORD=1 npx vitest run --project runtimes`. */
export const RECORD = process.env.RECORD === '1';

/** The hash of each case that has one, in the strict build. */
type Hashes = Record<string, string>;

const hashesOf = (report: Report): Hashes =>
  Object.fromEntries(
    Object.entries(report.cases).flatMap(([name, outcome]) =>
      outcome.ok && outcome.hash ? [[name, outcome.hash]] : [],
    ),
  );

const readHashes = (): Hashes =>
  existsSync(HASHES_FILE) ? (JSON.parse(readFileSync(HASHES_FILE, 'utf8')) as Hashes) : {};

/** Fails unless every case is well, and the numbers are those of all other runtimes. */
export function expectConformance(report: Report, build: SuiteOptions['build']): void {
  const failures = Object.entries(report.cases).flatMap(([name, outcome]) =>
    outcome.ok ? [] : [`${name}: ${outcome.message}`],
  );
  expect(failures).toEqual([]);
  expect(Object.keys(report.cases).length).toBeGreaterThan(100);
  if (build === 'strict') expect(report.runtimeInfo.build).toBe('strict');
  if (report.runtimeInfo.build === 'strict') {
    if (RECORD && !existsSync(HASHES_FILE)) {
      writeFileSync(HASHES_FILE, `${JSON.stringify(hashesOf(report), null, 2)}\n`);
    }
    expect(hashesOf(report)).toEqual(readHashes());
  } else {
    expect(Object.keys(hashesOf(report))).toEqual(Object.keys(readHashes()));
    const { weights, distance } = exact();
    expect(distanceOf(weightsOf(report), weights)).toBeLessThanOrEqual(distance);
  }
}

/** The weights of a report, in the order of the state. */
export function weightsOf({ weights }: Report): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(weights, 'base64')).buffer);
}

/** Euclidean. */
export function distanceOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i] - b[i]) ** 2;
  return Math.sqrt(squares);
}

interface Exact {
  readonly weights: Float64Array;
  /** How far weights in float32 may be from them. */
  readonly distance: number;
  /** How far training went. */
  readonly way: number;
}

let known: Exact | undefined;

/** 50 steps on digits in float64. */
export function exact(): Exact {
  return (known ??= train());
}

function train(): Exact {
  const model = digitsModel(wasmgrad);
  const [w1, b1, w2, b2] = model.parameters().map(({ data }) => Float64Array.from(data));
  expect([w1.length, w2.length]).toEqual([HIDDEN * 64, HIDDEN * 10]);
  const network = { w1, b1, w2, b2 };
  const begun = flat([w1, b1, w2, b2]);
  const { rows, labels } = digits();
  const run = new ExactRun(network, Math.fround(LEARNING_RATE));
  for (let step = 0; step < 50; step++) {
    const at = (step * BATCH_SIZE) % labels.length;
    const x = Float64Array.from(rows.subarray(at * 64, (at + BATCH_SIZE) * 64));
    run.step({ x, labels: labels.slice(at, at + BATCH_SIZE) });
  }
  const weights = flat([w1, b1, w2, b2]);
  return { weights, distance: run.distance, way: distanceOf(weights, begun) };
}

const flat = (parts: readonly Float64Array[]): Float64Array =>
  Float64Array.from(parts.flatMap((part) => [...part]));
