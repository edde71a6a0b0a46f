import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from '../../scripts/pack.mjs';
import { plain, threaded } from '../../src/core/binariesInside.js';
import { unpack } from '../../src/core/unpack.js';
import { root } from '../support/files.js';

const built = (name: string): Buffer => readFileSync(join(root, `build/wasm/${name}.wasm`));

describe('what is packed into the JavaScript', () => {
  it.each(['strict', 'relaxed'] as const)('is the %s build, byte for byte', async (name) => {
    expect(Buffer.compare(plain(name), built(name))).toBe(0);
    expect(Buffer.compare(await threaded(name), built(`${name}-threads`))).toBe(0);
  });
});

describe('unpack', () => {
  it('gives back what pack was given, with what was known and without', () => {
    const bytes = fc
      .array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 200 })), { maxLength: 40 })
      .map((runs) => new Uint8Array(runs.flatMap(([byte, times]) => Array(times).fill(byte))));
    fc.assert(
      fc.property(bytes, bytes, fc.uint8Array({ maxLength: 300 }), (a, b, c) => {
        for (const code of [a, c, new Uint8Array([...c, ...a, ...c])].filter(({ length }) => length > 0)) {
          expect(unpack(pack(code))).toEqual(code);
          expect(unpack(pack(code, b), b)).toEqual(code);
        }
      }),
      { numRuns: 15 },
    );
  });
});
