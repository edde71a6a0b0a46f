import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesIn, root } from '../support/files.js';

const sources = (folder: string): string[] =>
  filesIn(folder, '.ts').filter((file) => !file.endsWith('.d.ts'));

/** Files of the project that each file imports. */
function graph(files: readonly string[], types: boolean): Map<string, string[]> {
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const all = [...text.matchAll(/^(?:import|export) (type )?[^;]*?from '(\.[^']+)'/gms)];
      const imports = all
        .filter(([, type]) => types || !type)
        // Builds of the core, which stand in dist/ beside what imports them.
        .filter(([, , path]) => !/\.wasm(\?module)?$/.test(path))
        .map(([, , path]) => {
          const target = relative(root, join(root, dirname(file), path));
          const source = target.endsWith('.js') ? target.replace(/\.js$/, '.ts') : `${target}.ts`;
          return existsSync(join(root, source)) ? source : target;
        });
      return [file, imports];
    }),
  );
}

/** The rooms of src/, and what each may look into besides itself. */
const MAY_IMPORT: Record<string, string[]> = {
  core: [],
  tensor: ['core'],
  losses: ['tensor', 'core'],
  nn: ['losses', 'tensor', 'core'],
  optim: ['tensor', 'core'],
  data: ['tensor', 'core'],
  train: ['nn', 'losses', 'optim', 'data', 'tensor', 'core'],
  // The steps of a model, and no module.
  forward: ['tensor', 'core'],
  io: ['forward', 'train', 'nn', 'optim', 'tensor', 'core'],
  // Readers of formats, and no module.
  infer: ['io', 'forward', 'tensor', 'core'],
  worker: ['io', 'train', 'nn', 'losses', 'optim', 'data', 'tensor', 'core'],
};

const SHARED = ['assembly/opcodes.ts', 'assembly/forward/format.ts', 'assembly/gemm/limits.ts'];
const STORED_MODEL = 'src/io/storedModel.ts';

const src = graph(sources('src'), true);
const assembly = graph(sources('assembly'), true);

describe('imports point one way', () => {
  it('between the rooms of src', () => {
    const wrong: string[] = [];
    for (const [file, imports] of src) {
      const room = file.split('/')[1];
      if (room === 'index.ts') continue;
      expect(Object.keys(MAY_IMPORT)).toContain(room);
      for (const target of imports) {
        const [tree, other] = target.split('/');
        if (tree === 'assembly') {
          // The formats of instructions are all that both sides share.
          if (!SHARED.includes(target)) wrong.push(`${file} → ${target}`);
        } else if (target === STORED_MODEL) {
          // What readers and writers hand each other.
          continue;
        } else if (other !== room && !MAY_IMPORT[room].includes(other)) wrong.push(`${file} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(src.size).toBeGreaterThan(30);
  });

  it('to files that exist, and never to src/index.ts', () => {
    for (const [file, imports] of [...src, ...assembly]) {
      for (const target of imports) {
        expect(existsSync(join(root, target)), `${file} → ${target}`).toBe(true);
        expect(target).not.toBe('src/index.ts');
      }
    }
  });

  // Types may refer to each other: a value knows the call that made it, a call its inputs.
  it.each(['src', 'assembly'])('without a circle in %s when it is loaded', (folder) => {
    const files = graph(sources(folder), false);
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      expect(path, [...path, file].join(' → ')).not.toContain(file);
      if (done.has(file)) return;
      for (const target of files.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files.keys()) visit(file, []);
  });

  it('from assembly/ only within assembly/', () => {
    for (const [file, imports] of assembly) {
      for (const target of imports) expect(target.startsWith('assembly/'), `${file} → ${target}`).toBe(true);
    }
  });
});

describe('the house', () => {
  it('reads build features in one place', () => {
    for (const file of assembly.keys()) {
      const text = readFileSync(join(root, file), 'utf8');
      if (file !== 'assembly/simd.ts') expect(text.includes('ASC_FEATURE'), file).toBe(false);
    }
  });

  it('has no file that is a drawer for leftovers', () => {
    for (const file of [...src.keys(), ...assembly.keys()])
      expect(file).not.toMatch(/util|helper|misc|common/i);
  });

  it('has files that can be read in one go', () => {
    for (const file of [...src.keys(), ...assembly.keys()]) {
      const lines = readFileSync(join(root, file), 'utf8').split('\n').length;
      expect(lines, file).toBeLessThanOrEqual(450);
    }
  });
});
