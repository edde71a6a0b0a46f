// brain.js knows neither batches nor cross entropy, and no momentum or threshold of 0: a step is an update after each row of the batch, on squared error.
import { createRequire } from 'node:module';
import { LR, numbersOf } from '../workloads.mjs';

const require = createRequire(import.meta.url);
const brain = require('brain.js');

export const describe = () => ({
  version: `${require('brain.js/package.json').version}, a row at a time, squared error`,
});

/** @param {import('../workloads.mjs').Workload} workload */
function setUp({ layers, batch }) {
  const { inputs, labels } = numbersOf({ layers, batch });
  const rows = Array.from({ length: batch }, (_, i) => ({
    input: inputs.slice(i * layers[0], (i + 1) * layers[0]),
    output: Float32Array.from({ length: layers[layers.length - 1] }, (_, c) => Number(c === labels[i])),
  }));
  const network = new brain.NeuralNetwork({ hiddenLayers: layers.slice(1, -1), activation: 'relu' });
  // The first training makes the layers and keeps the options.
  network.train(rows, { iterations: 1, learningRate: LR, momentum: 1e-9, errorThresh: 1e-9 });
  return { network, rows };
}

/** @type {Record<string, (workload: import('../workloads.mjs').Workload) => import('../child.mjs').Prepared>} */
export const tasks = {
  step(workload) {
    const { network, rows } = setUp(workload);
    return { work: () => network.trainPatterns(rows) };
  },
  predict(workload) {
    const { network, rows } = setUp(workload);
    return { work: () => rows.forEach(({ input }) => network.run(input)) };
  },
};
