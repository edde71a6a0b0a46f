import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it, vi } from 'vitest';
import { filesIn, root } from '../support/files.js';
import { examplePrograms, markdownPrograms, withClaims } from '../support/programs.js';

// Runs every TypeScript block of the README, of docs/ and of the @examples in src/. A block that imports begins a
// program, the blocks after it go on with it. `expression; // value` is a claim, and checked.

const out = join(root, 'build/docs-code');

const programs = [
  ...['README.md', ...filesIn('docs', '.md').filter((file) => !file.startsWith('docs/api'))].flatMap(
    markdownPrograms,
  ),
  ...filesIn('src', '.ts').flatMap(examplePrograms),
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const files = programs.map((program, i) => {
  const file = join(out, `${String(i).padStart(2, '0')}.ts`);
  const { code, claims } = withClaims(program);
  const from = `import { documented } from '../../tests/support/documented.js';\n`;
  writeFileSync(file, `${from}${code}\nexport {};\n`);
  return { ...program, file, claims };
});

describe('code in the documentation', () => {
  it('is found', () => {
    expect(programs.length).toBeGreaterThan(15);
    expect(files.reduce((sum, { claims }) => sum + claims, 0)).toBeGreaterThan(30);
  });

  it('is strict TypeScript', () => {
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
      ts.sys,
      root,
    );
    const program = ts.createProgram([...files.map(({ file }) => file), join(root, 'src/core/wasm.d.ts')], {
      ...options,
      noEmit: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
    });
    const problems = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
      const place =
        files.find(({ file }) => file === diagnostic.file?.fileName)?.name ?? diagnostic.file?.fileName;
      return `${place}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')}`;
    });
    expect(problems).toEqual([]);
  });

  it.each(files)('$name runs and does what it says', async ({ file }) => {
    // With an engine of its own, as configure() wants it.
    vi.resetModules();
    await import(/* @vite-ignore */ file);
  });
});
