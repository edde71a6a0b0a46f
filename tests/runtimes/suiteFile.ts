import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rollup, type Plugin } from 'rollup';
import ts from 'typescript';
import { root } from '../support/files.js';
import { markdownPrograms, withClaims } from '../support/programs.js';

const compilerOptions: ts.CompilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };

/** TypeScript files behind the names that they import each other by. */
function typescript(): Plugin {
  return {
    name: 'typescript',
    resolveId(id, from) {
      return id.startsWith('.') && from ? join(from, '..', id.replace(/\.js$/, '.ts')) : null;
    },
    load(id) {
      return id.endsWith('.ts')
        ? ts.transpileModule(readFileSync(id, 'utf8'), { compilerOptions }).outputText
        : null;
    },
  };
}

/** `readme:programs`: the README's programs as functions that take the package, their claims checked. */
function readme(): Plugin {
  const ID = 'readme:programs';
  return {
    name: 'readme',
    resolveId: (id) => (id === ID ? id : null),
    load(id) {
      if (id !== ID) return null;
      const programs = markdownPrograms('README.md').map((program) => {
        const { outputText } = ts.transpileModule(withClaims(program).code, { compilerOptions });
        const code = outputText
          .replace(/^import (\{[^}]*\}) from 'wasmgrad';$/gm, 'const $1 = wasmgrad;')
          .replace(/^export \{\};$/gm, '');
        if (/^import /m.test(code)) {
          throw new Error(
            `${program.name} imports more than 'wasmgrad', which no host of this suite gives it`,
          );
        }
        return `${JSON.stringify(program.name)}: async (wasmgrad) => {\n${code}\n}`;
      });
      return `import { documented } from '${join(root, 'tests/support/documented.ts')}';\nexport const README = {\n${programs.join(',\n')}\n};`;
    },
  };
}

/** Writes tests/conformance as one module that imports nothing. */
export async function writeSuite(file: string): Promise<void> {
  const bundle = await rollup({
    input: join(root, 'tests/conformance/suite.ts'),
    plugins: [readme(), typescript()],
    onwarn(warning) {
      // Modules and their cases refer to each other by types alone, which are gone here.
      throw new Error(warning.message);
    },
  });
  await bundle.write({ file, format: 'es' });
  await bundle.close();
}
