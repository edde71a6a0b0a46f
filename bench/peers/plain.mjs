// Plain JavaScript over typed arrays, written as one would by hand: no library, the same mathematics.
import { LR, numbersOf } from '../workloads.mjs';

export const describe = () => ({ version: 'typed arrays' });

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
  return { batch, labels, layers, activations, gradients };
}

function update(parameter, gradient) {
  for (let i = 0; i < parameter.length; i++) parameter[i] -= LR * gradient[i];
}

export const tasks = {
  step(workload) {
    const { batch, labels, layers, activations, gradients } = setUp(workload);
    return () => {
      forward(layers, activations, batch);
      const logits = activations.at(-1);
      const d = gradients.at(-1);
      const classes = logits.length / batch;
      for (let r = 0; r < batch; r++) {
        let maximum = -Infinity;
        for (let c = 0; c < classes; c++) maximum = Math.max(maximum, logits[r * classes + c]);
        let sum = 0;
        for (let c = 0; c < classes; c++) sum += Math.exp(logits[r * classes + c] - maximum);
        for (let c = 0; c < classes; c++) {
          const p = Math.exp(logits[r * classes + c] - maximum) / sum;
          d[r * classes + c] = (p - (labels[r] === c ? 1 : 0)) / batch;
        }
      }
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
      for (const { weight, bias, dWeight, dBias } of layers) {
        update(weight, dWeight);
        update(bias, dBias);
      }
    };
  },
  predict(workload) {
    const { batch, layers, activations } = setUp(workload);
    return () => forward(layers, activations, batch);
  },
};
