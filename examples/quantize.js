// What weights in 8 bits cost: networks trained on digits and, where `npm run data` got it, on Fashion-MNIST, then
// quantized, and both tested.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { data, fit, manualSeed, nn, optim } from 'wasmgrad';
import { encodeModel, quantize } from 'wasmgrad/io';
import { loadDigits } from './mnist.js';

const FASHION = new URL('../build/data/fashion-mnist/', import.meta.url);

/** Pictures of 28 × 28 numbers from 0 to 255. */
async function fashion(/** @type {string} */ part) {
  const read = async (/** @type {string} */ name) =>
    data.readIdx(await readFile(new URL(`${part}-${name}-ubyte.gz`, FASHION)));
  return new data.TensorDataset(await read('images-idx3'), await read('labels-idx1'));
}

function all(/** @type {data.TensorDataset} */ dataset) {
  const [inputs, labels] = dataset.batch(Array.from({ length: dataset.length }, (_, row) => row));
  return [inputs.data, labels.data];
}

/** Share of the rows whose largest output is that of their label, in per cent. */
function accuracy(
  /** @type {nn.Module} */ model,
  /** @type {Float32Array} */ inputs,
  /** @type {Float32Array} */ labels,
) {
  const outputs = model.predict(inputs);
  const classes = outputs.length / labels.length;
  const right = labels.filter((label, row) => {
    const own = outputs.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(Math.max(...own)) === label;
  });
  return (100 * right.length) / labels.length;
}

async function compare(
  /** @type {string} */ name,
  /** @type {data.TensorDataset} */ train,
  /** @type {data.TensorDataset} */ test,
  /** @type {nn.Module[]} */ before,
  /** @type {number} */ epochs,
) {
  manualSeed(0);
  const model = new nn.Sequential(...before, new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
  await fit(model, {
    data: new data.DataLoader(train, { batchSize: 64, shuffle: true, seed: 0 }),
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(model.parameters()),
    epochs,
  });
  const calibration = all(train)[0].subarray(0, 500 * 784);
  const quantized = quantize(model, calibration);
  const [inputs, labels] = all(test);
  const [float, eight] = [model, quantized].map((one) => accuracy(one, inputs, labels));
  const kB = (/** @type {nn.Module} */ one) => (encodeModel(one).length / 1000).toFixed(0);
  console.log(
    `${name}: ${float.toFixed(2)} % in ${kB(model)} kB, ${eight.toFixed(2)} % in ${kB(quantized)} kB`,
  );
  console.log(`${name}: ${(float - eight).toFixed(2)} points lost`);
}

const [train, test] = data.trainTestSplit(loadDigits(), { testSize: 2000, seed: 0 });
await compare('digits', train, test, [], 10);
if (existsSync(FASHION)) {
  const standardize = new nn.Standardize(784, { mean: Array(784).fill(72.9), scale: Array(784).fill(90) });
  const before = [new nn.Flatten(), standardize];
  await compare('Fashion-MNIST', await fashion('train'), await fashion('t10k'), before, 3);
} else console.log('Fashion-MNIST is not here: `npm run data` gets it');
