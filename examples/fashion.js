// Tells ten kinds of clothes apart: Fashion-MNIST by Zalando Research, 60,000 pictures to learn from, 10,000 to test on.
// `npm run data` gets it.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

const folder = new URL('../build/data/fashion-mnist/', import.meta.url);
if (!existsSync(folder)) {
  console.error('Fashion-MNIST is not here yet: `npm run data` gets it.');
  process.exit(1);
}
const read = async (/** @type {string} */ name) =>
  data.readIdx(await readFile(new URL(`${name}-ubyte.gz`, folder)));
const train = new data.TensorDataset(await read('train-images-idx3'), await read('train-labels-idx1'));
const test = new data.TensorDataset(await read('t10k-images-idx3'), await read('t10k-labels-idx1'));

const model = new nn.Sequential(
  new nn.Flatten(),
  // Pixels of 0 to 255 go in, so the mean and deviation of all of them are a layer of the model.
  new nn.Standardize(784, { mean: Array(784).fill(72.9), scale: Array(784).fill(90) }),
  new nn.Linear(784, 256),
  new nn.ReLU(),
  new nn.Linear(256, 128),
  new nn.ReLU(),
  new nn.Linear(128, 10),
);
const loader = new data.DataLoader(train, { batchSize: 128, shuffle: true, seed });
const optimizer = new optim.Adam(model.parameters());
const epochs = 5;
const scheduler = new optim.OneCycleLR(optimizer, { maxLr: 0.003, epochs, stepsPerEpoch: loader.length });
const loss = new nn.CrossEntropyLoss();
const history = await fit(model, {
  data: loader,
  loss,
  optimizer,
  epochs,
  schedule: { scheduler, every: 'batch' },
  onEpoch: ({ epoch, loss: value }) => console.log(`epoch ${epoch}/${epochs}: loss ${value.toFixed(4)}`),
});
const seconds = history.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);

const { accuracy } = await evaluate(model, new data.DataLoader(test, { batchSize: 1000 }), { loss });
console.log(`training took ${seconds.toFixed(1)} s`);
console.log(`test accuracy: ${accuracy.toFixed(4)} (PyTorch: 0.8879)`);
