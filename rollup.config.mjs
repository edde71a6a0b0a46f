import { cpSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import terser from '@rollup/plugin-terser';
import { wasmPlugin } from './scripts/wasmPlugin.mjs';

/** What package.json exports: a line here, and an entry with the conditions of the others there. */
const ENTRIES = {
  index: 'index',
  io: 'io/index',
  worker: 'worker/index',
};

/** Modules that the index exports as namespaces. As files of their own, bundlers take from them what is used and no more. */
const NAMESPACES = {
  nn: 'nn/index',
  init: 'nn/initialisers',
  optim: 'optim/index',
  data: 'data/index',
  metrics: 'train/metrics/index',
  callbacks: 'train/callbacks/index',
};

/**
 * The platforms that package.json tells apart by conditions, each with a folder of its own. What stands for `#name`, and the
 * files of workers.
 */
const PLATFORMS = {
  node: {
    modules: {
      binaries: 'core/binariesInside',
      infer: 'forward/inferInside',
      inferBytes: 'forward/inferBytesPacked',
      inferSmall: 'forward/inferSmall',
      files: 'io/filesNode',
      progress: 'train/progressNode',
      inspect: 'tensor/inspectNode',
      workers: 'core/workersNode',
      trainer: 'worker/trainerNode',
    },
    workers: { workerNode: 'core/workerNode', trainingWorkerNode: 'worker/trainingWorkerNode' },
    // Programs run here as they are, and a file takes a millisecond to load; elsewhere bundlers take from many files what is used.
    together: true,
  },
  web: {
    modules: {
      binaries: 'core/binariesInside',
      infer: 'forward/inferInside',
      inferBytes: 'forward/inferBytesPacked',
      inferSmall: 'forward/inferSmall',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      inspect: 'tensor/inspectNone',
      workers: 'core/workersWeb',
      trainer: 'worker/trainerWeb',
    },
    workers: { workerWeb: 'core/workerWeb', trainingWorkerWeb: 'worker/trainingWorkerWeb' },
  },
  workerd: {
    modules: {
      binaries: 'core/binariesWorkerd',
      infer: 'forward/inferWorkerd',
      inferBytes: 'forward/inferBytesPlain',
      inferSmall: 'forward/inferWorkerd',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      inspect: 'tensor/inspectNone',
      workers: 'core/workersNone',
      trainer: 'worker/trainerNone',
    },
    workers: {},
  },
  'edge-light': {
    modules: {
      binaries: 'core/binariesEdgeLight',
      infer: 'forward/inferEdgeLight',
      inferBytes: 'forward/inferBytesPlain',
      inferSmall: 'forward/inferEdgeLight',
      files: 'io/filesNone',
      progress: 'train/progressNone',
      inspect: 'tensor/inspectNone',
      workers: 'core/workersNone',
      trainer: 'worker/trainerNone',
    },
    workers: {},
  },
};

const compiled = (file) => new URL(`build/ts/src/${file}.js`, import.meta.url).pathname;

/** What fit() loads where it is needed. */
const LAZY = { evaluate: 'train/evaluate', streams: 'data/stream' };
/** Chunks with nothing else in them, or whoever loads what is beside it would carry it at once. */
const APART = {
  evaluation: ['train/evaluate', 'train/metrics/byName'].map(compiled),
  streaming: [compiled('data/stream')],
  clip: [compiled('optim/clip')],
  checks: ['train/checks', 'core/warn'].map(compiled),
  schedule: [compiled('train/schedule')],
  counted: [compiled('train/counted')],
  anomaly: ['tensor/anomaly', 'train/traceAnomalies'].map(compiled),
};

let atOnce;

/** What the index and its namespaces load at once, without themselves. Asked of every module, found once. */
function loadedAtOnce(getModuleInfo) {
  if (atOnce) return atOnce;
  const entries = [ENTRIES.index, ...Object.values(NAMESPACES)].map(compiled);
  const found = new Set(entries);
  const visit = (id) => {
    const module = getModuleInfo(id);
    if (!module || module.isExternal || found.has(id)) return;
    found.add(id);
    module.importedIds.forEach(visit);
  };
  for (const entry of entries) getModuleInfo(entry).importedIds.forEach(visit);
  for (const entry of entries) found.delete(entry);
  return (atOnce = found);
}

/** The modules that say `export * as`. */
const NAMESPACE_EXPORTERS = ['index', 'nn/index'].map(compiled);

/** The name that a module is exported by as a namespace. */
function namespaceOf(id, importer) {
  if (!importer || !NAMESPACE_EXPORTERS.includes(importer)) return undefined;
  const file = resolve(dirname(importer), id);
  return Object.keys(NAMESPACES).find((name) => compiled(NAMESPACES[name]) === file);
}

/** Puts the platform's modules in place of `#name`, and leaves imports of `.wasm` files to the host or its bundler. */
function platformPlugin(modules) {
  return {
    name: 'platform',
    resolveId(id, importer) {
      if (id.startsWith('#')) return compiled(modules[id.slice(1)]);
      // `export * as` of a module of the same build would make an object of it, of which no bundler leaves out anything.
      const name = namespaceOf(id, importer);
      if (name) return { id: `./${name}.js`, external: true };
      return /\.wasm(\?module)?$/.test(id) ? { id, external: true } : null;
    },
  };
}

/**
 * Tells bundlers that constants of a module may be left out where nobody uses them, also those that a call makes:
 * `sideEffects` of package.json says so of files, and here many modules are in one file.
 */
const purePlugin = {
  name: 'pure',
  transform: (code, id) =>
    id.startsWith(compiled('').replace(/\.js$/, ''))
      ? {
          code: code.replace(/^((?:export )?const \w+ = )(?=(?:new )?[\w.]+\()/gm, '$1/*#__PURE__*/ '),
          map: null,
        }
      : null,
};

const platforms = Object.entries(PLATFORMS).map(([platform, { modules, workers, together }]) => ({
  input: Object.fromEntries(
    Object.entries({ ...ENTRIES, ...NAMESPACES, ...LAZY, ...workers }).map(([name, file]) => [
      name,
      compiled(file),
    ]),
  ),
  external: [/^node:/],
  makeAbsoluteExternalsRelative: false,
  output: {
    dir: `dist/${platform}`,
    format: 'es',
    hoistTransitiveImports: false,
    manualChunks: (id, { getModuleInfo }) =>
      together && loadedAtOnce(getModuleInfo).has(id)
        ? 'core'
        : Object.keys(APART).find((name) => APART[name].includes(id)),
    onlyExplicitManualChunks: true,
    // Without a hash, so that a build replaces what the one before it left behind.
    chunkFileNames: ({ name, moduleIds }) =>
      `${name === 'index' ? `${basename(dirname(moduleIds.at(-1)))}Parts` : name.replace('_wasm_', '')}.js`,
  },
  plugins: [
    purePlugin,
    platformPlugin(modules),
    wasmPlugin(),
    nodeResolve({ preferBuiltins: true }),
    commonjs(),
    // Class names stay: they appear in error messages and in what users print.
    terser({
      module: true,
      keep_classnames: true,
      compress: { passes: 2 },
      // Bundlers read some comments: what they are not to follow.
      format: { preserve_annotations: true, comments: /@vite-ignore|webpackIgnore/ },
    }),
  ],
}));

/** Which files of that entry are one. */
const SMALL_CHUNKS = [
  [
    'infer',
    [
      'infer/index',
      'forward/compile',
      'io/plainJson',
      'io/outputKind',
      'io/checkModel',
      'io/checkState',
      'io/shown',
    ].map(compiled),
  ],
  // Words for what few calls need.
  ['given', ['infer/given', 'core/shown'].map(compiled)],
  ['readSafetensors', ['infer/stored', 'infer/readSafetensors', 'forward/image'].map(compiled)],
];

/** The entry that must be small: by itself, so that it has nothing in its chunks that only others of them need. */
const small = Object.entries(PLATFORMS).map(([platform, { modules }]) => ({
  input: { infer: compiled('infer/index') },
  // Readers need what the entry has: without this it would be a file more.
  preserveEntrySignatures: 'allow-extension',
  makeAbsoluteExternalsRelative: false,
  output: {
    dir: `dist/${platform}`,
    format: 'es',
    // Two readers need them, and as files by themselves they would be most of all requests.
    manualChunks: (id) => SMALL_CHUNKS.find(([, files]) => files.includes(id))?.[0],
    chunkFileNames: ({ name }) => `infer-${name.startsWith('infer') ? 'core' : name}.js`,
  },
  plugins: [
    platformPlugin(modules),
    wasmPlugin(),
    nodeResolve(),
    terser({
      module: true,
      // What is repeated costs little once it is compressed, and what is inlined once is not.
      compress: {
        passes: 4,
        inline: 1,
        keep_fargs: false,
        pure_getters: true,
        unsafe_arrows: true,
        unsafe_methods: true,
      },
    }),
  ],
}));
platforms[0].plugins.push({
  name: 'copy',
  writeBundle() {
    cpSync('build/wasm', 'dist/wasm', { recursive: true });
  },
});

export default [...platforms, ...small];
