import { describe, expect, it } from 'vitest';
import {
  crossValidate,
  data,
  evaluate,
  fit,
  manualSeed,
  metrics,
  nn,
  optim,
  type CrossValidateOptions,
} from 'wasmgrad';

const points = Array.from({ length: 47 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const dataset = new data.TensorDataset(points, classes);
const loss = new nn.CrossEntropyLoss();
const optimizer = (model: nn.Module) => new optim.SGD(model.parameters(), { lr: 0.2, momentum: 0.9 });
const make = (fold: number) => {
  manualSeed(fold);
  return new nn.Sequential(new nn.Linear(3, 8), new nn.Tanh(), new nn.Linear(8, 2));
};

describe('crossValidate', () => {
  it('trains on all parts but one and evaluates on that', async () => {
    const folds = new data.StratifiedKFold({ folds: 4, shuffle: true, seed: 3 });
    const begun: number[] = [];
    const result = await crossValidate(make, {
      data: dataset,
      folds,
      loss,
      optimizer,
      epochs: 5,
      batchSize: 8,
      seed: 1,
      metrics: ['f1', new metrics.RocAuc()],
      callbacks: (fold) => [{ onTrainBegin: () => void begun.push(fold) }],
    });
    expect(begun).toEqual([0, 1, 2, 3]);
    const by: Record<string, number[]> = { loss: [], f1: [], rocAuc: [] };
    for (const [i, { train, test }] of folds.split(dataset).entries()) {
      const model = make(i);
      const { epochs } = await fit(model, {
        data: new data.DataLoader(dataset.subset(train), { batchSize: 8, shuffle: true, seed: 1 }),
        loss,
        optimizer: optimizer(model),
        epochs: 5,
      });
      const held = new data.DataLoader(dataset.subset(test), { batchSize: 100 });
      const figures = await evaluate(model, held, { loss, metrics: ['f1', 'rocAuc'] });
      expect(result.folds[i].evaluation).toEqual(figures);
      expect(result.folds[i].history.epochs.map((epoch) => epoch.loss)).toEqual(
        epochs.map((epoch) => epoch.loss),
      );
      for (const name of Object.keys(by)) by[name].push(figures[name]);
    }
    for (const [name, values] of Object.entries(by)) {
      const mean = values.reduce((a, b) => a + b) / 4;
      expect(result.mean[name]).toBeCloseTo(mean, 12);
      expect(result.std[name]).toBeCloseTo(
        Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3),
        12,
      );
    }
  });

  it('divides in five by default, and takes folds that are given', async () => {
    const options = { data: dataset, loss, optimizer, epochs: 1 };
    expect((await crossValidate(make, options)).folds).toHaveLength(5);
    const folds = new data.KFold({ folds: 3 }).split(dataset).slice(1);
    expect((await crossValidate(make, { ...options, folds })).folds).toHaveLength(2);
  });

  it.each([
    [{ data: points }, /data to be a data.TensorDataset/],
    [{ optimizer: {} }, /optimizer to be a function/],
    [{ metrics: ['f2'] }, /unknown metric 'f2'/],
    [{ fold: 3 }, /unknown option 'fold'/],
    [{ epochs: -1 }, /epochs/],
    [{ folds: [] }, /expected at least one fold/],
  ])('refuses %o', async (change, message) => {
    const options = { data: dataset, loss, optimizer, epochs: 1, ...change };
    await expect(crossValidate(make, options as unknown as CrossValidateOptions)).rejects.toThrow(message);
    await expect(crossValidate(3 as never, options as never)).rejects.toThrow(/./);
  });
});
