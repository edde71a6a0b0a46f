// Trains to the end, from where the checkpoint stands if there is one: node checkpointTrainer.js <path>
import { existsSync, writeSync } from 'node:fs';
import { callbacks, data, fit, manualSeed, nn, optim } from 'wasmgrad';
import { loadCheckpoint, saveCheckpoint } from 'wasmgrad/io';
import { classes, points, pointsClassifier } from './pointsClassifier.js';

const [, , path] = process.argv;
manualSeed(11);
const model = pointsClassifier();
const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 60 });
const parts = { model, optimizer, schedule };
const resume = existsSync(path) ? (await loadCheckpoint(path, parts)).history : undefined;
const saving = new callbacks.ModelCheckpoint(
  async ({ history }) => {
    await saveCheckpoint({ ...parts, history }, path);
    writeSync(1, 'saved\n');
  },
  { bestOnly: false },
);
await fit(model, {
  data: new data.DataLoader(new data.TensorDataset(points, classes), { batchSize: 8, shuffle: true }),
  loss: new nn.CrossEntropyLoss(),
  optimizer,
  schedule,
  epochs: 60,
  callbacks: [saving],
  resume,
});
