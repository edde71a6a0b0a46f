// Trains to the end, from where the checkpoint stands if there is one: node checkpointTrainer.js <path>
import { existsSync, writeSync } from 'node:fs';
import { callbacks, data, fit, manualSeed, nn, optim } from 'wasmgrad';
import { loadCheckpoint, saveCheckpoint } from 'wasmgrad/io';

const [, , path] = process.argv;
const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
manualSeed(11);
const model = new nn.Sequential(
  new nn.Linear(3, 8),
  new nn.BatchNorm1d(8),
  new nn.ReLU(),
  new nn.Dropout(0.2),
  new nn.Linear(8, 2),
);
const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: 60 });
const parts = { model, optimizer, schedule };
const resume = existsSync(path) ? (await loadCheckpoint(path, parts)).history : undefined;
const labels = points.map(([a, b]) => (a > b ? 1 : 0));
const saving = new callbacks.ModelCheckpoint(
  async ({ history }) => {
    await saveCheckpoint({ ...parts, history }, path);
    writeSync(1, 'saved\n');
  },
  { bestOnly: false },
);
await fit(model, {
  data: new data.DataLoader(new data.TensorDataset(points, labels), { batchSize: 8, shuffle: true }),
  loss: new nn.CrossEntropyLoss(),
  optimizer,
  schedule,
  epochs: 60,
  callbacks: [saving],
  resume,
});
