// A module of our own with a residual branch, trained by fit() to tell two spirals apart.
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';

class Residual extends nn.Module {
  /** @param {number} width */
  constructor(width) {
    super();
    this.inner = new nn.Linear(width, width);
  }

  /** @override @param {import('wasmgrad').Tensor} x */
  forward(x) {
    return this.inner.forward(x).tanh().add(x);
  }
}

manualSeed(1);
const points = Array.from({ length: 400 }, (_, i) => {
  const t = Math.sqrt((i >> 1) / 200) * 3 * Math.PI;
  const angle = t + (i % 2) * Math.PI;
  return [(t * Math.cos(angle)) / 10, (t * Math.sin(angle)) / 10];
});
const spirals = new data.TensorDataset(
  points,
  points.map((_, i) => i % 2),
);
const loader = new data.DataLoader(spirals, { batchSize: 32, shuffle: true, seed: 1 });

const model = new nn.Sequential(
  new nn.Linear(2, 32),
  new Residual(32),
  new Residual(32),
  new nn.Linear(32, 2),
);
const loss = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
await fit(model, { data: loader, loss, optimizer, epochs: 300 });

const { accuracy } = await evaluate(model, loader, { loss, metrics: ['accuracy'] });
console.log(`accuracy: ${accuracy.toFixed(2)}`);
