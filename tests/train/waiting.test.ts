import { describe, expect, it } from 'vitest';
import { data, deadUnits, evaluate, fit, lrRangeTest, nn, optim, type Tensor } from 'wasmgrad';

const loss = new nn.MSELoss();
const inputs = [
  [1, 2],
  [3, 4],
];

/** So many batches whose targets are their inputs, a turn of the event loop before each. */
async function* slow(count: number): AsyncGenerator<[number[][], number[][]]> {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield [inputs, inputs];
  }
}

const loader = (): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(inputs, inputs), { batchSize: 1 });

/** Notes the mode in which each batch is seen. */
class Noting extends nn.Module {
  seen: boolean[] = [];
  dropout = new nn.Dropout(0.5);
  weight = new nn.Parameter([1, 1]);
  override forward(x: Tensor): Tensor {
    this.seen.push(this.training);
    return this.dropout.forward(x.mul(this.weight));
  }
}

const modesOf = (model: nn.Module): boolean[] => model.modules().map(({ training }) => training);

describe('what runs while an evaluation waits', () => {
  it.each([
    ['the first ends before the second', 2, 6],
    ['the second ends before the first', 6, 2],
    ['both end together', 3, 3],
  ])('two evaluations, %s', async (_, first, second) => {
    const model = new nn.Sequential(new nn.Dropout(0.5));
    const got = await Promise.all([
      evaluate(model, slow(first), { loss }),
      evaluate(model, slow(second), { loss }),
    ]);
    expect(got.map((figures) => figures.loss)).toEqual([0, 0]);
    expect(modesOf(model)).toEqual([true, true]);
  });

  it.each<[string, (model: Noting, optimizer: optim.SGD) => Promise<unknown>]>([
    ['fit', (model, optimizer) => fit(model, { data: slow(4), loss, optimizer, epochs: 1 })],
    [
      'fit with validation',
      (model, optimizer) => fit(model, { data: slow(2), validation: slow(3), loss, optimizer, epochs: 1 }),
    ],
    ['lrRangeTest', (model, optimizer) => lrRangeTest(model, { data: loader(), loss, optimizer, steps: 4 })],
    ['deadUnits', (model) => deadUnits(model, slow(4))],
  ])('%s and evaluations that begin before and after it', async (_, work) => {
    const model = new Noting();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
    const before = evaluate(model, slow(2), { loss });
    const during = work(model, optimizer);
    const after = evaluate(model, slow(9), { loss });
    const figures = [await before, await after];
    await during;
    expect(figures.map((one) => one.loss)).toEqual([0, 0]);
    expect(modesOf(model)).toEqual([true, true]);
  });

  it('fit trains in training mode, and keeps the modes that it ends with', async () => {
    const model = new Noting();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
    const losses: number[] = [];
    await Promise.all([
      evaluate(model, slow(12), { loss }),
      fit(model, {
        data: slow(8),
        loss,
        optimizer,
        epochs: 1,
        onBatch: (report) => void losses.push(report.loss),
      }),
    ]);
    // With dropout no batch is without a loss.
    expect(losses.every((value) => value > 0)).toBe(true);
    expect(modesOf(model)).toEqual([true, true]);
  });

  it('predict and a change of modes stand, whoever waits', async () => {
    const model = new nn.Sequential(new nn.Dropout(0.5));
    const evaluation = evaluate(model, slow(4), { loss });
    await new Promise((resolve) => setImmediate(resolve));
    expect(model.training).toBe(true);
    expect(model.predict(inputs)).toEqual(inputs);
    model.eval();
    expect((await evaluation).loss).toBe(0);
    expect(modesOf(model)).toEqual([false, false]);
  });

  it('a stream that fails leaves the modes alone', async () => {
    const model = new nn.Sequential(new nn.Dropout(0.5));
    const failing = async function* () {
      yield* slow(1);
      model.eval();
      throw new Error('no more');
    };
    const other = evaluate(model, slow(5), { loss });
    await expect(evaluate(model, failing(), { loss })).rejects.toThrow('no more');
    expect(modesOf(model)).toEqual([false, false]);
    expect((await other).loss).toBe(0);
    expect(modesOf(model)).toEqual([false, false]);
  });
});

describe('a callback that fails leaves modes and output as they were, and is told once', () => {
  it.each(['onTrainBegin', 'onEpochBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const)(
    '%s',
    async (method) => {
      const model = new nn.Sequential(new nn.Dropout(0.5), new nn.Linear(2, 2));
      model.eval();
      model.layers[0].training = true;
      model.output = 'raw';
      let calls = 0;
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const failing = {
        [method]: () => {
          calls++;
          throw new Error('mine');
        },
      };
      const targets = inputs.map(() => [0, 1]);
      const dataset = new data.TensorDataset(inputs, targets);
      const training = fit(model, {
        data: new data.DataLoader(dataset),
        loss: new nn.BCEWithLogitsLoss(),
        optimizer,
        epochs: 1,
        callbacks: [failing],
      });
      await expect(training).rejects.toThrow('mine');
      expect(calls).toBe(1);
      expect(modesOf(model)).toEqual([false, true, false]);
      expect(model.output).toBe('raw');
    },
  );
});
