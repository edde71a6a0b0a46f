import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it, vi } from 'vitest';
import { filesIn, root } from '../support/files.js';

// Runs every TypeScript block of the README, of docs/ and of the @examples in src/. A block that imports begins a
// program, the blocks after it go on with it. `expression; // value` is a claim, and checked.

const out = join(root, 'build/docs-code');

interface Program {
  name: string;
  code: string;
}

function markdownPrograms(file: string): Program[] {
  const text = readFileSync(join(root, file), 'utf8');
  const programs: Program[] = [];
  for (const match of text.matchAll(/^```ts\n(.*?)^```/gms)) {
    const line = text.slice(0, match.index).split('\n').length;
    const code = match[1];
    if (/^import /m.test(code) || programs.length === 0) programs.push({ name: `${file}:${line}`, code });
    else programs.at(-1)!.code += code;
  }
  return programs;
}

function exampleOf(file: string): Program[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/@example\n\s*\* ```ts\n(.*?)\* ```/gs)].map((match) => ({
    name: `${file}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1].replaceAll(/^\s*\* ?/gm, ''),
  }));
}

/** The claim in the comment behind a statement, where there is one. */
function claimAfter(code: string, end: number): string | undefined {
  const comment = /^[^\S\n]*\/\/[^\S\n]*([^\n]*)/.exec(code.slice(end))?.[1];
  if (comment === undefined) return undefined;
  try {
    JSON.parse(comment);
    return comment;
  } catch {
    return undefined;
  }
}

function withChecks({ name, code }: Program): { code: string; claims: number } {
  const source = ts.createSourceFile('code.ts', code, ts.ScriptTarget.ES2022, true);
  let claims = 0;
  let result = code;
  for (const statement of source.statements.toReversed()) {
    if (!ts.isExpressionStatement(statement)) continue;
    const claim = claimAfter(code, statement.end);
    if (claim === undefined) continue;
    claims++;
    const expression = statement.expression.getText();
    const where = JSON.stringify(`${name}: ${expression}`);
    result = `${result.slice(0, statement.getStart())}documented(${expression}, ${claim}, ${where});${result.slice(statement.end)}`;
  }
  return {
    code: `import { documented } from '../../tests/support/documented.js';\n${result}\nexport {};\n`,
    claims,
  };
}

const programs = [
  ...['README.md', ...filesIn('docs', '.md').filter((file) => !file.startsWith('docs/api'))].flatMap(
    markdownPrograms,
  ),
  ...filesIn('src', '.ts').flatMap(exampleOf),
];

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const files = programs.map((program, i) => {
  const file = join(out, `${String(i).padStart(2, '0')}.ts`);
  const { code, claims } = withChecks(program);
  writeFileSync(file, code);
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
