import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sizes } from '../../scripts/size.mjs';
import { root } from '../support/files.js';

describe('the sizes that the README states', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, library, build, threads] =
    /(\d+) kB gzipped for the whole library.*?(\d+) kB for a build by itself, (\d+) with threads/s
      .exec(readme)!
      .map(Number);

  it.each(sizes())('$file', ({ file, gzipped }) => {
    const stated = file === 'web/index.js' ? library : file.endsWith('-threads.wasm') ? threads : build;
    expect(gzipped).toBeLessThanOrEqual(stated);
    expect(gzipped).toBeGreaterThan(stated - 2);
  });
});
