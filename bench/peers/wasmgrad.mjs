import { configure, capture, data, fit, manualSeed, nn, optim, runtimeInfo, tensor } from 'wasmgrad';
import { LR, numbersOf } from '../workloads.mjs';

export async function describe(build = 'auto', threads = '1') {
  if (threads === '1') configure({ build });
  else await configure({ build, threads: Number(threads) });
  const info = runtimeInfo();
  return { version: `${info.build}${info.threads > 1 ? `, ${info.threads} threads` : ''}`, ...info };
}

function setUp(workload) {
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
  const optimizer = new optim.SGD(model.parameters(), { lr: LR });
  const loss = new nn.CrossEntropyLoss();
  const x = tensor(inputs, { shape: [workload.batch, workload.layers[0]] });
  const y = tensor(labels);
  const body = (a, b) => {
    optimizer.zeroGrad();
    const value = loss.forward(model.forward(a), b);
    value.backward();
    optimizer.step();
    return value;
  };
  return { model, optimizer, loss, inputs, x, y, body };
}

/** A loader of `batches` batches, in linear memory. */
function loaderOf({ layers, batch }, batches) {
  const { inputs, labels } = numbersOf({ layers, batch: batch * batches });
  const dataset = new data.TensorDataset({ data: inputs, shape: [batch * batches, layers[0]] }, labels);
  return new data.DataLoader(dataset, { batchSize: batch, shuffle: true, seed: 1 });
}

export const tasks = {
  /** A step as fit() makes it. */
  step(workload) {
    const { body, x, y } = setUp(workload);
    const replay = capture(body);
    replay(x, y);
    return () => void replay(x, y);
  },
  loop(workload) {
    const { body, x, y } = setUp(workload);
    return () => void body(x, y);
  },
  /** An epoch of fit(), shuffling and gathering included; as long as `batches` steps. */
  async epoch(workload) {
    const { model, optimizer, loss } = setUp(workload);
    const loader = loaderOf(workload, workload.batches);
    const options = { data: loader, loss, optimizer, epochs: 1, progress: false };
    return () => fit(model, options);
  },
  predict(workload) {
    const { model, inputs } = setUp(workload);
    return () => void model.predict(inputs);
  },
  /** Linear memory in use after steps, and what it must hold. */
  memory(workload) {
    const before = runtimeInfo().inUseBytes;
    const { body, x, y, model } = setUp(workload);
    const replay = capture(body);
    for (let i = 0; i < 3; i++) replay(x, y);
    const { layers, batch } = workload;
    const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0);
    // Activations: the inputs, and for each layer its outputs (of hidden ones before and after the activation).
    const activations = layers.reduce(
      (sum, width, i) => sum + width * (i === 0 || i === layers.length - 1 ? 1 : 2),
      0,
    );
    return {
      usedBytes: runtimeInfo().inUseBytes - before,
      neededBytes: 4 * (2 * parameters + batch * activations),
    };
  },
};
