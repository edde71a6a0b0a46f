// Squeezes handwritten digits into 32 numbers and draws them again from those.
import { parseArgs } from 'node:util';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';
import { draw, loadDigits, sideBySide } from './mnist.js';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

const digits = loadDigits();
const every = Array.from({ length: digits.length }, (_, i) => i);
/** Pictures as inputs, and the same as targets. */
function pictures(/** @type {number[]} */ rows) {
  const [inputs] = digits.batch(rows);
  return new data.TensorDataset(inputs, inputs);
}
const train = pictures(every.filter((i) => i % 5 !== 0));
const test = pictures(every.filter((i) => i % 5 === 0));

const encoder = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 32));
const decoder = new nn.Sequential(
  new nn.Linear(32, 128),
  new nn.ReLU(),
  new nn.Linear(128, 784),
  new nn.Sigmoid(),
);
const model = new nn.Sequential(encoder, decoder);
const loader = new data.DataLoader(train, { batchSize: 64, shuffle: true, seed });
const optimizer = new optim.Adam(model.parameters());
const epochs = 10;
const scheduler = new optim.OneCycleLR(optimizer, { maxLr: 0.003, epochs, stepsPerEpoch: loader.length });
const loss = new nn.MSELoss();
await fit(model, { data: loader, loss, optimizer, epochs, schedule: { scheduler, every: 'batch' } });

const some = /** @type {number[][]} */ (test.batch([100, 500, 900, 1300, 1700])[0].toArray());
const codes = encoder.predict(some);
const again = /** @type {number[][]} */ (decoder.predict(codes));
for (const [title, drawn] of /** @type {const} */ ([
  ['784 pixels', some],
  ['drawn from 32 numbers', again],
])) {
  console.log(`${title}:\n`);
  console.log(sideBySide(drawn.map((pixels) => draw(pixels))).join('\n'));
}

const { loss: error } = await evaluate(model, new data.DataLoader(test, { batchSize: 500 }), { loss });
console.log(`mean squared error of a pixel: ${error.toFixed(5)} (PyTorch: 0.01384)`);
