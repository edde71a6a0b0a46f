import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { wasmPlugin } from './scripts/wasmPlugin.mjs';

const path = (file) => fileURLToPath(new URL(file, import.meta.url));

// Node 20 has relaxed SIMD behind a flag; later versions have it always and refuse the flag.
const relaxed = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : [];

/** What runs on one engine, and so in a run of its own for each build. */
const ENGINE_TESTS = 'tests/{core,tensor,nn,losses,optim,data,train,io,forward,infer,worker}/**/*.test.ts';

/** What runs the built package in other runtimes. */
const RUNTIME_TESTS = 'tests/runtimes/*.test.ts';

const onBuild = (build, name = build, threads = 1, include = ENGINE_TESTS) => ({
  extends: true,
  test: {
    name,
    include: [include],
    env: { BUILD: build, THREADS: String(threads) },
    setupFiles: ['tests/support/build.ts'],
  },
});

export default defineConfig({
  plugins: [wasmPlugin()],
  resolve: {
    alias: {
      'wasmgrad/infer': path('./src/infer/index.ts'),
      'wasmgrad/io': path('./src/io/index.ts'),
      'wasmgrad/worker': path('./src/worker/index.ts'),
      wasmgrad: path('./src/index.ts'),
      '#binaries': path('./src/core/binariesInside.ts'),
      '#inferBytes': path('./src/forward/inferBytesPacked.ts'),
      '#inferSmall': path('./src/forward/inferSmall.ts'),
      '#infer': path('./src/forward/inferInside.ts'),
      '#files': path('./src/io/filesNode.ts'),
      '#progress': path('./src/train/progressNode.ts'),
      '#inspect': path('./src/tensor/inspectNode.ts'),
      '#trainer': path('./tests/support/trainer.ts'),
      '#workers': path('./src/core/workersNode.ts'),
    },
  },
  test: {
    pool: 'forks',
    execArgv: ['--expose-gc', ...relaxed],
    testTimeout: 300_000,
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'build/test-results.json' }]]
      : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['tests/**/*.test.ts'],
          exclude: [ENGINE_TESTS, RUNTIME_TESTS, '**/node_modules/**'],
        },
      },
      {
        extends: true,
        test: { name: 'runtimes', include: [RUNTIME_TESTS], globalSetup: ['tests/runtimes/app.ts'] },
      },
      onBuild('strict'),
      onBuild('relaxed'),
      onBuild('strict', 'threads', 3, 'tests/{tensor,nn,losses,optim,train}/**/*.test.ts'),
    ],
  },
});
