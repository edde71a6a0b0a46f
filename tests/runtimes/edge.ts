import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup, type Plugin } from 'rollup';
import type { Report, SuiteOptions } from '../conformance/suite.js';
import { RUN_LIMIT, START_LIMIT, within } from './limit.js';

// Edge functions come as bundles. Each of these two hosts has its own way to hand in compiled WebAssembly.

const require = createRequire(import.meta.url);

/** The version of an installed package. */
function versionOf(name: string): string {
  return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string })
    .version;
}

/** Leaves imports of `.wasm` files to `take`, which names each by what it is given. */
function wasmFiles(found: Map<string, Buffer>): Plugin {
  return {
    name: 'wasm-files',
    resolveId(id, from) {
      const [, path] = /^(.+\.wasm)(\?module)?$/.exec(id) ?? [];
      if (!path || !from) return null;
      const name = path.replaceAll(/\W/g, '_');
      found.set(name, readFileSync(join(dirname(from), path)));
      return { id: name, external: true };
    },
  };
}

async function bundle(
  file: string,
  condition: string,
  format: 'es' | 'iife',
): Promise<{ code: string; binaries: Map<string, Buffer> }> {
  const binaries = new Map<string, Buffer>();
  const made = await rollup({
    input: file,
    plugins: [wasmFiles(binaries), nodeResolve({ exportConditions: [condition] })],
  });
  const { output } = await made.generate({
    format,
    inlineDynamicImports: true,
    // In a script, what was imported is a global variable of that name.
    globals: (id) => id,
  });
  await made.close();
  return { code: output[0].code, binaries };
}

/** What a function answers, in time. */
async function answer(what: string, response: Promise<{ json(): Promise<unknown> }>): Promise<unknown> {
  return (await within(RUN_LIMIT, what, response)).json();
}

/** Runs a Worker in Cloudflare's workerd, through Miniflare, and gives what it answers. */
export async function inWorkerd(file: string, body: unknown): Promise<unknown> {
  const { Miniflare } = await import('miniflare');
  const { code, binaries } = await bundle(file, 'workerd', 'es');
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    compatibilityDate: '2026-01-01',
    modules: [
      { type: 'ESModule', path: 'main.js', contents: code },
      ...[...binaries].map(([path, contents]) => ({
        type: 'CompiledWasm' as const,
        path,
        contents: new Uint8Array(contents),
      })),
    ],
  });
  try {
    const request = { method: 'POST', body: JSON.stringify(body) };
    return await answer('workerd', miniflare.dispatchFetch('http://localhost/', request));
  } finally {
    await within(START_LIMIT, 'ending workerd', miniflare.dispose());
  }
}

/** Runs a script in Vercel's edge-runtime, and gives what it answers. */
export async function inEdgeRuntime(file: string, body: unknown): Promise<unknown> {
  const { EdgeRuntime } = await import('edge-runtime');
  const { code, binaries } = await bundle(file, 'edge-light', 'iife');
  const modules: Record<string, WebAssembly.Module> = {};
  for (const [name, bytes] of binaries) modules[name] = await WebAssembly.compile(new Uint8Array(bytes));
  const runtime = new EdgeRuntime({
    initialCode: code,
    extend: (context) => Object.assign(context, modules),
  });
  const request = { method: 'POST', body: JSON.stringify(body) };
  return answer('edge-runtime', runtime.dispatchFetch('http://localhost/', request));
}

/** Each host of edge functions: its version, and how it runs the suite. */
export const EDGE: ReadonlyMap<
  string,
  { version(): string; run(app: string, options: SuiteOptions): Promise<Report> }
> = new Map([
  [
    'workerd',
    {
      version: () => versionOf('workerd'),
      run: async (app, options) => (await inWorkerd(join(app, 'workerd.js'), options)) as Report,
    },
  ],
  [
    'edge-runtime',
    {
      version: () => versionOf('edge-runtime'),
      run: async (app, options) => (await inEdgeRuntime(join(app, 'edge.js'), options)) as Report,
    },
  ],
]);
