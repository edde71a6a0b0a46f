import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { LR, numbersOf } from '../workloads.mjs';

const require = createRequire(import.meta.url);

export async function describe(backend = 'wasm') {
  if (backend === 'wasm') {
    const { setThreadsCount, setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`);
    setThreadsCount(1);
  } else await import('@tensorflow/tfjs-backend-cpu');
  // A backend that fails to start leaves its place to another one, silently.
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend did not start`);
  await tf.ready();
  if (tf.getBackend() !== backend) throw new Error(`runs on ${tf.getBackend()}, not on ${backend}`);
  return { version: `${tf.version_core} ${tf.getBackend()}` };
}

function setUp(workload) {
  const { batch, layers } = workload;
  const { inputs, labels, weights } = numbersOf(workload);
  // Its own layers keep weights as [in, out].
  const variables = weights.map(({ weight, bias, inFeatures, outFeatures }) => ({
    weight: tf.variable(tf.transpose(tf.tensor2d(weight, [outFeatures, inFeatures]))),
    bias: tf.variable(tf.tensor1d(bias)),
  }));
  const x = tf.tensor2d(inputs, [batch, layers[0]]);
  const y = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), layers.at(-1)), 'float32');
  const forward = (input) =>
    variables.reduce((h, { weight, bias }, i) => {
      const z = tf.add(tf.matMul(h, weight), bias);
      return i < variables.length - 1 ? tf.relu(z) : z;
    }, input);
  return { forward, x, y, inputs };
}

export const tasks = {
  async step(workload) {
    // Only the whole of TensorFlow.js brings the gradients along.
    await import('@tensorflow/tfjs');
    const { forward, x, y } = setUp(workload);
    const optimizer = tf.train.sgd(LR);
    const work = () => {
      const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true);
      const [value] = loss.dataSync();
      loss.dispose();
      return value;
    };
    return { work, outcome: () => [work(), work()] };
  },
  predict(workload) {
    const { forward, inputs } = setUp(workload);
    const { batch, layers } = workload;
    const work = () => tf.tidy(() => forward(tf.tensor2d(inputs, [batch, layers[0]])).dataSync());
    return { work, outcome: () => Array.from(work().subarray(0, layers.at(-1))) };
  },
};
