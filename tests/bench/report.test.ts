import { describe, expect, it } from 'vitest';
import { JAX, OURS, OURS_LOOP, OURS_STRICT, PYTORCH, RULE_NAMES, TFJS } from '../../bench/candidates.mjs';
import { RULES } from '../../src/tensor/rules.js';
import { neededBytes } from '../../bench/sections/memory.mjs';
import { median, pairedRatio, spread } from '../../bench/statistics.mjs';
import { formatBytes, formatRatio, formatSeconds, formatTable } from '../../bench/table.mjs';
import { aboveCeiling, evaluateTargets, type Results } from '../../bench/targets.mjs';

it('every rewrite rule is measured', () => {
  expect(RULE_NAMES).toEqual(Object.keys(RULES));
});

describe('statistics', () => {
  it('median and spread', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([NaN])).toBeNaN();
    expect(spread([9, 10, 11])).toBeCloseTo(0.1);
    // The machine was half as fast in the second round, for both; the third of `a` is missing.
    expect(pairedRatio([1, 2], [2, 4, 3])).toBe(0.5);
    expect(pairedRatio(undefined, [1])).toBeNaN();
  });
});

describe('tables', () => {
  it('line up', () => {
    const rows = [
      ['a', '1'],
      ['long name', '23.4 µs'],
    ];
    expect(formatTable('title', ['', 'time'], rows)).toBe(
      ['title', '              time', '─────────  ───────', 'a                1', 'long name  23.4 µs'].join(
        '\n',
      ),
    );
    expect(formatTable('empty', ['a', 'b'], [])).toBe('empty\na  b\n─  ─');
  });

  it('show figures of every size', () => {
    expect([0, 1.234e-6, 1.234e-3, 12.34, NaN, undefined].map(formatSeconds)).toEqual([
      '0.00 µs',
      '1.23 µs',
      '1.23 ms',
      '12.3 s',
      '–',
      '–',
    ]);
    expect([1.234, 345.6, NaN, undefined].map((ratio) => formatRatio(ratio))).toEqual([
      '1.23',
      '346',
      '–',
      '–',
    ]);
    expect([512, 10240000].map(formatBytes)).toEqual(['0.5 KiB', '10000 KiB']);
  });
});

it('sums what training must keep', () => {
  // 2-16-2: 82 parameters; rows of 2 inputs, 16 values before and after the activation, 2 logits.
  const workload = { layers: [2, 16, 2], batch: 4 };
  expect(neededBytes(workload, 82, 0)).toBe(4 * (2 * 82 + 4 * 36));
  expect(neededBytes(workload, 82, 0.9)).toBe(4 * (3 * 82 + 4 * 36));
});

describe('targets', () => {
  const timing = (seconds: number, share?: number) => ({
    seconds,
    share,
    spread: 0,
    rounds: [seconds, 2 * seconds],
    ratios: [],
    version: '',
  });
  const shape = (batch: number, inFeatures: number, outFeatures: number) => ({
    batch,
    inFeatures,
    outFeatures,
  });
  const kernel = (kind: string, at: ReturnType<typeof shape>, gflops: number, more = {}) => ({
    build: 'relaxed',
    kind,
    shape: at,
    gflops,
    share: gflops / 50,
    spread: 0,
    ...more,
  });
  const results: Results = {
    ceiling: { relaxed: 50, strict: 40 },
    kernels: [
      kernel('forward', shape(32, 128, 128), 45),
      kernel('forward', shape(64, 128, 256), 43),
      kernel('forward', shape(16, 128, 256), 1),
      kernel('inputGradient', shape(32, 128, 128), 41),
      kernel('weightGradient', shape(32, 128, 128), 39),
      kernel('forward', shape(17, 17, 17), 1, { ofNeighbour: 0.5 }),
      kernel('forward', shape(15, 17, 17), 1, { ofNeighbour: 0.1 }),
    ],
    steps: [
      {
        workload: '784-128-10 @ 32',
        peers: { [OURS]: timing(1, 0.8), [TFJS]: timing(15), [JAX]: timing(3), [OURS_STRICT]: timing(2) },
      },
      {
        workload: '2-16-2 @ 4',
        peers: { [OURS]: timing(1), [OURS_LOOP]: timing(10), [PYTORCH]: timing(160) },
      },
    ],
    predictions: [
      {
        workload: '784-128-10 @ 1',
        peers: { [OURS]: timing(2), [OURS_STRICT]: timing(1), [PYTORCH]: timing(3), [TFJS]: timing(8) },
      },
    ],
    epochs: [
      { workload: 'a', share: 0.95 },
      { workload: 'b', share: 0.91 },
    ],
    threads: [{ workload: '784-512-512-10 @ 256', ratio: 1.8 }],
  };
  const rows = evaluateTargets(results);
  const find = (what: string, figure: string) =>
    rows.find((row) => row.what.includes(what) && row.figure.includes(figure))!;

  it.each([
    ['784-128-10 @ 32', TFJS, 15, true],
    ['784-128-10 @ 32', JAX, 3, false],
    ['784-128-10 @ 32', 'share', 0.8, true],
    ['2-16-2 @ 4, step by fit', PYTORCH, 160, true],
    ['2-16-2 @ 4, step by the spelled-out loop', PYTORCH, 16, true],
    ['forward', 'share', 0.86, true],
    ['both gradients', 'share', 0.78, false],
    ['one row', PYTORCH, 1.5, true],
    ['whole epochs', '(b)', 0.91, true],
    ['odd shapes', '17, 17 → 17', 0.5, false],
    ['two threads', 'one thread', 1.8, true],
    ['strict build', '784-128-10 @ 32', 0.5, false],
  ])('%s, %s', (what, figure, measured, met) => {
    const row = find(what, figure);
    expect(row.measured).toBeCloseTo(measured);
    expect(row.met).toBe(met);
  });

  it('say what the ceiling itself would give', () => {
    const row = find('784-128-10 @ 32', TFJS);
    const share = find('784-128-10 @ 32', 'share of the ceiling').measured;
    expect(row.limit).toBeCloseTo(row.measured / share, 9);
  });

  it('that were not measured are neither met nor missed', () => {
    expect(find('784-128-10 @ 32', PYTORCH).met).toBeUndefined();
    expect(find('weight gradient + SGD', '').met).toBeUndefined();
    expect(evaluateTargets({ ceiling: {} }).every(({ met }) => met === undefined)).toBe(true);
  });

  it('find kernels above the ceiling', () => {
    expect(aboveCeiling(results)).toEqual([]);
    const careless = { ...results.kernels![0], share: 1.01 };
    expect(aboveCeiling({ kernels: [...results.kernels!, careless] })).toEqual([careless]);
  });
});
