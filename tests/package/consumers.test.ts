import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild } from 'esbuild';
import { rollup } from 'rollup';
import ts from 'typescript';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { installed, type Project } from '../support/installed.js';

/** Trains and predicts in the strict build, whose numbers are the same everywhere. */
const PROGRAM = `
import { configure, data, fit, manualSeed, nn, optim, runtimeInfo } from 'wasmgrad';
configure({ build: 'strict' });
manualSeed(7);
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 2));
const inputs = [[0, 0], [0, 1], [1, 0], [1, 1]];
const targets = [0, 1, 1, 0];
const loader = new data.DataLoader(new data.TensorDataset(inputs, targets), { batchSize: 4 });
const { epochs } = await fit(model, {
  data: loader,
  validation: loader,
  loss: new nn.CrossEntropyLoss(),
  optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }),
  epochs: 50,
  progress: false,
});
const predicted: number[][] = model.predict(inputs) as number[][];
console.log(JSON.stringify([predicted, epochs.at(-1)!.validationAccuracy, runtimeInfo().build]));
`;
const javascript = ts.transpile(PROGRAM, { target: ts.ScriptTarget.ES2022 });

const PREDICTS = `
import { nn } from 'wasmgrad';
const model = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU());
console.log(JSON.stringify(model.predict([[1, 2]])));
`;

const THREADS = `
import { configure, noGrad, runtimeInfo, tensor } from 'wasmgrad';
await configure({ threads: 2 });
const a = tensor(new Float32Array(512 * 512).fill(1), { shape: [512, 512] });
console.log(runtimeInfo().threads, noGrad(() => a.matmul(a).sum().item()), runtimeInfo().threadsReason);
// Web Workers keep a page's process alive, which is no page here.
globalThis.process.exit(0);
`;

const TRAINS_IN_WORKER = `
import { configure, manualSeed, nn, optim } from 'wasmgrad';
import { trainInWorker } from 'wasmgrad/worker';
configure({ build: 'strict' });
manualSeed(3);
const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1));
const rows = Float32Array.from({ length: 80 }, (_, i) => Math.sin(i));
const targets = rows.filter((_, i) => i % 2 === 0);
const run = trainInWorker(model, {
  data: { inputs: { data: rows, shape: [40, 2] }, targets: { data: targets, shape: [40, 1] }, batchSize: 8 },
  loss: new nn.MSELoss(),
  optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }),
  epochs: 20,
});
const { epochs } = await run.history;
console.log(epochs.length, rows.length, epochs[0].loss > 10 * epochs[19].loss, JSON.stringify(model.predict([1, 0])));
globalThis.process.exit(0);
`;

/** What only training needs: messages and names that minifiers keep. */
const TRAINING = [/fit: /, /paramGroups/, /betas/, /validationLoss/, /dropLast/, /metrics to be an array/];

let project: Project;
beforeAll(async () => {
  project = await installed();
  project.write('train.js', javascript);
  project.write('predict.js', PREDICTS);
  project.write('threads.js', THREADS);
  project.write('worker.js', TRAINS_IN_WORKER);
});
afterAll(() => project.remove());

/** Web Workers for Node: what bundles for browsers start. */
const WORKERS = `
import { Worker as Thread } from 'node:worker_threads';
const inside = \`
  const { parentPort, workerData } = require('node:worker_threads');
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  globalThis.addEventListener = (type, listen, options) =>
    parentPort[options?.once ? 'once' : 'on'](type, (data) => listen({ data }));
  globalThis.self = globalThis;
  import(workerData);\`;
globalThis.Worker = class {
  constructor(url) {
    this.thread = new Thread(inside, { eval: true, workerData: String(url) });
  }
  addEventListener(type, listen) {
    this.thread.on(type, (value) => listen(type === 'message' ? { data: value } : { message: String(value) }));
  }
  postMessage(message, transfer) { this.thread.postMessage(message, transfer); }
  terminate() { return this.thread.terminate(); }
};`;

/** What starts workers, and the file of those: Vite and webpack find it, the others want it as an entry of its own. */
const WORKER_FILES: Record<string, string> = {
  threads: 'workerWeb',
  worker: 'trainingWorkerWeb',
};

/** A program, and with it the file of its workers. */
function entriesOf(name: string): Record<string, string> {
  const entries = { [name]: join(project.folder, `${name}.js`) };
  const worker = WORKER_FILES[name];
  if (worker) entries[worker] = join(project.folder, `node_modules/wasmgrad/dist/web/${worker}.js`);
  return entries;
}

/** Each makes a bundle for browsers in a folder and gives the first file. */
const BUNDLERS: Record<string, (name: string) => Promise<string>> = {
  async rollup(name) {
    const bundle = await rollup({
      input: entriesOf(name),
      plugins: [nodeResolve({ browser: true })],
    });
    await bundle.write({ dir: join(project.folder, `rollup-${name}`), format: 'es' });
    return `rollup-${name}/${name}.js`;
  },
  async esbuild(name) {
    await esbuild({
      entryPoints: entriesOf(name),
      outdir: join(project.folder, `esbuild-${name}`),
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
    });
    return `esbuild-${name}/${name}.js`;
  },
  async webpack(name) {
    const compiler = webpack({
      mode: 'production',
      target: ['web', 'es2022'],
      context: project.folder,
      entry: `./${name}.js`,
      output: {
        path: join(project.folder, `webpack-${name}`),
        filename: 'index.js',
        module: true,
        chunkFormat: 'module',
        publicPath: 'auto',
      },
      experiments: { outputModule: true },
      performance: false,
    });
    await new Promise<void>((resolve, reject) => {
      compiler!.run((error, stats) => {
        if (error || stats!.hasErrors() || stats!.hasWarnings())
          reject(error ?? new Error(stats!.toString('errors-warnings')));
        else resolve();
      });
    });
    return `webpack-${name}/index.js`;
  },
  async vite(name) {
    const outDir = join(project.folder, `vite-${name}`);
    await vite({
      root: project.folder,
      configFile: false,
      logLevel: 'error',
      base: './',
      build: {
        outDir,
        target: 'es2022',
        modulePreload: false,
        rollupOptions: { input: join(project.folder, `${name}.js`) },
      },
      worker: { format: 'es' },
    });
    const file = readdirSync(join(outDir, 'assets')).find((asset) => asset.startsWith(`${name}-`))!;
    return `vite-${name}/assets/${file}`;
  },
};

/** All the text that a file loads before it runs. */
function atOnce(file: string): string {
  const text = readFileSync(join(project.folder, file), 'utf8');
  const others = [...text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)].map(([, name]) =>
    atOnce(file.replace(basename(file), name)),
  );
  return [text, ...others].join('\n');
}

describe('a project with the packed package', () => {
  it.each([
    ['node16', ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16],
    ['bundler', ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ])('compiles in strict TypeScript, resolution %s', (_, module, moduleResolution) => {
    const file = project.write('train.ts', PROGRAM);
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
      types: [],
      module,
      moduleResolution,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
    });
    const found = ts
      .getPreEmitDiagnostics(program)
      .map(({ file: where, messageText }) => [
        where?.fileName,
        ts.flattenDiagnosticMessageText(messageText, '\n'),
      ]);
    expect(found).toEqual([]);
  });

  it('runs, with threads too', async () => {
    const [predicted, accuracy, build] = JSON.parse(await project.node('train.js')) as [
      number[][],
      number,
      string,
    ];
    expect([accuracy, build]).toEqual([1, 'strict']);
    expect(predicted.map(([no, yes]) => Number(yes > no))).toEqual([0, 1, 1, 0]);
    expect(await project.node('threads.js')).toMatch(`2 ${512 ** 3} `);
  });
});

describe('a core that the program compiled', () => {
  const printed = (file: string, code: string): Promise<string> => {
    project.write(
      file,
      `import { readFileSync } from 'node:fs';
       import { configure, nn, manualSeed, runtimeInfo } from 'wasmgrad';
       const compiled = (name) =>
         new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('wasmgrad/wasm/' + name + '.wasm'))));
       const predict = () => {
         manualSeed(1);
         console.log(JSON.stringify(new nn.Linear(3, 2).predict([1, 2, 3])), runtimeInfo().build, runtimeInfo().reason);
       };
       const message = (options) => {
         try { configure(options); } catch (error) { console.log(error.name + ': ' + error.message); }
       };
       ${code}`,
    );
    return project.node(file);
  };

  it('is the one that runs, without a byte compiled by us', async () => {
    const inside = await printed('inside.js', "configure({ build: 'strict' }); predict();");
    const handed = await printed(
      'handed.js',
      `const module = compiled('strict');
       WebAssembly.Module = class extends WebAssembly.Module { constructor() { throw new Error('bytes were compiled'); } };
       configure({ module, build: 'strict' });
       predict();`,
    );
    const numbers = (text: string): string => text.slice(0, text.indexOf(']'));
    expect(numbers(handed)).toBe(numbers(inside));
    expect(handed).toMatch(/\] strict /);
  });

  it('is refused where nobody says which it is, and where it is something else', async () => {
    const refused = await printed(
      'refused.js',
      `message({ module: compiled('strict') });
       message({ module: compiled('infer'), build: 'strict' });
       message({ module: 'strict.wasm', build: 'strict' });
       predict();`,
    );
    const [unnamed, other, text, prediction] = refused.split('\n');
    expect(unnamed).toBe(
      "TypeError: configure: which build is the module? Give it together with build 'strict' or 'relaxed'",
    );
    expect(other).toBe(
      'TypeError: configure: expected a module compiled from wasmgrad/wasm/strict.wasm or relaxed.wasm',
    );
    expect(text).toBe(other);
    expect(prediction).toMatch(/^\[/);
  });
});

describe.each(Object.entries(BUNDLERS))('a bundle by %s', (bundler, bundle) => {
  it('gives the same numbers', async () => {
    const file = await bundle('train');
    expect(await project.node(file)).toBe(await project.node('train.js'));
    const text = atOnce(file);
    // Evaluation and streams are loaded where they are needed, by bundlers that divide bundles that finely.
    for (const trace of TRAINING.slice(0, 4)) expect(text).toMatch(trace);
  });

  it('carries no training where the program only predicts', async () => {
    const file = await bundle('predict');
    expect(JSON.parse(await project.node(file))).toHaveLength(1);
    // esbuild takes namespaces that were exported once more as a whole: see wasmgrad/nn.
    if (bundler === 'esbuild') return;
    const text = atOnce(file);
    expect(text).toContain('predict');
    for (const trace of TRAINING) expect(text).not.toMatch(trace);
  });

  const withWorkers = async (name: string): Promise<string> => {
    const file = await bundle(name);
    const workers = `./${project.write('workers.mjs', WORKERS).split('/').at(-1)}`;
    return project.node(file, '--import', workers);
  };

  it('starts threads', async () => {
    expect(await withWorkers('threads')).toMatch(`2 ${512 ** 3} `);
  });

  it('trains in a worker', async () => {
    const printed = await withWorkers('worker');
    expect(printed).toMatch(/^20 0 true \[/);
    expect(printed).toBe(await project.node('worker.js'));
  });
});

describe('a bundle by esbuild from wasmgrad/nn', () => {
  it('carries no training where the program only predicts', async () => {
    project.write('subpath.js', PREDICTS.replace("{ nn } from 'wasmgrad'", "* as nn from 'wasmgrad/nn'"));
    const file = await BUNDLERS.esbuild('subpath');
    expect(JSON.parse(await project.node(file))).toHaveLength(1);
    const text = atOnce(file);
    for (const trace of TRAINING) expect(text).not.toMatch(trace);
  });
});
