import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import golden from '../reference/problems.json' with { type: 'json' };
import { root } from '../support/files.js';

const run = promisify(execFile);

async function output(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [`examples/${file}`, ...args], { cwd: root });
  return stdout;
}

/** What PyTorch 1.13 reaches with the same network, data and settings. */
const PYTORCH_ACCURACY = 0.957;

/** What each example prints in the end. */
const ENDINGS: Record<string, RegExp> = {
  'capture.js': /slope 2\.00, offset 1\.00\n$/,
  'chainRule.js': /dy\/dx = 4\n$/,
  'digits.js': /training took \d+\.\d s\ntest accuracy: 0\.9\d{3}\n$/,
  'quantize.js': /^digits: 9\d\.\d\d % in 408 kB, 9\d\.\d\d % in 103 kB\n/,
  'ownModule.js': /accuracy: (0\.9\d|1\.00)\n$/,
  'trainingLoop.js': /0 xor 0 = 0\n0 xor 1 = 1\n1 xor 0 = 1\n1 xor 1 = 0\n$/,
};

describe('examples', () => {
  // Others only read data, or are run by problems.test.ts.
  const programs = readdirSync(`${root}/examples`).filter(
    (name) =>
      name.endsWith('.js') &&
      !['mnist.js', 'table.js'].includes(name) &&
      !Object.hasOwn(golden.problems, name.slice(0, -3)),
  );

  it('are all known here', () => expect(programs.toSorted()).toEqual(Object.keys(ENDINGS).toSorted()));

  it.each(programs)('%s', async (name) => {
    expect(await output(name)).toMatch(ENDINGS[name]);
  });

  it('quantize.js loses at most half a point, on Fashion-MNIST too where that is here', async () => {
    const lost = [...(await output('quantize.js')).matchAll(/: (\S+) points lost$/gm)].map(([, points]) =>
      Number(points),
    );
    expect(lost).toHaveLength(existsSync(`${root}/build/data/fashion-mnist`) ? 2 : 1);
    for (const points of lost) expect(points).toBeLessThanOrEqual(0.5);
  });

  it('digits.js is as accurate as PyTorch, over three seeds', async () => {
    const accuracies: number[] = [];
    for (const seed of ['1', '2', '3']) {
      accuracies.push(Number(/test accuracy: (.*)/.exec(await output('digits.js', '--seed', seed))![1]));
    }
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
    expect(Math.abs(mean - PYTORCH_ACCURACY)).toBeLessThanOrEqual(0.005);
  });
});
