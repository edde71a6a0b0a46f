import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { root } from '../support/files.js';
import { inEdgeRuntime, inWorkerd } from './edge.js';
import { print, PROGRAMS } from './processes.js';

// The lines to copy in docs/runtimes.md, run where the page says.

const app = inject('app');
const page = readFileSync(join(root, 'docs/runtimes.md'), 'utf8');
const [program, module, worker, edge] = [...page.matchAll(/^```js\n(.*?)^```/gms)].map((match) => match[1]);

/** Writes a file of the project outside, and gives its path. */
function file(name: string, code: string): string {
  const path = join(app, name);
  writeFileSync(path, code);
  return path;
}

/** One number, as a console or JSON shows it; builds round it differently. */
function expectPrediction(shown: unknown): void {
  const [value] = (typeof shown === 'string' ? JSON.parse(shown) : shown) as number[];
  expect(value).toBeCloseTo(PREDICTION, 5);
}

/** What the page's model predicts without training: weights come from a seed. */
const PREDICTION = -0.034092;

describe('the lines to copy', () => {
  it('are three in each place', () => {
    for (const code of [program, module, worker, edge]) expect(code.trim().split('\n')).toHaveLength(3);
  });

  it.each([...PROGRAMS].filter(([, found]) => found))('run in %s', async (_, found) => {
    file('lines.js', program);
    expectPrediction(await print(found!, app, 'lines.js'));
  });

  // Browsers load the same file in runtimes.test.ts; it needs nothing that only they have.
  it('of pages load the file that they name', async () => {
    file('lines.js', module);
    expectPrediction(await print({ name: 'Node', path: process.execPath, args: [] }, app, 'lines.js'));
  });

  it('run in workerd', async () => {
    expectPrediction(await inWorkerd(file('lines.js', worker), null));
  });

  it('run in edge-runtime', async () => {
    file('lines.js', edge);
    const host =
      "import answer from './lines.js';\naddEventListener('fetch', (event) => event.respondWith(answer()));\n";
    expectPrediction(await inEdgeRuntime(file('linesHost.js', host), null));
  });
});
