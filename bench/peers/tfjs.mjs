import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { LR, numbersOf } from '../workloads.mjs';

const require = createRequire(import.meta.url);

export async function describe(backend = 'wasm') {
  if (backend === 'wasm') {
    const { setWasmPaths, setThreadsCount } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))}/dist/`);
    setThreadsCount(1);
  } else await import('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend did not start`);
  await tf.ready();
  return { version: `${tf.version_core} ${tf.getBackend()}` };
}

function setUp(workload) {
  const { batch, layers } = workload;
  const { inputs, labels, weights } = numbersOf(workload);
  const variables = weights.map(({ weight, bias, inFeatures, outFeatures }) => ({
    weight: tf.variable(tf.tensor2d(weight, [outFeatures, inFeatures]).transpose()),
    bias: tf.variable(tf.tensor1d(bias)),
  }));
  const x = tf.tensor2d(inputs, [batch, layers[0]]);
  const y = tf.oneHot(tf.tensor1d(labels, 'int32'), layers.at(-1)).toFloat();
  const forward = (input) =>
    variables.reduce((h, { weight, bias }, i) => {
      const z = tf.add(tf.matMul(h, weight), bias);
      return i < variables.length - 1 ? tf.relu(z) : z;
    }, input);
  return { forward, x, y, inputs };
}

export const tasks = {
  step(workload) {
    const { forward, x, y } = setUp(workload);
    const optimizer = tf.train.sgd(LR);
    return () => {
      const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward(x)), true);
      loss.dataSync();
      loss.dispose();
    };
  },
  predict(workload) {
    const { forward, inputs } = setUp(workload);
    const { batch, layers } = workload;
    return () => void tf.tidy(() => forward(tf.tensor2d(inputs, [batch, layers[0]])).dataSync());
  },
};
