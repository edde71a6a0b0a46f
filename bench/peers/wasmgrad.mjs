import { capture, configure, data, fit, manualSeed, nn, optim, runtimeInfo, tensor } from 'wasmgrad';
import { readFileSync } from 'node:fs';
import { LR, numbersOf } from '../workloads.mjs';
import { prepareLoop, RING_BYTES } from './ceiling.mjs';

/** @typedef {import('../workloads.mjs').Workload} Workload */

/** @type {string[]} */
let withoutRules = [];

/**
 * @param {'auto' | 'strict' | 'relaxed'} [build]
 * @param {string} [threads]
 * @param {string} [withoutRule] a rewrite rule to switch off
 */
export async function describe(build = 'auto', threads = '1', withoutRule = '') {
  withoutRules = withoutRule === '' ? [] : [withoutRule];
  const options = threads === '1' ? { build } : { build, threads: Number(threads) };
  await configure(options);
  const info = runtimeInfo();
  if (info.threads !== Number(threads)) throw new Error(`runs on ${info.threads} threads, not on ${threads}`);
  const parts = [info.build, `Node ${process.versions.node}`];
  return { version: parts.join(', '), build: info.build };
}

/**
 * @param {Workload} workload
 * @param {number} momentum
 */
function setUp(workload, momentum = 0) {
  manualSeed(1);
  const { inputs, labels, weights } = numbersOf(workload);
  const modules = weights.flatMap(({ inFeatures, outFeatures }) => [
    new nn.Linear(inFeatures, outFeatures),
    new nn.ReLU(),
  ]);
  const model = new nn.Sequential(...modules.slice(0, -1));
  const state = weights.flatMap(({ weight, bias }, i) => [
    [`${2 * i}.weight`, weight],
    [`${2 * i}.bias`, bias],
  ]);
  model.loadStateDict(Object.fromEntries(state));
  const optimizer = new optim.SGD(model.parameters(), { lr: LR, momentum });
  const loss = new nn.CrossEntropyLoss();
  const x = tensor(inputs, { shape: [workload.batch, workload.layers[0]] });
  const y = tensor(labels);
  /**
   * @param {typeof x} a
   * @param {typeof y} b
   */
  const body = (a, b) => {
    optimizer.zeroGrad();
    const value = loss.forward(model.forward(a), b);
    value.backward();
    optimizer.step();
    return value;
  };
  return { model, optimizer, loss, inputs, x, y, body };
}

/** @type {Record<string, (workload: any) => any>} */
export const tasks = {
  /** A loop of the ceiling, of the build that runs. */
  ceiling(loop) {
    const file = new URL(`../../build/bench/ceiling-${runtimeInfo().build}.wasm`, import.meta.url);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(RING_BYTES / 65536) + 1, maximum: 65536 });
    const loops = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { env: { memory } });
    return { work: prepareLoop(loop, loops.exports, memory, 0) };
  },
  /**
   * A step as fit() makes it: recorded once and replayed. capture() costs a little more than fit(), since it makes a
   * tensor of the loss.
   */
  step(workload) {
    const { body, x, y } = setUp(workload);
    const replay = capture(body, { withoutRules });
    return { work: () => replay(x, y), outcome: () => [replay(x, y).item(), replay(x, y).item()] };
  },
  /** The loop spelled out. */
  loop(workload) {
    const { body, x, y } = setUp(workload);
    return { work: () => body(x, y), outcome: () => [body(x, y).item(), body(x, y).item()] };
  },
  /** fit() for whole epochs: shuffling, gathering and reports included. */
  fit(workload) {
    const { batch, layers, batches, epochs } = workload;
    const { model, optimizer, loss } = setUp(workload);
    const { inputs, labels } = numbersOf({ layers, batch: batch * batches });
    const dataset = new data.TensorDataset({ data: inputs, shape: [batch * batches, layers[0]] }, labels);
    const loader = new data.DataLoader(dataset, { batchSize: batch, shuffle: true, seed: 1 });
    return { work: () => fit(model, { data: loader, loss, optimizer, epochs, progress: false }) };
  },
  predict(workload) {
    const { model, inputs } = setUp(workload);
    // A row by itself is what a user has; several come as one array.
    const classes = workload.layers.at(-1);
    const outcome = () =>
      Array.from(/** @type {Float32Array} */ (model.predict(inputs)).subarray(0, classes));
    return { work: () => model.predict(inputs), outcome };
  },
  /** Linear memory at its highest after some steps, and what it must hold: as the only task of a process. */
  memory(workload) {
    const { body, x, y, model } = setUp(workload, workload.momentum);
    const replay = capture(body);
    for (let i = 0; i < 3; i++) replay(x, y);
    const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0);
    const { inUseBytes, memoryBytes } = runtimeInfo();
    return { parameters, inUseBytes, memoryBytes };
  },
};
