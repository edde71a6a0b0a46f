import { cpSync } from 'node:fs';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { wasmPlugin } from './scripts/wasmPlugin.mjs';

/** What package.json exports: a line here, and an entry with the conditions of the others there. */
const ENTRIES = {
  index: 'index',
  io: 'io/index',
};

/** The entry that must be small. */
const INFER = { infer: 'infer/index' };

/**
 * The platforms that package.json tells apart by conditions, each with a folder of its own. What stands for `#name`, and the
 * files of workers.
 */
const PLATFORMS = {
  node: {
    modules: {
      binaries: 'core/binariesInside',
      infer: 'forward/inferInside',
      inferSmall: 'forward/inferSmall',
      files: 'io/filesNode',
      progress: 'train/progressNode',
      workers: 'core/workersNode',
    },
    workers: { workerNode: 'core/workerNode' },
  },
  web: {
    modules: {
      binaries: 'core/binariesInside',
      infer: 'forward/inferInside',
      inferSmall: 'forward/inferSmall',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      workers: 'core/workersWeb',
    },
    workers: { workerWeb: 'core/workerWeb' },
  },
  workerd: {
    modules: {
      binaries: 'core/binariesWorkerd',
      infer: 'forward/inferWorkerd',
      inferSmall: 'forward/inferWorkerd',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      workers: 'core/workersNone',
    },
    workers: {},
  },
  'edge-light': {
    modules: {
      binaries: 'core/binariesEdgeLight',
      infer: 'forward/inferEdgeLight',
      inferSmall: 'forward/inferEdgeLight',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      workers: 'core/workersNone',
    },
    workers: {},
  },
};

const compiled = (file) => new URL(`build/ts/src/${file}.js`, import.meta.url).pathname;

/** Puts the platform's modules in place of `#name`, and leaves imports of `.wasm` files to the host or its bundler. */
function platformPlugin(modules) {
  return {
    name: 'platform',
    resolveId(id) {
      if (id.startsWith('#')) return compiled(modules[id.slice(1)]);
      return /\.wasm(\?module)?$/.test(id) ? { id, external: true } : null;
    },
  };
}

/** @param prefix of the names of chunks */
const bundle = (platform, entries, prefix, minified) => ({
  input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, compiled(file)])),
  external: [/^node:/],
  makeAbsoluteExternalsRelative: false,
  output: {
    dir: `dist/${platform}`,
    format: 'es',
    // Without a hash, so that a build replaces what the one before it left behind.
    chunkFileNames: ({ name }) => `${prefix}${name.replace('_wasm_', '')}.js`,
  },
  plugins: [
    platformPlugin(PLATFORMS[platform].modules),
    wasmPlugin(),
    nodeResolve({ preferBuiltins: true }),
    commonjs(),
    terser({ module: true, ...minified }),
  ],
});

const platforms = Object.entries(PLATFORMS).flatMap(([platform, { workers }]) => [
  // Class names stay: they appear in error messages and in what users print.
  bundle(platform, { ...ENTRIES, ...workers }, '', { keep_classnames: true, compress: { passes: 2 } }),
  // By itself, so that it has nothing in its chunks that others of them need.
  bundle(platform, INFER, 'infer-', { ecma: 2020, compress: { passes: 3 } }),
]);
platforms[0].plugins.push({
  name: 'copy',
  writeBundle() {
    cpSync('build/wasm', 'dist/wasm', { recursive: true });
  },
});

export default platforms;
