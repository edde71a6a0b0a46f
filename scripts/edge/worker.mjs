import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';

const requireThere = createRequire(new URL('../../tests/runtimes/package.json', import.meta.url));
/** @type {{ Miniflare: new (options: object) => Miniflare }} */
const { Miniflare } = requireThere('miniflare');

/**
 * What is used here of Miniflare, which only the tests install.
 *
 * @typedef {object} Miniflare
 * @property {Promise<URL>} ready
 * @property {(url: string, init?: RequestInit) => Promise<Response>} dispatchFetch
 * @property {() => Promise<void>} dispose
 */

/** @type {{ exports: { '.': { workerd: string } } }} */
const manifest = requireThere('../../package.json');

/** Files that workerd takes as they are, and as what. */
const TYPES = /** @type {const} */ ({ wasm: 'CompiledWasm', bin: 'Data' });

/**
 * A Worker as wrangler would send it: one file of JavaScript, with modules of other kinds beside it.
 *
 * @param {string} file its path from the project's folder
 */
export async function bundleWorker(file) {
  /** @type {Map<string, { type: 'CompiledWasm' | 'Data', path: string, contents: Uint8Array<ArrayBuffer> }>} */
  const others = new Map();
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const bundle = await rollup({
    input: root + file,
    plugins: [
      {
        name: 'modules of other kinds',
        resolveId(source, importer) {
          if (source === 'wasmgrad') return root + manifest.exports['.'].workerd;
          const [, ending] = /\.(wasm|bin)$/.exec(source) ?? [];
          if (!ending || !importer) return null;
          const path = basename(source);
          const contents = new Uint8Array(readFileSync(new URL(source, `file://${importer}`)));
          others.set(path, { type: TYPES[/** @type {keyof typeof TYPES} */ (ending)], path, contents });
          return { id: `./${path}`, external: true };
        },
      },
      nodeResolve({ exportConditions: ['workerd'], modulesOnly: true }),
    ],
  });
  const { output } = await bundle.generate({ format: 'es', inlineDynamicImports: true });
  await bundle.close();
  return [
    { type: /** @type {const} */ ('ESModule'), path: 'worker.js', contents: output[0].code },
    ...others.values(),
  ];
}

/**
 * Starts a Worker in workerd.
 *
 * @param {Awaited<ReturnType<typeof bundleWorker>>} modules
 * @param {object} [options] of Miniflare, besides
 */
export function startWorker(modules, options = {}) {
  return new Miniflare({
    host: '127.0.0.1',
    modulesRoot: '.',
    compatibilityDate: '2026-04-01',
    modules,
    ...options,
  });
}
