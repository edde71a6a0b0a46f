import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cosPi, logOfShare, powerOfTwo, wholePower } from '../../src/core/elementary.js';
import { Generator } from '../../src/core/random.js';
import { filesIn, root } from '../support/files.js';

/** A few roundings in float64. */
const ROOM = 8 * 2 ** -53;

const generator = new Generator(4);
const shares = Array.from({ length: 2000 }, () => generator.fraction());

describe('functions of our own', () => {
  it('cosPi is the cosine', () => {
    for (const share of shares) {
      for (const x of [share, -share, 1 + share, 2 + share, 40 * share, share / 1e6]) {
        // The host's is of a rounded argument: off by its rounding, and by its own.
        expect(Math.abs(cosPi(x) - Math.cos(Math.PI * x))).toBeLessThanOrEqual(
          ROOM * (1 + Math.abs(x) * Math.PI),
        );
      }
    }
    expect([0, 0.5, 1, 1.5, 2, -0.5, -1].map(cosPi).map((value) => value + 0)).toEqual([
      1, 0, -1, 0, 1, 0, -1,
    ]);
    expect(cosPi(1 / 3)).toBeCloseTo(0.5, 15);
    expect(cosPi(1 / 4)).toBeCloseTo(Math.SQRT1_2, 15);
  });

  it('logOfShare is the logarithm', () => {
    for (const share of [
      ...shares.map((value) => 1 - value),
      ...shares.map((value) => value ** 20 + 2 ** -53),
    ]) {
      const expected = Math.log(share);
      expect(Math.abs(logOfShare(share) - expected)).toBeLessThanOrEqual(ROOM * Math.abs(expected));
    }
    expect(logOfShare(1)).toBeCloseTo(0, 20);
  });

  it('powerOfTwo is the largest that is not above', () => {
    const powers = [-1074, -1073, -1022, -149, -1, 0, 1, 31, 127, 1023].map((exponent) => 2 ** exponent);
    for (const power of powers) {
      for (const x of [power, power * 1.5, power * (2 - 2 ** -52)]) {
        if (x < power * 2) expect(powerOfTwo(x)).toBe(power);
      }
    }
    expect([0, -1, NaN, Infinity].map(powerOfTwo)).toEqual([1, 1, 1, 1]);
  });

  it('wholePower is the power', () => {
    for (const base of [0, 0.1, 0.93, 1, 1.7]) {
      for (const exponent of [0, 1, 2, 3, 7, 30]) {
        const expected = base ** exponent;
        expect(Math.abs(wholePower(base, exponent) - expected)).toBeLessThanOrEqual(40 * ROOM * expected);
      }
    }
  });
});

it('nothing that sets weights or learning rates asks the host for what hosts round differently', () => {
  const files = ['core', 'tensor', 'nn', 'losses', 'optim', 'data'].flatMap((room) =>
    filesIn(`src/${room}`, '.ts'),
  );
  const found = files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter(
        (line) =>
          /Math\.(sin|cos|tan|log\w*|exp\w*|pow|\w+h|cbrt|hypot)\(/.test(line) && !/^\s*(\*|\/\/)/.test(line),
      )
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});
