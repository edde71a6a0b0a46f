// Tells malignant tumours from benign ones, by 30 measures of cell nuclei: 569 patients in five folds.
import { parseArgs } from 'node:util';
import { crossValidate, data, manualSeed, metrics, nn, optim } from 'wasmgrad';
import { readTable } from './table.js';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

const { inputs, targets } = readTable('breastCancer');
const patients = new data.TensorDataset(inputs, targets);
const folds = new data.StratifiedKFold({ folds: 5 }).split(targets.flat());

/** One output: the logit of being benign. */
function makeModel(/** @type {number} */ fold) {
  const scale = nn.Standardize.fit(patients.subset(folds[fold].train));
  return new nn.Sequential(scale, new nn.Linear(30, 16), new nn.ReLU(), new nn.Linear(16, 1));
}

const { mean } = await crossValidate(makeModel, {
  data: patients,
  folds,
  loss: new nn.BCEWithLogitsLoss(),
  optimizer: (model) => new optim.AdamW(model.parameters(), { lr: 0.005, weightDecay: 0.1 }),
  epochs: 30,
  batchSize: 32,
  seed,
  metrics: [new metrics.Accuracy(), new metrics.RocAuc()],
});
console.log(`area under the ROC curve: ${mean.rocAuc.toFixed(4)} (PyTorch: 0.9951)`);
console.log(`accuracy: ${mean.accuracy.toFixed(4)} (PyTorch: 0.9764)`);
