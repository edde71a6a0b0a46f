import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { wasmPlugin } from './scripts/wasmPlugin.mjs';

const path = (file) => fileURLToPath(new URL(file, import.meta.url));

// Node 20 has relaxed SIMD behind a flag; later versions have it always and refuse the flag.
const relaxed = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : [];

export default defineConfig({
  plugins: [wasmPlugin()],
  resolve: {
    alias: { wasmgrad: path('./src/index.ts'), '#progress': path('./src/train/progressNode.ts') },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--expose-gc', ...relaxed],
    testTimeout: 120_000,
    reporters: process.env.CI ? ['default', ['json', { outputFile: 'build/test-results.json' }]] : ['default'],
  },
});
