import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup, type Plugin } from 'rollup';
import type { Report, SuiteOptions } from '../conformance/suite.js';
import { RUN_LIMIT, within } from './limit.js';

// Edge functions come as bundles. Each of these two hosts has its own way to hand in compiled WebAssembly.

const require = createRequire(import.meta.url);

/** The version of an installed package. */
function versionOf(name: string): string {
  return (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as { version: string }).version;
}

/** A runtime that runs the suite as an edge function. */
export interface EdgeFunction {
  readonly version: string;
  run(options: SuiteOptions): Promise<Report>;
  close(): Promise<void>;
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
    output: undefined,
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

/** Cloudflare's workerd, through Miniflare. */
export async function startWorkerd(app: string): Promise<EdgeFunction> {
  const { Miniflare } = await import('miniflare');
  const { code, binaries } = await bundle(join(app, 'workerd.js'), 'workerd', 'es');
  const miniflare = new Miniflare({
    host: '127.0.0.1',
    compatibilityDate: '2026-01-01',
    modules: [
      { type: 'ESModule', path: 'main.js', contents: code },
      ...[...binaries].map(([path, contents]) => ({ type: 'CompiledWasm' as const, path, contents })),
    ],
  });
  return {
    version: versionOf('workerd'),
    async run(options) {
      const request = miniflare.dispatchFetch('http://localhost/', { method: 'POST', body: JSON.stringify(options) });
      const response = await within(RUN_LIMIT, 'workerd', request);
      return (await response.json()) as Report;
    },
    close: () => miniflare.dispose(),
  };
}

/** Vercel's edge-runtime, a fresh one for each run: functions keep their engine. */
export async function startEdgeRuntime(app: string): Promise<EdgeFunction> {
  const { EdgeRuntime } = await import('edge-runtime');
  const { code, binaries } = await bundle(join(app, 'edge.js'), 'edge-light', 'iife');
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, bytes] of binaries) modules.set(name, await WebAssembly.compile(new Uint8Array(bytes)));
  return {
    version: versionOf('edge-runtime'),
    async run(options) {
      const runtime = new EdgeRuntime({
        initialCode: code,
        extend: (context) => Object.assign(context, Object.fromEntries(modules)),
      });
      const request = runtime.dispatchFetch('http://localhost/', { method: 'POST', body: JSON.stringify(options) });
      const response = await within(RUN_LIMIT, 'edge-runtime', request);
      await response.waitUntil();
      return (await response.json()) as Report;
    },
    close: async () => undefined,
  };
}
