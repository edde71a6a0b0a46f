import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/files.js';
import { installed, run, type Project } from '../support/installed.js';

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
};

/** The folder of dist that each condition leads to; the first that holds decides. */
const CONDITIONS = {
  workerd: 'workerd',
  'edge-light': 'edge-light',
  deno: 'node',
  bun: 'node',
  node: 'node',
  browser: 'web',
  default: 'web',
};

describe('package.json', () => {
  it.each(Object.entries(exports).filter(([name]) => name !== './wasm/*'))(
    'exports %s to every host, types first',
    (_, entry) => {
      expect(Object.keys(entry)).toEqual(['types', ...Object.keys(CONDITIONS)]);
      const { types, ...files } = entry as Record<string, string>;
      for (const file of [types, ...Object.values(files)])
        expect(existsSync(join(root, file)), file).toBe(true);
      for (const [condition, folder] of Object.entries(CONDITIONS)) {
        expect(files[condition].split('/').slice(1, -1)).toEqual(['dist', folder]);
        expect(files[condition].split('/').at(-1)).toBe(files.default.split('/').at(-1));
      }
    },
  );
});

describe('where bytes may not be compiled', () => {
  it.each([
    ['workerd', ['../wasm/infer.wasm', '../wasm/relaxed.wasm', '../wasm/strict.wasm']],
    ['edge-light', ['../wasm/infer.wasm?module', '../wasm/strict.wasm?module']],
  ])('the entries for %s import modules, and compile nothing', (platform, modules) => {
    const folder = join(root, 'dist', platform);
    // What exportWasm() writes into a file lies in `io` as base64.
    const text = readdirSync(folder)
      .map((file) => {
        const code = readFileSync(join(folder, file), 'utf8');
        return file === 'io.js' ? code.replaceAll(/"[A-Za-z0-9+/=]{200,}"/g, '""') : code;
      })
      .join('\n');
    const imported = [...text.matchAll(/from"([^"]*\.wasm[^"]*)"/g)].map(([, from]) => from);
    expect([...new Set(imported)].toSorted()).toEqual(modules);
    for (const from of modules)
      expect(existsSync(join(folder, from.replace('?module', ''))), from).toBe(true);
    // What is carried inside elsewhere begins like this: packed code is long base64.
    expect(text).not.toMatch(/[A-Za-z0-9+/]{200}/);
    expect(text).not.toContain('new Worker');
  });
});

describe('the packed package', () => {
  let project: Project;
  beforeAll(async () => {
    project = await installed();
  });
  afterAll(() => project.remove());

  const command = (name: string, ...args: string[]): Promise<{ stdout: string }> =>
    run(process.execPath, [join(root, 'node_modules', name), ...args], { cwd: root, timeout: 60_000 });

  it('is as publint wants it', async () => {
    const { stdout } = await command('publint/src/cli.js', 'run', project.tarball, '--strict');
    expect(stdout).toContain('All good!');
  });

  it('has types that everybody resolves who can load it', async () => {
    // ES modules only: what CommonJS and the resolution of Node 10 make of it is not asked.
    const { stdout } = await command(
      '@arethetypeswrong/cli/dist/index.js',
      project.tarball,
      '--profile',
      'esm-only',
      '--format',
      'ascii',
      '--no-color',
      '--no-emoji',
    );
    // It fails where it finds something.
    expect(stdout.match(/node16 \(from ESM\): OK \(ESM\)/g)).toHaveLength(Object.keys(exports).length - 1);
    expect(stdout.match(/bundler: OK/g)).toHaveLength(Object.keys(exports).length - 1);
    for (const name of Object.keys(exports).slice(1)) expect(stdout).toContain(`"wasmgrad${name.slice(1)}"`);
  });

  it('holds what is needed and nothing else', async () => {
    const { stdout } = await run('tar', ['-tzf', project.tarball]);
    const files = stdout.trim().split('\n');
    for (const file of files) {
      expect(file).toMatch(/^package\/(dist\/|docs\/[a-z]+\.md$|package\.json$|README\.md$|LICENSE$)/);
    }
    const { size } = await import('node:fs').then(({ statSync }) => statSync(project.tarball));
    expect(size).toBeLessThan(640_000);
  });
});
