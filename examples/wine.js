// Tells three cultivars of wine by what the laboratory found: 178 wines, each tested on by a model that never saw it.
import { parseArgs } from 'node:util';
import { crossValidate, data, manualSeed, nn, optim } from 'wasmgrad';
import { readTable } from './table.js';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

const { inputs, targets } = readTable('wine');
const wines = new data.TensorDataset(inputs, targets.flat());
const folds = new data.StratifiedKFold({ folds: 5 }).split(wines);

/** Takes raw measurements: its first layer has learnt their scale, from the wines that the fold trains on. */
function makeModel(/** @type {number} */ fold) {
  const scale = nn.Standardize.fit(wines.subset(folds[fold].train));
  return new nn.Sequential(scale, new nn.Linear(13, 32), new nn.ReLU(), new nn.Linear(32, 3));
}

const { mean, std } = await crossValidate(makeModel, {
  data: wines,
  folds,
  loss: new nn.CrossEntropyLoss(),
  optimizer: (model) => new optim.Adam(model.parameters(), { lr: 0.01 }),
  epochs: 30,
  batchSize: 16,
  seed,
});
console.log(`13-32-3 in five folds, which differ by ${std.accuracy.toFixed(4)}`);
console.log(`accuracy: ${mean.accuracy.toFixed(4)} (PyTorch: 0.9871)`);
