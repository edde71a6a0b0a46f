import { describe, expect, it } from 'vitest';
import {
  crossValidate,
  data,
  deadUnits,
  evaluate,
  fit,
  layerStatistics,
  lrRangeTest,
  nn,
  optim,
  tensor,
} from 'wasmgrad';

// What forward() and losses give back is looked at once, so that an error names the class that forgot to return.

const dataset = new data.TensorDataset([[1, 2]], [[1, 2]]);
const loader = new data.DataLoader(dataset);
const good = new nn.MSELoss();
const x = tensor([[1, 2]]);

const FORGOTTEN: [string, unknown, string][] = [
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
  ['a number', 3, '3'],
  ['an array', [[1, 2]], 'an Array'],
  ['a promise', Promise.resolve(x), 'a Promise'],
  ['an object', { x }, 'an Object'],
];

function returning(value: unknown): nn.Module {
  class Net extends nn.Module {
    weight = new nn.Parameter([1, 2]);
    override forward(): never {
      return value as never;
    }
  }
  return new Net();
}

type Use = [string, (model: nn.Module) => unknown];
const sgd = (model: nn.Module): optim.SGD => new optim.SGD(model.parameters(), { lr: 0.1 });
const USES: Use[] = [
  ['fit', (model) => fit(model, { data: loader, loss: good, optimizer: sgd(model), epochs: 1 })],
  [
    'fit with anomaly',
    (model) => fit(model, { data: loader, loss: good, optimizer: sgd(model), epochs: 1, anomaly: true }),
  ],
  ['evaluate', (model) => evaluate(model, loader, { loss: good })],
  ['predict', (model) => model.predict([[1, 2]])],
  ['predict of one row', (model) => model.predict([1, 2])],
  ['predict of a typed array', (model) => model.predict(new Float32Array([1, 2]))],
  [
    'lrRangeTest',
    (model) => lrRangeTest(model, { data: loader, loss: good, optimizer: sgd(model), steps: 2 }),
  ],
  [
    'crossValidate',
    (model) =>
      crossValidate(() => model, {
        data: new data.TensorDataset([[1, 2], [3, 4]], [[1, 2], [3, 4]]), // prettier-ignore
        folds: new data.KFold({ folds: 2 }),
        loss: good,
        optimizer: sgd,
        epochs: 1,
      }),
  ],
  ['deadUnits', (model) => deadUnits(model, loader)],
  ['layerStatistics', (model) => layerStatistics(model, [[[1, 2]], [[1, 2]]], good)],
  ['summary', (model) => nn.summary(model, [1, 2])],
];
const INSIDE: Use[] = [
  ['Sequential', (model) => new nn.Sequential(model, new nn.ReLU()).forward(x)],
  ['Sequential, the last', (model) => new nn.Sequential(new nn.ReLU(), model).forward(x)],
  ['Residual', (model) => new nn.Residual(model).forward(x)],
  ['Concat', (model) => new nn.Concat(new nn.ReLU(), model).forward(x)],
  ['predict of a Sequential', (model) => new nn.Sequential(model).predict([[1, 2]])],
];

const failureOf = async (work: () => unknown): Promise<Error> => {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

describe('forward() that returns no tensor', () => {
  it.each([...USES, ...INSIDE])('%s', async (_, use) => {
    for (const [, value, shown] of FORGOTTEN) {
      const error = await failureOf(() => use(returning(value)));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toBe(`Net.forward: expected a tensor, got ${shown}`);
    }
  });
});

describe('a loss that returns no tensor', () => {
  const model = (): nn.Linear => new nn.Linear(2, 2);
  type LossUse = [string, (loss: never) => unknown];
  const uses: LossUse[] = [
    ['fit', (loss) => {
      const net = model();
      return fit(net, { data: loader, loss, optimizer: sgd(net), epochs: 1 });
    }], // prettier-ignore
    ['fit', (loss) => {
      const net = model();
      return fit(net, { data: loader, loss, optimizer: sgd(net), epochs: 1, accumulate: 2 });
    }], // prettier-ignore
    ['evaluate', (loss) => evaluate(model(), loader, { loss })],
    ['lrRangeTest', (loss) => {
      const net = model();
      return lrRangeTest(net, { data: loader, loss, optimizer: sgd(net), steps: 2 });
    }], // prettier-ignore
    ['layerStatistics', (loss) => layerStatistics(model(), [[[1, 2]], [[1, 2]]], loss)],
  ];
  it.each(uses)('%s', async (name, use) => {
    for (const [, value, shown] of FORGOTTEN) {
      const forward = (): unknown => value;
      const losses = name === 'layerStatistics' ? [{ forward }] : [{ forward }, forward];
      for (const loss of losses) {
        const error = await failureOf(() => use(loss as never));
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toBe(`${name}: expected the loss to give a tensor, got ${shown}`);
      }
    }
  });
});

describe('what is no model', () => {
  const uses: [string, (model: never) => unknown][] = [
    ['evaluate', (model) => evaluate(model, loader, { loss: good })],
    [
      'fit',
      (model) => fit(model, { data: loader, loss: good, optimizer: sgd(new nn.Linear(1, 1)), epochs: 1 }),
    ],
    [
      'lrRangeTest',
      (model) => lrRangeTest(model, { data: loader, loss: good, optimizer: sgd(new nn.Linear(1, 1)) }),
    ],
    ['layerStatistics', (model) => layerStatistics(model, [[[1, 2]], [[1, 2]]], good)],
    ['deadUnits', (model) => deadUnits(model, loader)],
    ['summary', (model) => nn.summary(model)],
  ];
  it.each(uses)('%s', async (name, use) => {
    for (const value of [null, undefined, {}, 3, 'model', [new nn.Linear(1, 1)], { forward: () => x }]) {
      const error = await failureOf(() => use(value as never));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(new RegExp(`^${name}: expected a model that extends nn.Module`));
    }
  });
});
