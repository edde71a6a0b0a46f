// Foretells how far diabetes gets within a year, from ten measures of the patient: 442 patients in five folds.
import { parseArgs } from 'node:util';
import { crossValidate, data, manualSeed, nn, optim } from 'wasmgrad';
import { readTable } from './table.js';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

/** Targets of about 1 are learnt as they are; those of the table lie between 25 and 346. */
const UNIT = 100;
const { inputs, targets } = readTable('diabetes');
const patients = new data.TensorDataset(
  inputs,
  targets.map(([progression]) => [progression / UNIT]),
);
const folds = new data.KFold({ folds: 5 }).split(patients);

function makeModel(/** @type {number} */ fold) {
  const scale = nn.Standardize.fit(patients.subset(folds[fold].train));
  return new nn.Sequential(scale, new nn.Linear(10, 32), new nn.ReLU(), new nn.Linear(32, 1));
}

const { mean } = await crossValidate(makeModel, {
  data: patients,
  folds,
  loss: new nn.MSELoss(),
  optimizer: (model) => new optim.AdamW(model.parameters(), { lr: 0.01, weightDecay: 0.1 }),
  epochs: 20,
  batchSize: 32,
  seed,
  metrics: ['rmse', 'r2'],
});
console.log(`root mean square error: ${(UNIT * mean.rmse).toFixed(2)} (PyTorch: 56.04)`);
console.log(`R²: ${mean.r2.toFixed(4)} (PyTorch: 0.4566)`);
