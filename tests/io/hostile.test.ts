import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/files.js';
import { FORMATS, hostile, random, tryFile } from '../support/fuzz.js';

const folder = join(root, 'tests/io/cases');

describe.each(Object.entries(FORMATS))('hostile files: %s', (name, format) => {
  it('are read or refused in words, in bounded time and memory', async () => {
    const draw = random(6);
    const seeds = format.seeds();
    for (const seed of seeds) expect(await tryFile(format, seed)).toBe(true);
    let refused = 0;
    for (let i = 0; i < 1000; i++) if (!(await tryFile(format, hostile(format, seeds, draw)))) refused++;
    expect(refused).toBeGreaterThan(500);
  });

  it('that were found before are too', async () => {
    for (const file of readdirSync(folder).filter((file) => file.startsWith(`${name}-`))) {
      await tryFile(format, new Uint8Array(readFileSync(join(folder, file))));
    }
  });
});
