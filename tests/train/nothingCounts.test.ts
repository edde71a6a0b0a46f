import { describe, expect, it } from 'vitest';
import {
  AnomalyError,
  callbacks,
  crossValidate,
  data,
  evaluate,
  fit,
  lrRangeTest,
  nn,
  optim,
  tensor,
  type History,
  type Tensor,
} from 'wasmgrad';

const loaderOf = (inputs: number[][], targets: number[] | number[][], batchSize: number): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(inputs, targets), { batchSize });
const linear = (weight: number[][], bias: number[]): nn.Linear => {
  const layer = new nn.Linear(weight[0].length, weight.length);
  layer.loadStateDict({ weight: tensor(weight), bias: tensor(bias) });
  return layer;
};
const two = (): nn.Linear => linear([[1], [2]], [0, 0]);
const numbers = (count: number): number[][] => Array.from({ length: count }, (_, i) => [i + 1]);
const ignoring = (): nn.CrossEntropyLoss => new nn.CrossEntropyLoss({ ignoreIndex: -1 });

/** A loss that is made of another one. */
class Twice extends nn.CrossEntropyLoss {
  override forward(output: Tensor, target: Tensor): Tensor {
    return super.forward(output, target).mul(2);
  }
}
const MADE: [name: string, loss: () => nn.Loss | nn.LossFunction, by: number][] = [
  ['itself', ignoring, 1],
  ['a subclass', () => new Twice({ ignoreIndex: -1 }), 2],
  ['a function around it', () => (output, target) => ignoring().forward(output, target).mul(2), 2],
  ['a function that returns it', () => (output, target) => ignoring().forward(output, target), 1],
  [
    'an object around it',
    () => ({
      forward: (output: Tensor, target: Tensor) => ignoring().forward(output, target).mul(2),
      output: 'raw',
    }),
    2,
  ],
  [
    'a penalty beside it',
    () => (output, target) => ignoring().forward(output, target).add(output.detach().mul(0).sum().add(1)),
    NaN,
  ],
];

describe('steps of batches in which no row counts', () => {
  const nothing = [0, -1, -1, -1, -1, -1];
  it.each([
    ['a plateau', (o: optim.Optimizer) => new optim.ReduceLROnPlateau(o, { patience: 1 })],
    [
      'a plateau after another schedule',
      (o: optim.Optimizer) =>
        new optim.SequentialLR(o, {
          schedulers: [
            new optim.LambdaLR(o, { lrLambda: () => 1 }),
            new optim.ReduceLROnPlateau(o, { patience: 1 }),
          ],
          milestones: [1],
        }),
    ],
  ] as const)('move no schedule that waits for a figure: %s', async (_, make) => {
    for (const accumulate of [1, 2]) {
      const model = two();
      const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
      const schedule = { scheduler: make(optimizer as never), every: 'batch' as const };
      const labels = accumulate === 1 ? nothing : [0, 0, ...Array<number>(8).fill(-1)];
      const loader = loaderOf(numbers(labels.length), labels, 1);
      await fit(model, { data: loader, loss: ignoring(), optimizer, epochs: 1, schedule, accumulate });
      expect(optimizer.lr).toBe(1);
    }
  });

  it('of whole epochs neither', async () => {
    const model = two();
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
    const schedule = new optim.ReduceLROnPlateau(optimizer, { patience: 1 });
    const loader = loaderOf(numbers(2), [-1, -1], 1);
    await fit(model, { data: loader, loss: ignoring(), optimizer, epochs: 6, schedule });
    expect(optimizer.lr).toBe(1);
  });

  it('count for schedules that go by steps', async () => {
    const model = two();
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
    const scheduler = new optim.StepLR(optimizer, { stepSize: 3, gamma: 0.5 });
    const schedule = { scheduler, every: 'batch' as const };
    const loader = loaderOf(numbers(6), nothing, 1);
    await fit(model, { data: loader, loss: ignoring(), optimizer, epochs: 1, schedule });
    expect(optimizer.lr).toBe(0.25);
  });

  it('leave the figure of an epoch so far as it was, and no callback stops for them', async () => {
    const model = two();
    const seen: [number, number][] = [];
    const shown: number[] = [];
    const stopping = new callbacks.EarlyStopping({ monitor: 'loss', patience: 1 });
    await fit(model, {
      data: loaderOf(numbers(3), [0, -1, -1], 1),
      loss: ignoring(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 2,
      onBatch: ({ loss, meanLoss }) => void seen.push([loss, meanLoss]),
      callbacks: [stopping, new callbacks.ProgressBar({ show: ({ loss }) => void shown.push(loss) })],
    });
    expect(stopping.stoppedEpoch).toBeUndefined();
    expect(seen).toHaveLength(6);
    expect(seen[1]).toEqual([NaN, seen[0][1]]);
    expect(seen[2]).toEqual([NaN, seen[0][1]]);
    expect(shown.every(Number.isFinite)).toBe(true);
  });

  const moves = async (options: { momentum?: number; weightDecay?: number }): Promise<number> => {
    const model = two();
    const after: number[] = [];
    await fit(model, {
      data: loaderOf(numbers(2), [0, -1], 1),
      loss: ignoring(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1, ...options }),
      epochs: 1,
      onBatch: () => void after.push(model.weight.data[0]),
    });
    return after[1] - after[0];
  };
  it('have the gradient 0, with which momentum and decay go on', async () => {
    expect(await moves({})).toBe(0);
    expect(await moves({ momentum: 0.9 })).not.toBe(0);
    expect(await moves({ weightDecay: 0.5 })).not.toBe(0);
  });
});

describe('anomaly looks past the mean of nothing', () => {
  it.each([
    ...MADE,
    ['a class of weight 0', () => new nn.CrossEntropyLoss({ weight: [1, 0] }), 0] as (typeof MADE)[0],
  ])('of %s', async (_, loss) => {
    for (const accumulate of [1, 2]) {
      const run = async (anomaly: boolean): Promise<[number, unknown]> => {
        const model = two();
        const given = loss();
        const empty =
          typeof given !== 'function' && given.ignoreIndex === undefined && 'name' in given ? 1 : -1;
        const { epochs } = await fit(model, {
          data: loaderOf(numbers(4), [0, empty, 0, empty], 1),
          loss: given,
          optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
          epochs: 2,
          accumulate,
          anomaly,
        });
        return [epochs[1].loss, model.weight.toArray()];
      };
      expect(await run(true)).toEqual(await run(false));
      expect((await run(true))[0]).toBeGreaterThan(0);
    }
  });

  it.each([
    ['logits', linear([[NaN], [1]], [0, 0])],
    ['a loss', linear([[3e38], [-3e38]], [0, 0])],
  ])('and finds what is not finite in a batch that counts: %s', async (_, model) => {
    const training = fit(model, {
      data: loaderOf([[1], [-10]], [-1, 0], 1),
      loss: ignoring(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
      epochs: 1,
      anomaly: true,
    });
    await expect(training).rejects.toThrow(AnomalyError);
  });
});

describe('what a loss that is made of a mean counts', () => {
  it.each(MADE)('%s', async (_, loss, by) => {
    const labels = [0, -1, 1, -1, -1, 0];
    const figures: number[] = [];
    for (const size of [6, 2, 1, 4]) {
      const loader = loaderOf(numbers(6), labels, size);
      const got = (await evaluate(two(), loader, { loss: loss(), metrics: [] })).loss;
      figures.push(got);
      const model = two();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0 });
      const history = await fit(model, { data: loader, loss: loss(), optimizer, epochs: 1 });
      expect(history.epochs[0].loss).toBeCloseTo(got, 5);
    }
    const [whole] = figures;
    for (const figure of figures) expect(figure).toBeCloseTo(whole, 5);
    const plain = ignoring()
      .forward(two().forward(numbers(6)), labels)
      .item();
    expect(whole).toBeCloseTo(Number.isNaN(by) ? plain + 1 : plain * by, 5);
  });

  it('a mean of this library beside one of your own says nothing of its rows', async () => {
    const penalty = new nn.L1Loss();
    const loss: nn.LossFunction = (output, target) =>
      penalty.forward([[1], [2]], [[0], [0]]).add(output.sub(target).square().mean());
    const whole = 1.5 + (4 + 9 + 16) / 3;
    for (const size of [3, 2, 1]) {
      const loader = loaderOf([[2], [3], [4]], [[0], [0], [0]], size);
      expect((await evaluate(linear([[1]], [0]), loader, { loss })).loss).toBeCloseTo(whole, 4);
    }
  });
});

describe('a class of weight 0 with smoothing leaves something where its weight is 0', () => {
  const CASES: [name: string, options: nn.CrossEntropyLossOptions, labels: number[]][] = [
    ['in a report that showed it', { weight: [1, 0], labelSmoothing: 0.1 }, [1, 0]],
    ['first', { weight: [1, 0], labelSmoothing: 0.3 }, [1, 1, 0, 1, 0, 0]],
    [
      'with a label that is ignored',
      { weight: [0, 4], labelSmoothing: 0.2, ignoreIndex: -1 },
      [0, -1, 1, 0, -1],
    ],
    ['with large weights', { weight: [0, 3e38], labelSmoothing: 0.2 }, [0, 1, 1, 0]],
  ];
  it.each(CASES)('%s', async (_, options, labels) => {
    const loss = new nn.CrossEntropyLoss(options);
    const rows = numbers(labels.length);
    const whole = loss.forward(two().forward(rows), labels).item();
    const steps: number[][] = [];
    for (const size of [labels.length, 1, 2]) {
      const loader = loaderOf(rows, labels, size);
      expect((await evaluate(two(), loader, { loss })).loss).toBeCloseTo(whole, 5);
      for (const onBatch of [undefined, () => undefined]) {
        const model = two();
        const history = await fit(model, {
          data: loader,
          validation: loader,
          loss,
          optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
          epochs: 1,
          accumulate: labels.length,
          onBatch,
        });
        expect(history.epochs[0].loss).toBeCloseTo(whole, 5);
        steps.push([...model.weight.data]);
      }
    }
    for (const step of steps) step.forEach((weight, i) => expect(weight).toBeCloseTo(steps[0][i], 5));
  });

  it('and moves nothing where that is all there is', async () => {
    const loss = new nn.CrossEntropyLoss({ weight: [1, 0], labelSmoothing: 0.1 });
    for (const accumulate of [1, 2]) {
      const model = two();
      await fit(model, {
        data: loaderOf(numbers(2), [1, 1], 1),
        loss,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        epochs: 1,
        accumulate,
      });
      expect([...model.weight.data]).toEqual([1, 2]);
    }
  });
});

describe('what weightOf returns', () => {
  const squares = (output: Tensor, target: Tensor): Tensor => output.sub(target).square();
  const mean = (output: Tensor, target: Tensor): Tensor => squares(output, target).mean();
  const sum = (output: Tensor, target: Tensor): Tensor => squares(output, target).sum();
  const accumulated = async (loss: nn.Loss, size: number): Promise<number> => {
    const model = linear([[1]], [0]);
    await fit(model, {
      data: loaderOf([[1], [2], [3]], [[3], [4], [0]], size),
      loss,
      optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
      epochs: 1,
      accumulate: 3,
    });
    return model.weight.item();
  };
  const rowsOf = (x: Tensor): number => x.shape[0];

  it.each([
    ['rows', mean, rowsOf, 1],
    ['rows as a tensor', mean, (x: Tensor) => tensor(rowsOf(x)), 1],
    ['tiny weights', mean, (x: Tensor) => tensor(rowsOf(x) * 1e-38), 1],
    ['huge weights', mean, (x: Tensor) => tensor(rowsOf(x) * 1e38), 1],
    ['tiny numbers', mean, (x: Tensor) => rowsOf(x) * 1e-38, 1],
    ['a tensor [1]', mean, (x: Tensor) => tensor([rowsOf(x)]), 1],
    ['a computed tensor', mean, (x: Tensor) => x.mul(0).add(1).sum(), 1],
    ['Infinity', sum, () => Infinity, 3],
    ['Infinity as a tensor', sum, () => tensor(Infinity), 3],
    ['Infinity that was computed', sum, (x: Tensor) => x.abs().sum().add(1).log().mul(Infinity), 3],
  ] as [string, nn.LossFunction, nn.Loss['weightOf'], number][])('%s', async (_, forward, weightOf, by) => {
    // Of Σ (w · x − y)² at w = 1, b = 0.
    const slope = 2 * (1 * (1 - 3) + 2 * (2 - 4) + 3 * (3 - 0));
    for (const size of [3, 2, 1]) {
      const loss = { forward, weightOf };
      expect(await accumulated(loss, size)).toBeCloseTo(1 - (0.01 * slope * by) / 3, 5);
      const loader = loaderOf([[1], [2], [3]], [[3], [4], [0]], size);
      const figure = await evaluate(linear([[1]], [0]), loader, { loss });
      expect(figure.loss / ((17 / 3) * by)).toBeCloseTo(1, 5);
    }
  });

  it.each([
    [
      'a vector',
      () => tensor([1, 2]),
      RangeError,
      /weightOf\(\) to return a number or a tensor of one number, got one \[2\]/,
    ],
    ['a negative number', () => -1, RangeError, /what weightOf\(\) returns to be a number ≥ 0, got -1/],
    ['NaN', () => NaN, RangeError, /what weightOf\(\) returns .* got NaN/],
    ['a text', () => '3', TypeError, /what weightOf\(\) returns .* got string "3"/],
  ] as [string, () => never, typeof RangeError, RegExp][])(
    '%s is refused',
    async (_, weightOf, Kind, says) => {
      const loader = loaderOf([[1], [2]], [[3], [4]], 2);
      const loss = { forward: mean, weightOf };
      const model = linear([[1]], [0]);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
      const calls = {
        fit: () => fit(model, { data: loader, loss, optimizer, epochs: 1 }),
        evaluate: () => evaluate(model, loader, { loss }),
        lrRangeTest: () => lrRangeTest(model, { data: loader, loss, optimizer }),
      };
      for (const [name, act] of Object.entries(calls)) {
        const error = await act().then(
          () => undefined,
          (reason: Error) => reason,
        );
        expect(error).toBeInstanceOf(Kind);
        expect(error!.message).toMatch(says);
        expect(error!.message.startsWith(`${name}: `)).toBe(true);
      }
      expect(model.weight.item()).toBe(1);
    },
  );
});

describe('metrics leave out what a loss ignores', () => {
  const ce = new nn.CrossEntropyLoss({ ignoreIndex: 255 });
  const column: nn.Loss = {
    forward: (output, target) => ce.forward(output, target.reshape(-1)),
    ignoreIndex: 255,
    output: 'softmax',
  };
  it.each([
    ['targets as a column', column, [[0], [255], [1]]],
    ['an index that float32 has not', new nn.CrossEntropyLoss({ ignoreIndex: 16777217 }), [0, 16777217, 1]],
    ['the same in a column', { ...column, forward: (o: Tensor, y: Tensor) => new nn.CrossEntropyLoss({ ignoreIndex: 16777217 }).forward(o, y.reshape(-1)), ignoreIndex: 16777217 }, [[0], [16777217], [1]]], // prettier-ignore
  ] as [string, nn.Loss, number[] | number[][]][])('%s', async (_, loss, targets) => {
    for (const size of [3, 2, 1]) {
      const names = ['accuracy', 'f1', 'logLoss', 'rocAuc'];
      const figures = await evaluate(two(), loaderOf([[1], [2], [3]], targets, size), {
        loss,
        metrics: names,
      });
      expect(figures.accuracy).toBe(0.5);
      expect(figures.rocAuc).toBe(1);
      expect(figures.logLoss).toBeCloseTo(figures.loss, 5);
    }
  });

  it('decisions of their own, too', async () => {
    const bce = new nn.BCEWithLogitsLoss({ reduction: 'none' });
    const loss: nn.Loss = {
      output: 'sigmoid',
      ignoreIndex: -1,
      forward: (output, target) => bce.forward(output, target.relu()).mean(),
    };
    const loader = loaderOf([[1], [-1]], [[1, -1], [-1, 1]], 2); // prettier-ignore
    const { accuracy } = await evaluate(two(), loader, { loss, metrics: ['accuracy'] });
    expect(accuracy).toBe(0.5);
  });
});

describe('a figure of nothing in a history', () => {
  const settings = (model: nn.Module, epochs: number) => ({
    data: loaderOf(numbers(2), [-1, -1], 1),
    validation: loaderOf(numbers(2), [-1, -1], 1),
    loss: ignoring(),
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
    epochs,
  });
  it('is NaN after JSON and resume, as before', async () => {
    const model = two();
    const half = await fit(model, settings(model, 1));
    const resume = JSON.parse(JSON.stringify(half)) as History;
    expect(resume.epochs[0].loss).toBeNull();
    const { epochs } = await fit(model, { ...settings(model, 2), resume });
    expect(epochs).toHaveLength(2);
    for (const { loss, validationLoss, validationAccuracy } of epochs) {
      expect([loss, validationLoss, validationAccuracy]).toEqual([NaN, NaN, NaN]);
    }
    expect(resume.epochs[0].loss).toBeNull();
  });

  it('of an older version, without weights, goes on with each row counting 1', async () => {
    const run = async (change: (history: History) => void): Promise<number> => {
      const model = two();
      const options = {
        data: loaderOf(numbers(4), [0, 1, 0, 1], 1),
        loss: new nn.CrossEntropyLoss(),
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        epochs: 1,
      };
      const begun = await fit(model, {
        ...options,
        callbacks: [{ onBatchEnd: ({ batch }, training) => void (batch === 2 && training.interrupt()) }],
      });
      change(begun);
      const resume = JSON.parse(JSON.stringify(begun)) as History;
      const onBatchEnd = (): void => undefined;
      return (await fit(model, { ...options, callbacks: [{ onBatchEnd }], resume })).epochs[0].loss;
    };
    const whole = await run(() => undefined);
    expect(Number.isFinite(whole)).toBe(true);
    expect(await run(({ state }) => delete (state.epoch as { weight?: number }).weight)).toBe(whole);
  });
});

describe('crossValidate', () => {
  it('leaves folds in which no row counts out of mean and deviation', async () => {
    const labels = [0, 1, -1, -1, 1, 0];
    const fold = (test: number[]) => ({
      train: Int32Array.from([0, 1]),
      test: Int32Array.from(test),
    });
    const run = (folds: number[][]) =>
      crossValidate(two, {
        data: new data.TensorDataset(numbers(6), labels),
        loss: ignoring(),
        optimizer: (model) => new optim.SGD(model.parameters(), { lr: 0 }),
        epochs: 1,
        folds: folds.map(fold),
        metrics: ['accuracy', 'f1'],
        seed: 1,
      });
    const [whole, some, none] = [await run([[0, 1], [4, 5]]), await run([[0, 1], [2, 3], [4, 5]]), await run([[2, 3]])]; // prettier-ignore
    expect(some.folds).toHaveLength(3);
    expect(some.folds[1].evaluation.loss).toBeNaN();
    expect(some.mean).toEqual(whole.mean);
    expect(some.std).toEqual(whole.std);
    expect(Number.isFinite(some.mean.loss)).toBe(true);
    expect(none.mean.loss).toBeNaN();
  });
});

describe('lrRangeTest of losses below 0', () => {
  it.each([0, 1, 5, 100])('goes on until the loss explodes: %f less', async (less) => {
    const run = async (by: number) => {
      const model = linear([[1]], [0]);
      return lrRangeTest(model, {
        data: loaderOf([[1], [2]], [[1], [2]], 2),
        loss: (output) => output.mul(output).mean().sub(by),
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        steps: 20,
      });
    };
    const { lrs, smoothed } = await run(less);
    expect(lrs.length).toBeGreaterThan(15);
    const best = Math.min(...smoothed);
    for (const loss of smoothed.slice(0, -1)) expect(loss).toBeLessThanOrEqual(best + 3 * Math.abs(best));
  });
});
