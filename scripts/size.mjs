// Prints what a user downloads: `npm run size`.
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { minify } from 'terser';

const dist = new URL('../dist/', import.meta.url).pathname;
/** @param {string} id 'wasmgrad' or 'wasmgrad/nn' */
const fileOf = (id) => `${dist}web/${id.slice('wasmgrad/'.length) || 'index'}.js`;

const MODEL = `const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));`;

/**
 * What programs import, and so carry. From `wasmgrad/nn` instead of `{ nn } from 'wasmgrad'`, because esbuild takes a namespace
 * that was exported once more as a whole; Rollup and webpack do not mind.
 */
export const PROGRAMS = {
  'a program that predicts': `
    import * as nn from 'wasmgrad/nn';
    ${MODEL}
    export const predict = (rows) => model.predict(rows);`,
  'a program that trains with fit()': `
    import { fit } from 'wasmgrad';
    import * as data from 'wasmgrad/data';
    import * as nn from 'wasmgrad/nn';
    import * as optim from 'wasmgrad/optim';
    ${MODEL}
    export const train = (x, y) =>
      fit(model, new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 32, shuffle: true }), {
        optimizer: new optim.Adam(model.parameters()),
        loss: new nn.CrossEntropyLoss(),
        epochs: 10,
      });`,
  'all layers, losses, optimizers, data, fit()': `export { data, fit, nn, optim, tensor } from 'wasmgrad';`,
  everything: `export * from 'wasmgrad';`,
};

const SUBPATHS = ['nn', 'optim', 'data'];

/** What the bundlers call it. */
const PROGRAM = 'program';

/**
 * The program with what it carries, as Rollup and Terser make it.
 *
 * @param {string} code
 */
export async function bundleWithRollup(code) {
  const bundle = await rollup({
    input: PROGRAM,
    plugins: [
      {
        name: PROGRAM,
        resolveId: (id) => (id === PROGRAM ? id : id.startsWith('wasmgrad') ? fileOf(id) : null),
        load: (id) => (id === PROGRAM ? code : null),
      },
      // Reads `sideEffects` of package.json, as users' bundlers do.
      nodeResolve({ browser: true }),
    ],
  });
  const { output } = await bundle.generate({ format: 'es' });
  const chunks = output.filter((file) => file.type === 'chunk');
  const small = await Promise.all(
    chunks.map(async ({ fileName, code: plain, imports }) => {
      const { code: text = '' } = await minify(plain, { module: true });
      return /** @type {const} */ ([fileName, { text, imports }]);
    }),
  );
  return loadedAtOnce(new Map(small), output[0].fileName);
}

/**
 * A file and those that it imports: without the ones that are loaded when they are needed.
 *
 * @param {ReadonlyMap<string, { text: string, imports: readonly string[] }>} files
 * @param {string} first
 */
function loadedAtOnce(files, first) {
  const needed = new Set([first]);
  for (const name of needed) for (const other of files.get(name)?.imports ?? []) needed.add(other);
  return [...needed].map((name) => files.get(name)?.text).join('');
}

/**
 * The program with what it carries, as esbuild makes it.
 *
 * @param {string} code
 */
export async function bundleWithEsbuild(code) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: dist, sourcefile: `${PROGRAM}.js` },
    alias: {
      ...Object.fromEntries(SUBPATHS.map((name) => [`wasmgrad/${name}`, fileOf(`wasmgrad/${name}`)])),
      wasmgrad: fileOf('wasmgrad'),
    },
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    outdir: 'unwritten',
    write: false,
    // In node_modules esbuild would not speak of imports that it leaves out.
    logLevel: 'error',
  });
  const files = outputFiles.map(({ path, text }) => {
    const imports = [...text.matchAll(/(?:import|from)\s*"\.\/([^"]+)"/g)].map(([, name]) => name);
    return /** @type {const} */ ([basename(path), { text, imports }]);
  });
  return loadedAtOnce(new Map(files), 'stdin.js');
}

/** kB (1,000 bytes). @param {string | Buffer} content */
function sizeOf(content) {
  return {
    raw: Buffer.byteLength(content) / 1000,
    gzipped: gzipSync(content, { level: 9 }).length / 1000,
  };
}

/**
 * What a page fetches that loads these files of dist/web: with all that they import, each compressed by itself.
 *
 * @param {string[]} names
 */
function filesOf(names) {
  const all = new Set(names);
  let [raw, gzipped] = [0, 0];
  for (const name of all) {
    const code = readFileSync(`${dist}web/${name}`, 'utf8');
    for (const [, other] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) all.add(other);
    const size = sizeOf(code);
    raw += size.raw;
    gzipped += size.gzipped;
  }
  return { raw, gzipped };
}

/** The programs, by Rollup and by esbuild, and each build of the core by itself. */
export async function sizes() {
  const rows = [];
  for (const [name, code] of Object.entries(PROGRAMS)) {
    rows.push({ name, by: 'Rollup', ...sizeOf(await bundleWithRollup(code)) });
    rows.push({ name, by: 'esbuild', ...sizeOf(await bundleWithEsbuild(code)) });
  }
  for (const reader of ['readSafetensors', 'readWasm', 'readOnnx', 'readLayersModel']) {
    rows.push({
      name: `infer with ${reader}`,
      by: '',
      // What all but readWasm need lies with readSafetensors.
      ...filesOf([
        'infer.js',
        'infer-core.js',
        `infer-${reader}.js`,
        ...(reader === 'readWasm' ? [] : ['infer-readSafetensors.js']),
      ]),
    });
  }
  for (const file of readdirSync(`${dist}wasm`)) {
    rows.push({ name: file, by: '', ...sizeOf(readFileSync(`${dist}wasm/${file}`)) });
  }
  return rows;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const { name, by, raw, gzipped } of await sizes()) {
    console.log(
      `${name.padEnd(44)} ${by.padEnd(8)} ${raw.toFixed(1).padStart(6)} kB, gzipped ${gzipped.toFixed(1).padStart(5)} kB`,
    );
  }
}
