// brain.js updates after every row; a step here is one pass over the rows of the batch.
import { createRequire } from 'node:module';
import { LR, numbersOf } from '../workloads.mjs';

const require = createRequire(import.meta.url);
const brain = require('brain.js');

export const describe = () => ({ version: `${require('brain.js/package.json').version}, a row at a time` });

function setUp({ layers, batch }) {
  const { inputs, labels } = numbersOf({ layers, batch });
  const rows = Array.from({ length: batch }, (_, i) => ({
    input: [...inputs.subarray(i * layers[0], (i + 1) * layers[0])],
    output: Array.from({ length: layers.at(-1) }, (_, c) => Number(c === labels[i])),
  }));
  const network = new brain.NeuralNetwork({ hiddenLayers: layers.slice(1, -1), activation: 'relu' });
  const once = { iterations: 1, learningRate: LR, momentum: 0, errorThresh: 0 };
  network.train(rows, once);
  return { network, rows, once };
}

export const tasks = {
  step(workload) {
    const { network, rows, once } = setUp(workload);
    return () => void network.train(rows, once);
  },
  predict(workload) {
    const { network, rows } = setUp(workload);
    return () => rows.forEach(({ input }) => network.run(input));
  },
};
