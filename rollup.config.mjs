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
  },
  // The host's condition decides which progress is loaded: see "imports" in package.json.
  external: ['#progress', /^node:/],
  output: { dir: 'dist', format: 'es', chunkFileNames: '[name]-[hash].js' },
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
