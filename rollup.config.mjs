import { cpSync } from 'node:fs';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { wasmPlugin } from './scripts/wasmPlugin.mjs';

export default {
  input: {
    index: 'build/ts/src/index.js',
    progressNode: 'build/ts/src/train/progressNode.js',
    progressNone: 'build/ts/src/train/progressNone.js',
    workersNode: 'build/ts/src/core/workersNode.js',
    workersWeb: 'build/ts/src/core/workersWeb.js',
    workerNode: 'build/ts/src/core/workerNode.js',
    workerWeb: 'build/ts/src/core/workerWeb.js',
  },
  // The host's condition decides which of these is loaded: see "imports" in package.json.
  external: ['#progress', '#workers', /^node:/],
  output: {
    dir: 'dist',
    format: 'es',
    // Without a hash, so that a build replaces what the one before it left behind.
    chunkFileNames: ({ name }) => `${name.replace('_wasm_', '')}.js`,
  },
  plugins: [
    wasmPlugin(),
    nodeResolve({ preferBuiltins: true }),
    commonjs(),
    // Class names stay: they appear in error messages and in what users print.
    terser({ module: true, keep_classnames: true, compress: { passes: 2 } }),
    {
      name: 'copy',
      writeBundle() {
        cpSync('build/wasm', 'dist/wasm', { recursive: true });
      },
    },
  ],
};
