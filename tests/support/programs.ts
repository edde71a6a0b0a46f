import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './files.js';

/** A program out of the documentation. */
export interface Program {
  /** Where it begins: file and line. */
  readonly name: string;
  readonly code: string;
}

/** The TypeScript of a page. A block that imports begins a program, the blocks after it go on with it. */
export function markdownPrograms(file: string): Program[] {
  const text = readFileSync(join(root, file), 'utf8');
  const programs: { name: string; code: string }[] = [];
  for (const match of text.matchAll(/^```ts\n(.*?)^```/gms)) {
    const line = text.slice(0, match.index).split('\n').length;
    const code = match[1];
    if (/^import /m.test(code) || programs.length === 0) programs.push({ name: `${file}:${line}`, code });
    else programs.at(-1)!.code += code;
  }
  return programs;
}

/** The examples of a source file's docstrings. */
export function examplePrograms(file: string): Program[] {
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

/** The program with its claims, `expression; // value`, as calls of `documented`. */
export function withClaims({ name, code }: Program): { code: string; claims: number } {
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
  return { code: result, claims };
}
