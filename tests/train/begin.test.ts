import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  callbacks,
  crossValidate,
  data,
  evaluate,
  fit,
  lrRangeTest,
  metrics,
  nn,
  optim,
  setWarningHandler,
  type FitOptions,
  type Tensor,
} from 'wasmgrad';

const rows = Array.from({ length: 6 }, (_, i) => [Math.sin(i), Math.cos(i)]);
const classes = [0, 1, 2, 0, 1, 2];
const loaderOf = (targets: number[] | number[][], inputs = rows): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(inputs, targets), { batchSize: 6 });
const loader = loaderOf(classes);
const sgd = (model: nn.Module): optim.SGD => new optim.SGD(model.parameters(), { lr: 0.1 });

/** Fits a model for an epoch with these options instead of good ones. */
function fitted(model: nn.Module, options: Record<string, unknown> = {}): Promise<unknown> {
  return fit(model, {
    data: loader,
    loss: new nn.CrossEntropyLoss(),
    optimizer: options.optimizer ? undefined : sgd(model),
    epochs: 1,
    ...options,
  } as unknown as FitOptions);
}

let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  setWarningHandler((message) => warnings.push(message));
});
afterEach(() => setWarningHandler());

describe('a class instead of an object of it is said to be one', () => {
  const model = new nn.Linear(2, 3);
  const ema = optim.EMA;
  it.each<[string, string, Record<string, unknown>]>([
    ['loss', 'MSELoss', { loss: nn.MSELoss }],
    ['loss', 'CrossEntropyLoss', { loss: nn.CrossEntropyLoss }],
    ['optimizer', 'SGD', { optimizer: optim.SGD }],
    ['optimizer', 'Adam', { optimizer: optim.Adam }],
    ['data', 'DataLoader', { data: data.DataLoader }],
    ['validation', 'DataLoader', { validation: data.DataLoader }],
    ['callback 0', 'EarlyStopping', { callbacks: [callbacks.EarlyStopping] }],
    ['callback 1', 'ProgressBar', { callbacks: [new callbacks.LRLogger(), callbacks.ProgressBar] }],
    ['metric 0', 'F1', { validation: loader, metrics: [metrics.F1] }],
    ['metric 1', 'Accuracy', { validation: loader, metrics: ['f1', metrics.Accuracy] }],
    ['scheduler', 'StepLR', { schedule: optim.StepLR }],
    ['scheduler', 'OneCycleLR', { schedule: { scheduler: optim.OneCycleLR, every: 'batch' } }],
    ['ema', 'EMA', { ema }],
  ])('%s: %s', async (what, name, options) => {
    const message = `fit: expected ${what} to be an object, got the class ${name}; make one with new`;
    await expect(fitted(model, options)).rejects.toThrow(new TypeError(message));
  });

  it('in place of a model, and in other calls', async () => {
    const loss = nn.MSELoss as unknown as nn.Loss;
    const says = (call: string, what: string, name: string): TypeError =>
      new TypeError(`${call}: expected ${what} to be an object, got the class ${name}; make one with new`);
    await expect(fitted(nn.Linear as never, { optimizer: sgd(model) })).rejects.toThrow(
      says('fit', 'model', 'Linear'),
    );
    await expect(evaluate(model, loader, { loss })).rejects.toThrow(says('evaluate', 'loss', 'MSELoss'));
    await expect(
      evaluate(model, loader, { loss: new nn.MSELoss(), metrics: [metrics.MAE as never] }),
    ).rejects.toThrow(says('evaluate', 'metric 0', 'MAE'));
    await expect(lrRangeTest(model, { data: loader, loss, optimizer: sgd(model) })).rejects.toThrow(
      says('lrRangeTest', 'loss', 'MSELoss'),
    );
    await expect(
      crossValidate(() => model, { data: loader.dataset, loss, optimizer: sgd, epochs: 1 }),
    ).rejects.toThrow(says('crossValidate', 'loss', 'MSELoss'));
  });

  it('functions are losses', async () => {
    const forward = function (output: Tensor): Tensor {
      return output.square().mean();
    };
    await fitted(model, { loss: forward });
    await fitted(model, { loss: (output: Tensor) => output.square().mean() });
  });
});

describe('an optimizer of other parameters', () => {
  it('is an error where none is of the model', async () => {
    const model = new nn.Linear(2, 3);
    const before = model.weight.toArray();
    for (const optimizer of [sgd(new nn.Linear(2, 3)), new optim.Adam([new nn.Parameter([1])])]) {
      await expect(fitted(model, { optimizer })).rejects.toThrow(
        "fit: the optimizer holds none of the model's parameters; make it of model.parameters()",
      );
      await expect(
        lrRangeTest(model, { data: loader, loss: new nn.CrossEntropyLoss(), optimizer }),
      ).rejects.toThrow("lrRangeTest: the optimizer holds none of the model's parameters");
    }
    expect(model.weight.toArray()).toEqual(before);
  });

  const body = new nn.Linear(2, 4);
  const head = new nn.Linear(4, 3);
  const model = new nn.Sequential(body, head);
  const extra = new nn.Parameter([1]);
  const learning = (output: Tensor): Tensor => output.square().mean().mul(extra.sum());
  it.each<[string, Record<string, unknown>]>([
    ['all', { optimizer: sgd(model) }],
    ['the last layer alone', { optimizer: sgd(head) }],
    [
      'groups',
      {
        optimizer: new optim.SGD([{ params: body.parameters(), lr: 0.1 }, { params: head.parameters() }], {
          lr: 1,
        }),
      },
    ],
    [
      'those of the loss, too',
      { optimizer: new optim.SGD([...model.parameters(), extra], { lr: 0.1 }), loss: learning },
    ],
    ["an optimizer of one's own", { optimizer: { zeroGrad: () => undefined, step: () => undefined } }],
  ])('is not: %s', async (_, options) => {
    await fitted(model, options);
    expect(warnings).toEqual([]);
  });

  it('is not where the frozen ones are left out', async () => {
    const frozen = new nn.Sequential(new nn.Linear(2, 4), new nn.Linear(4, 3));
    for (const parameter of frozen.layers[0].parameters()) parameter.requiresGrad = false;
    await fitted(frozen, {
      optimizer: new optim.SGD([...frozen.layers[1].parameters(), extra], { lr: 0.1 }),
    });
    expect(warnings).toEqual([]);
  });

  it('is a warning where a layer was replaced after the optimizer was made', async () => {
    class Net extends nn.Module {
      body = new nn.Linear(2, 4);
      head = new nn.Linear(4, 2);
      override forward(x: Tensor): Tensor {
        return this.head.forward(this.body.forward(x));
      }
    }
    const net = new Net();
    const optimizer = sgd(net);
    net.head = new nn.Linear(4, 3);
    await fitted(net, { optimizer });
    expect(warnings).toEqual([
      "fit: the optimizer holds 2 parameters that are not the model's, and not its 'head.weight'; " +
        'were layers replaced after the optimizer was made?',
    ]);
  });
});

describe('a schedule or an average of something else', () => {
  const model = new nn.Linear(2, 3);
  const other = new nn.Linear(2, 3);
  const [own, second, foreign] = [sgd(model), sgd(model), sgd(other)];
  const stepLR = (optimizer: optim.SGD): optim.StepLR => new optim.StepLR(optimizer, { stepSize: 1 });
  const wrapped = { zeroGrad: () => own.zeroGrad(), step: () => own.step() };
  const elsewhere = "fit: the schedule's optimizer holds none of the model's parameters";

  it.each<[string, Record<string, unknown>, string]>([
    ['another model', { schedule: stepLR(foreign) }, elsewhere],
    ['another model, each batch', { schedule: { scheduler: stepLR(foreign), every: 'batch' } }, elsewhere],
    [
      'another model, in a row',
      {
        schedule: new optim.SequentialLR(foreign, {
          schedulers: [stepLR(foreign), stepLR(foreign)],
          milestones: [1],
        }),
      },
      elsewhere,
    ],
    ['another model, with a wrapper', { optimizer: wrapped, schedule: stepLR(foreign) }, elsewhere],
    ['another optimizer', { schedule: stepLR(second) }, 'fit: the schedule is one of another optimizer'],
    [
      'another model, an average',
      { ema: new optim.EMA(other.parameters()) },
      "fit: ema holds none of the model's parameters; make it of model.parameters()",
    ],
    ['nothing', { schedule: null }, 'fit: expected schedule to be one of optim'],
    ['a text', { schedule: 'cosine' }, 'fit: expected schedule to be one of optim'],
    [
      'no known time',
      { schedule: { scheduler: stepLR(own), every: 'week' } },
      "fit: expected every to be 'epoch' or 'batch', got string \"week\"",
    ],
  ])('%s: is an error, with nothing changed', async (_, options, message) => {
    const before = JSON.stringify([model.stateDict(), other.stateDict()]);
    await expect(fitted(model, { optimizer: own, ...options })).rejects.toThrow(message);
    expect(JSON.stringify([model.stateDict(), other.stateDict()])).toBe(before);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a schedule of the optimizer', { schedule: stepLR(own) }],
    ['a schedule of the optimizer in a wrapper', { optimizer: wrapped, schedule: stepLR(own) }],
    ["a schedule of one's own", { schedule: { step: () => undefined } }],
    ['an average of some of the parameters', { ema: new optim.EMA([model.weight]) }],
  ])('%s: is none', async (_, options) => {
    await fitted(model, { optimizer: own, ...options });
    expect(warnings).toEqual([]);
  });
});

describe('a loss that hardly goes with outputs and targets', () => {
  const one = rows.map(([a]) => [a > 0 ? 1 : 0]);
  const signs = rows.map(([a]) => [a > 0 ? 1 : -1]);
  const ending = (last: nn.Module, width = 3): nn.Module => new nn.Sequential(new nn.Linear(2, width), last);
  class Functional extends nn.Module {
    inner = new nn.Linear(2, 3);
    override forward(x: Tensor): Tensor {
      return this.inner.forward(x).softmax(-1).reshape(-1, 3);
    }
  }
  const ce = new nn.CrossEntropyLoss();
  const leaveOut = (loss: string, applies: string, last: string): string =>
    `fit: ${loss} applies ${applies} to the outputs itself, and the model ends with ${last}; leave ${last} out of the model`;

  it.each<[string, nn.Module, nn.Loss, data.DataLoader, string]>([
    ['Softmax', ending(new nn.Softmax(-1)), ce, loader, leaveOut('CrossEntropyLoss', 'softmax', 'softmax')],
    [
      'LogSoftmax',
      ending(new nn.LogSoftmax(-1)),
      ce,
      loader,
      leaveOut('CrossEntropyLoss', 'softmax', 'logSoftmax'),
    ],
    ['Sigmoid', ending(new nn.Sigmoid()), ce, loader, leaveOut('CrossEntropyLoss', 'softmax', 'sigmoid')],
    [
      "a softmax of a model of one's own",
      new Functional(),
      ce,
      loader,
      leaveOut('CrossEntropyLoss', 'softmax', 'softmax'),
    ],
    [
      'Sigmoid',
      ending(new nn.Sigmoid(), 1),
      new nn.BCEWithLogitsLoss(),
      loaderOf(one),
      leaveOut('BCEWithLogitsLoss', 'sigmoid', 'sigmoid'),
    ],
    [
      'Softmax',
      ending(new nn.Softmax(-1)),
      new nn.NLLLoss(),
      loader,
      'fit: NLLLoss wants logarithms of probabilities, and the model ends with softmax; take nn.LogSoftmax',
    ],
    [
      'one class',
      new nn.Linear(2, 1),
      ce,
      loaderOf([0, 0, 0, 0, 0, 0]),
      'fit: CrossEntropyLoss of a single class is always 0; for two classes take two outputs, or nn.BCEWithLogitsLoss with one',
    ],
    [
      'targets beyond 1',
      new nn.Linear(2, 1),
      new nn.BCEWithLogitsLoss(),
      loaderOf(classes.map((label) => [label])),
      'fit: BCEWithLogitsLoss wants targets from 0 to 1, and some are outside; for several classes take nn.CrossEntropyLoss',
    ],
    [
      '0 and 1',
      new nn.Linear(2, 1),
      new nn.HingeLoss(),
      loaderOf(one),
      'fit: HingeLoss wants targets −1 and 1, and some are 0',
    ],
  ])('%s: is warned of, once', async (_, model, loss, given, message) => {
    await fitted(model, { loss, data: given });
    await fitted(model, { loss, data: given, epochs: 2 });
    expect(warnings).toEqual([message]);
  });

  it.each<[string, nn.Module, nn.Loss, data.DataLoader, string]>([
    [
      'fractions as classes',
      new nn.Linear(2, 3),
      ce,
      loaderOf(rows.map(([a]) => a)),
      'fit: CrossEntropyLoss wants class indices, and the targets are fractions; for numbers take nn.MSELoss',
    ],
    [
      'classes as numbers',
      new nn.Linear(2, 3),
      new nn.MSELoss(),
      loader,
      'fit: MSELoss compares numbers, got outputs [6, 3] and targets [6]; for class labels take nn.CrossEntropyLoss',
    ],
  ])('%s: is warned of before the error', async (_, model, loss, given, message) => {
    await expect(fitted(model, { loss, data: given })).rejects.toThrow(RangeError);
    expect(warnings).toEqual([message]);
  });

  it.each<[string, nn.Module, nn.Loss | nn.LossFunction, data.DataLoader]>([
    ['logits', new nn.Linear(2, 3), ce, loader],
    [
      'one-hot rows',
      new nn.Linear(2, 3),
      ce,
      loaderOf(classes.map((c) => [0, 1, 2].map((i) => (i === c ? 1 : 0)))),
    ],
    ['LogSoftmax', ending(new nn.LogSoftmax(-1)), new nn.NLLLoss(), loader],
    ['Sigmoid', ending(new nn.Sigmoid(), 1), new nn.BCELoss(), loaderOf(one)],
    ['Sigmoid and squares', ending(new nn.Sigmoid(), 1), new nn.MSELoss(), loaderOf(one)],
    ['one logit', new nn.Linear(2, 1), new nn.BCEWithLogitsLoss(), loaderOf(one)],
    ['signs', new nn.Linear(2, 1), new nn.HingeLoss(), loaderOf(signs)],
    ['a function', ending(new nn.Softmax(-1)), (output) => output.square().mean(), loader],
    ['attention inside', new nn.Sequential(new nn.Softmax(-1), new nn.Linear(2, 3)), ce, loader],
  ])('%s: is not', async (_, model, loss, given) => {
    await fitted(model, { loss, data: given });
    expect(warnings).toEqual([]);
  });

  it('goes to the console, unless somebody else takes it', async () => {
    const spy = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    try {
      setWarningHandler();
      const model = ending(new nn.Softmax(-1));
      await fitted(model);
      await fitted(model);
      expect(spy.mock.calls).toEqual([[leaveOut('CrossEntropyLoss', 'softmax', 'softmax')]]);
      setWarningHandler(() => undefined);
      await fitted(model);
      expect(spy).toHaveBeenCalledTimes(1);
    } finally {
      spy.mockRestore();
    }
    expect(() => setWarningHandler(3 as never)).toThrow(TypeError);
  });
});
