import { describe, expect, it } from 'vitest';
import {
  capture,
  data,
  evaluate,
  fit,
  lrRangeTest,
  manualSeed,
  nn,
  optim,
  tensor,
  type Tensor,
} from 'wasmgrad';
import { buildTraining, describeTraining } from '../../src/worker/job.js';

const rows = Array.from({ length: 12 }, (_, i) => [Math.sin(i) + 3, Math.cos(i) - 1]);
const wanted = rows.map(([a, b]) => [a * b]);
const loss = new nn.MSELoss();
const loaderOf = (options: data.DataLoaderOptions = { batchSize: 4 }): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(rows, wanted), options);
const modesOf = (model: nn.Module): boolean[] => model.modules().map(({ training }) => training);

function network(frozen: boolean) {
  manualSeed(1);
  const norm = new nn.BatchNorm1d(2);
  const model = new nn.Sequential(norm, new nn.Dropout(0.5), new nn.Linear(2, 1));
  if (frozen) for (const parameter of norm.parameters()) parameter.requiresGrad = false;
  return { norm, model, optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }) };
}

describe('a frozen BatchNorm', () => {
  it.each([
    [
      'fit',
      async ({ model, optimizer }: ReturnType<typeof network>) => {
        await fit(model, { data: loaderOf(), validation: loaderOf(), loss, optimizer, epochs: 2 });
      },
    ],
    [
      'capture',
      async ({ model, optimizer }: ReturnType<typeof network>) => {
        const step = capture((x: Tensor) => {
          optimizer.zeroGrad();
          const value = model.forward(x).square().mean();
          value.backward();
          optimizer.step();
          return value;
        });
        for (let i = 0; i < 3; i++) step(tensor(rows));
        return Promise.resolve();
      },
    ],
  ])('stays frozen in %s', async (way, train) => {
    const made = network(true);
    made.norm.eval();
    const before = made.norm.runningMean!.toArray();
    await train(made);
    expect(made.norm.runningMean!.toArray()).toEqual(before);
    expect(made.norm.training).toBe(false);
    if (way === 'fit') expect(made.model.training).toBe(true);
  });

  it.each([
    ['in training mode', true, false],
    ['that learns', false, true],
  ])('is none %s', async (_, frozen, evaluating) => {
    const { model, norm, optimizer } = network(frozen);
    if (evaluating) model.eval();
    await fit(model, { data: loaderOf(), loss, optimizer, epochs: 1 });
    expect(norm.runningMean!.data.some((mean) => mean !== 0)).toBe(true);
    expect(modesOf(model)).toEqual([true, true, true, true]);
  });
});

describe('a training that is sent to a worker', () => {
  it('takes the modes along', async () => {
    const { norm, model, optimizer } = network(true);
    norm.eval();
    const described = describeTraining(model, { data: loaderOf(), loss, optimizer, epochs: 1 }, true);
    const sent = buildTraining(structuredClone(described));
    expect(modesOf(sent.model)).toEqual(modesOf(model));
    await fit(sent.model, sent.options);
    expect(sent.model.stateDict()['0.runningMean'].toArray()).toEqual([0, 0]);
  });
});

describe('what fails leaves the modes and the meaning of the output as they were', () => {
  const bad = new data.DataLoader(
    new data.TensorDataset(
      rows,
      rows.map(() => 7),
    ),
    { batchSize: 4 },
  );
  const make = () => {
    const made = network(false);
    made.model.eval();
    made.model.layers[1].training = true;
    made.model.output = 'sigmoid';
    return made;
  };
  it.each<[string, (made: ReturnType<typeof make>) => Promise<unknown>]>([
    [
      'fit',
      ({ model, optimizer }) =>
        fit(model, { data: bad, loss: new nn.CrossEntropyLoss(), optimizer, epochs: 1 }),
    ],
    [
      'a callback of fit',
      ({ model, optimizer }) =>
        fit(model, {
          data: loaderOf(),
          loss,
          optimizer,
          epochs: 1,
          onEpoch: () => Promise.reject(new Error('no')),
        }),
    ],
    ['evaluate', ({ model }) => evaluate(model, bad, { loss: new nn.CrossEntropyLoss() })],
    [
      'lrRangeTest',
      ({ model, optimizer }) => lrRangeTest(model, { data: bad, loss: new nn.CrossEntropyLoss(), optimizer }),
    ],
    ['predict', ({ model }) => Promise.resolve().then(() => model.predict([[1, 2, 3]]))],
  ])('%s', async (_, work) => {
    const made = make();
    await expect(work(made)).rejects.toThrow();
    expect(modesOf(made.model)).toEqual([false, false, true, false]);
    expect(made.model.output).toBe('sigmoid');
  });
});

describe('lrRangeTest', () => {
  it.each<data.DataLoaderOptions>([
    { batchSize: 4, shuffle: true, seed: 5 },
    { batchSize: 4, shuffle: true },
    {
      batchSize: 4,
      sampler: new data.WeightedRandomSampler(
        rows.map((_, i) => i + 1),
        { seed: 3 },
      ),
    },
  ])('leaves loader, optimizer and model as they were: %o', async (options) => {
    const { model, optimizer } = network(false);
    const loader = loaderOf(options);
    const before = [
      loader.getState(),
      optimizer.stateDict(),
      model.stateDict()['0.runningMean'].toArray(),
      modesOf(model),
    ];
    await lrRangeTest(model, { data: loader, loss, optimizer, steps: 5 });
    expect([
      loader.getState(),
      optimizer.stateDict(),
      model.stateDict()['0.runningMean'].toArray(),
      modesOf(model),
    ]).toEqual(before);
    expect(optimizer.stateDict().state).toEqual({});
  });
});
