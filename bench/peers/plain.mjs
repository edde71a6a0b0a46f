// Plain JavaScript over typed arrays, as one would write it by hand: no library, the same mathematics.
import { LR, numbersOf } from '../workloads.mjs';

/**
 * @typedef {import('../workloads.mjs').Workload} Workload
 * @typedef {import('../workloads.mjs').Layer & { dWeight: Float32Array, dBias: Float32Array }} TrainedLayer
 */

export const describe = () => ({ version: `typed arrays, Node ${process.versions.node}` });

/**
 * @param {TrainedLayer[]} layers
 * @param {Float32Array[]} activations of each layer, the input first
 * @param {number} batch
 */
function forward(layers, activations, batch) {
  layers.forEach(({ inFeatures, outFeatures, weight, bias }, l) => {
    const x = activations[l];
    const y = activations[l + 1];
    for (let r = 0; r < batch; r++) {
      for (let o = 0; o < outFeatures; o++) {
        let sum = bias[o];
        for (let i = 0; i < inFeatures; i++) sum += x[r * inFeatures + i] * weight[o * inFeatures + i];
        y[r * outFeatures + o] = l < layers.length - 1 && sum < 0 ? 0 : sum;
      }
    }
  });
}

/**
 * Mean cross entropy, and its gradient.
 *
 * @param {Float32Array} logits
 * @param {Int32Array} labels
 * @param {Float32Array} dLogits
 */
function crossEntropy(logits, labels, dLogits) {
  const batch = labels.length;
  const classes = logits.length / batch;
  let loss = 0;
  for (let r = 0; r < batch; r++) {
    let maximum = -Infinity;
    for (let c = 0; c < classes; c++) maximum = Math.max(maximum, logits[r * classes + c]);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[r * classes + c] - maximum);
    loss += Math.log(sum) + maximum - logits[r * classes + labels[r]];
    for (let c = 0; c < classes; c++) {
      const p = Math.exp(logits[r * classes + c] - maximum) / sum;
      dLogits[r * classes + c] = (p - (labels[r] === c ? 1 : 0)) / batch;
    }
  }
  return loss / batch;
}

/**
 * @param {TrainedLayer[]} layers
 * @param {Float32Array[]} activations
 * @param {Float32Array[]} gradients of the activations; the last one is given
 * @param {number} batch
 */
function backward(layers, activations, gradients, batch) {
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inFeatures, outFeatures, weight, dWeight, dBias } = layers[l];
    const x = activations[l];
    const dy = gradients[l + 1];
    const dx = gradients[l];
    dWeight.fill(0);
    dBias.fill(0);
    dx.fill(0);
    for (let r = 0; r < batch; r++) {
      for (let o = 0; o < outFeatures; o++) {
        const g = dy[r * outFeatures + o];
        dBias[o] += g;
        for (let i = 0; i < inFeatures; i++) dWeight[o * inFeatures + i] += g * x[r * inFeatures + i];
        if (l > 0)
          for (let i = 0; i < inFeatures; i++) dx[r * inFeatures + i] += g * weight[o * inFeatures + i];
      }
    }
    if (l > 0) for (let i = 0; i < dx.length; i++) if (x[i] <= 0) dx[i] = 0;
  }
}

/**
 * @param {Float32Array} parameter
 * @param {Float32Array} gradient
 */
function update(parameter, gradient) {
  for (let i = 0; i < parameter.length; i++) parameter[i] -= LR * gradient[i];
}

/** @param {Workload} workload */
function setUp(workload) {
  const { batch } = workload;
  const { inputs, labels, weights } = numbersOf(workload);
  const layers = weights.map((layer) => ({
    ...layer,
    dWeight: new Float32Array(layer.weight.length),
    dBias: new Float32Array(layer.bias.length),
  }));
  const activations = [inputs, ...layers.map(({ outFeatures }) => new Float32Array(batch * outFeatures))];
  const gradients = activations.map(({ length }) => new Float32Array(length));
  const logits = activations[layers.length];
  return { batch, labels, layers, activations, gradients, logits };
}

/** @type {Record<string, (workload: Workload) => import('../child.mjs').Prepared>} */
export const tasks = {
  step(workload) {
    const { batch, labels, layers, activations, gradients, logits } = setUp(workload);
    const work = () => {
      forward(layers, activations, batch);
      const loss = crossEntropy(logits, labels, gradients[layers.length]);
      backward(layers, activations, gradients, batch);
      for (const { weight, bias, dWeight, dBias } of layers) {
        update(weight, dWeight);
        update(bias, dBias);
      }
      return loss;
    };
    return { work, outcome: () => [work(), work()] };
  },
  predict(workload) {
    const { batch, layers, activations, logits } = setUp(workload);
    const work = () => forward(layers, activations, batch);
    const outcome = () => {
      work();
      return Array.from(logits.subarray(0, workload.layers.at(-1)));
    };
    return { work, outcome };
  },
};
