// A training that no description holds: modules, loss and callback are code of its own.
import { data, nn, optim } from '../../../dist/node/index.js';

class Squared extends nn.Module {
  inner = new nn.Linear(2, 1);
  forward(x) {
    return this.inner.forward(x).square();
  }
}

/** @param {{ epochs: number, rows: Float32Array }} input */
export default function setup({ epochs, rows }) {
  const model = new Squared();
  const inputs = { data: rows, shape: [rows.length / 2, 2] };
  const targets = Float32Array.from({ length: rows.length / 2 }, (_, i) => rows[2 * i] ** 2);
  const dataset = new data.TensorDataset(inputs, { data: targets, shape: [targets.length, 1] });
  return {
    model,
    loss: (prediction, target) => prediction.sub(target).abs().mean(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
    data: new data.DataLoader(dataset, { batchSize: 4, shuffle: true }),
    epochs,
  };
}
