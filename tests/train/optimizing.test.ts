import { describe, expect, it } from 'vitest';
import { data, fit, lrRangeTest, manualSeed, nn, optim, tensor, type FitOptions } from 'wasmgrad';
import { mismatch } from '../support/machine.js';
import { EPSILON } from '../support/numbers.js';

// 50 rows in batches of 8: the last has 2, and the seven batches make groups of 3, 3 and 1.
const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const loss = new nn.CrossEntropyLoss();
const EPOCHS = 3;

function setUp(rule: 'SGD' | 'Adam' = 'Adam', batchSize = 8) {
  manualSeed(11);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );
  const optimizer =
    rule === 'Adam'
      ? new optim.Adam(model.parameters(), { lr: 0.05 })
      : new optim.SGD(model.parameters(), { lr: 0.3 });
  const loader = new data.DataLoader(new data.TensorDataset(points, classes), {
    batchSize,
    shuffle: true,
    seed: 3,
  });
  return { model, optimizer, loader };
}
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);

type Extra = Pick<
  FitOptions,
  'accumulate' | 'clipGradNorm' | 'clipGradValue' | 'schedule' | 'ema' | 'keepGradients'
>;

async function fitted(made: ReturnType<typeof setUp>, extra: Extra): Promise<number[]> {
  const seen: number[] = [];
  await fit(made.model, {
    data: made.loader,
    loss,
    optimizer: made.optimizer,
    epochs: EPOCHS,
    onBatch: (report) => seen.push(report.loss),
    ...extra,
  });
  return [...seen, ...weights(made.model)];
}

/** The loop that fit() stands for. */
function looped(
  made: ReturnType<typeof setUp>,
  extra: Extra,
  afterStep = (): void => {},
  afterEpoch = (): void => {},
): number[] {
  const { model, optimizer, loader } = made;
  const { accumulate = 1, clipGradNorm, clipGradValue, ema } = extra;
  const seen: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    let batch = 0;
    for (const [inputs, labels] of loader) {
      const at = batch % accumulate;
      const count = Math.min(accumulate, loader.length - (batch - at));
      // 2 rows in the last batch of an epoch, else 8.
      const last = batch - at + count === loader.length && count > 1;
      const share = last ? inputs.shape[0] / (8 * (count - 1) + 2) : 1 / count;
      if (at === 0) optimizer.zeroGrad();
      const value = loss.forward(model.forward(inputs), labels);
      value.backward(share);
      if (at === count - 1) {
        if (clipGradValue !== undefined) optim.clipGradValue(model.parameters(), clipGradValue);
        if (clipGradNorm !== undefined) optim.clipGradNorm(model.parameters(), clipGradNorm);
        optimizer.step();
        ema?.update();
        afterStep();
      }
      seen.push(value.item());
      batch++;
    }
    afterEpoch();
  }
  return [...seen, ...weights(model)];
}

describe.each(['SGD', 'Adam'] as const)('fit with %s gives the bits of the loop', (rule) => {
  it.each<Extra>([
    {},
    { clipGradNorm: 0.1 },
    { clipGradValue: 0.02 },
    { clipGradNorm: 0.1, clipGradValue: 0.05, accumulate: 2 },
    { accumulate: 2 },
    { accumulate: 3 },
    { accumulate: 3, keepGradients: true },
  ])('%o', async (extra) => {
    expect(await fitted(setUp(rule), extra)).toEqual(looped(setUp(rule), extra));
  });

  it.each<Extra>([{ accumulate: 7 }, { accumulate: 100 }])(
    'but for the roundings of a group with a smaller batch: %o',
    async (extra) => {
      const [got, wanted] = [await fitted(setUp(rule), extra), looped(setUp(rule), extra)];
      got.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 4));
    },
  );

  it('with averages', async () => {
    const averages = (made: ReturnType<typeof setUp>): optim.EMA =>
      new optim.EMA(made.model.parameters(), { decay: 0.9 });
    const a = setUp(rule);
    const first = averages(a);
    const seen = await fitted(a, { ema: first, accumulate: 2 });
    const b = setUp(rule);
    const second = averages(b);
    expect(seen).toEqual(looped(b, { ema: second, accumulate: 2 }));
    expect(first.stateDict()).toEqual(second.stateDict());
    expect(first.stateDict().averages[0]).not.toEqual(a.model.parameters()[0].data);
  });

  it.each([true, false])('with a schedule (by batch: %s)', async (byBatch) => {
    const falling = ({ optimizer }: ReturnType<typeof setUp>): optim.Scheduler =>
      new optim.ExponentialLR(optimizer, { gamma: 0.9 });
    const a = setUp(rule);
    const scheduler = falling(a);
    const schedule = byBatch ? { scheduler, every: 'batch' as const } : scheduler;
    const seen = await fitted(a, { schedule, accumulate: 2 });
    const b = setUp(rule);
    const other = falling(b);
    const step = (): void => other.step();
    expect(seen).toEqual(
      looped(b, { accumulate: 2 }, byBatch ? step : undefined, byBatch ? undefined : step),
    );
    expect(scheduler.lastEpoch).toBe(byBatch ? EPOCHS * 4 : EPOCHS);
    expect(a.optimizer.lr).not.toBe(setUp(rule).optimizer.lr);
  });
});

describe('accumulate', () => {
  it('is a larger batch, but for rounding', async () => {
    const run = async (batchSize: number, accumulate: number): Promise<number[]> => {
      manualSeed(2);
      const model = new nn.Sequential(new nn.Linear(3, 8), new nn.Tanh(), new nn.Linear(8, 2));
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.5 });
      const dataset = new data.TensorDataset(points.slice(0, 48), classes.slice(0, 48));
      const loader = new data.DataLoader(dataset, { batchSize });
      await fit(model, { data: loader, loss, optimizer, epochs: 4, accumulate });
      return weights(model);
    };
    const whole = await run(24, 1);
    // Eight steps, each with sums of 24 terms and some dozen roundings of values up to 2, carried on by the next.
    const tolerance = whole.map(() => 8 * (24 + 40) * 2 * EPSILON);
    expect(mismatch(await run(8, 3), { expected: whole, tolerance })).toBeNull();
    expect(mismatch(await run(24, 2), { expected: whole, tolerance })).not.toBeNull();
  });
});

describe('ReduceLROnPlateau in fit', () => {
  it('is shown the validation loss, or the loss', async () => {
    for (const validated of [false, true]) {
      const { model, optimizer, loader } = setUp();
      const schedule = new optim.ReduceLROnPlateau(optimizer);
      const history = await fit(model, {
        data: loader,
        loss,
        optimizer,
        epochs: 3,
        schedule,
        validation: validated ? loader : undefined,
      });
      const figures = history.epochs.map((report) => report.validationLoss ?? report.loss);
      expect(schedule.stateDict().best).toBe(Math.min(...figures));
    }
  });
});

it('a model can be trained by a captured step with and one without gradients in turn', async () => {
  const run = async (mixed: boolean): Promise<number[]> => {
    const made = setUp('SGD');
    for (let i = 0; i < 3; i++) {
      await fitted(made, { keepGradients: mixed && i === 1 });
      if (mixed && i === 1) expect(made.model.parameters()[0].grad).not.toBeNull();
      if (i === 2) expect(() => made.model.parameters()[0].grad).toThrow(/keepGradients/);
    }
    return weights(made.model);
  };
  expect(await run(true)).toEqual(await run(false));
});

describe('lrRangeTest', () => {
  it('gives a curve and a rate to begin with, and leaves everything as it was', async () => {
    const x = tensor(points);
    const trained = async (): Promise<ReturnType<typeof setUp>> => {
      const made = setUp('Adam');
      await fit(made.model, { data: made.loader, loss, optimizer: made.optimizer, epochs: 1 });
      return made;
    };
    const masked = [...(await trained()).model.forward(x).data];
    const { model, optimizer, loader } = await trained();
    model.eval();
    const before = { weights: weights(model), state: optimizer.stateDict() };
    const range = await lrRangeTest(model, { data: loader, loss, optimizer });
    expect(weights(model)).toEqual(before.weights);
    expect(optimizer.stateDict()).toEqual(before.state);
    expect(model.training).toBe(false);
    expect(JSON.parse(JSON.stringify(range))).toEqual(range);
    const { lrs, losses, smoothed, suggestion } = range;
    expect([losses.length, smoothed.length]).toEqual([lrs.length, lrs.length]);
    expect(lrs[0]).toBe(1e-6);
    expect(lrs.length).toBeLessThanOrEqual(100);
    expect(lrs[1] / lrs[0]).toBeCloseTo(1e7 ** (1 / 99), 9);
    // Adam on such a network: somewhere between a thousandth and one.
    expect(suggestion).toBeGreaterThan(1e-3);
    expect(suggestion).toBeLessThan(2);
    // Dropout goes on with the masks that it would have drawn without the test.
    expect([...model.train().forward(x).data]).toEqual(masked);
  });

  it('forgets what it did where it is stopped', async () => {
    const { model, optimizer, loader } = setUp('SGD');
    const before = weights(model);
    const control = new AbortController();
    const slow = {
      forward(...args: Parameters<typeof loss.forward>) {
        control.abort(new Error('enough'));
        return loss.forward(...args);
      },
    };
    const run = lrRangeTest(model, { data: loader, loss: slow, optimizer, signal: control.signal });
    await expect(run).rejects.toThrow('enough');
    expect(weights(model)).toEqual(before);
    expect(optimizer.lr).toBe(0.3);
  });

  it.each([
    [{ from: 0 }, /expected 0 < from < to, got from 0/],
    [{ steps: 1 }, /steps to be an integer ≥ 2, got 1/],
    [{ data: points }, /expected data to be a data.DataLoader/],
    [{ optimizer: { step() {}, zeroGrad() {} } }, /expected an optimizer of optim/],
    [{ lr: 1 }, /unknown option 'lr'/],
  ])('refuses %o', async (change, message) => {
    const { model, optimizer, loader } = setUp();
    const options = { data: loader, loss, optimizer, ...change } as never;
    await expect(lrRangeTest(model, options)).rejects.toThrow(message);
  });
});

it.each([
  [{ accumulate: 0 }, /accumulate to be a positive integer, got 0/],
  [{ accumulate: 1.5 }, /accumulate/],
  [{ clipGradNorm: -1 }, /clipGradNorm to be a number ≥ 0, got -1/],
  [{ clipGradValue: NaN }, /clipGradValue/],
  [{ schedule: 3 }, /fit: expected schedule|in/],
  [{ schedule: {} }, /expected schedule to be one of optim/],
  [
    { schedule: { scheduler: { step() {} }, every: 'step' } },
    /every to be 'epoch' or 'batch', got string "step/,
  ],
  [{ ema: {} }, /expected ema to be an optim.EMA/],
])('fit refuses %o before anything is changed', async (change, message) => {
  const { model, optimizer, loader } = setUp();
  const before = weights(model);
  const options = { data: loader, loss, optimizer, epochs: 1, ...change } as unknown as FitOptions;
  await expect(fit(model, options)).rejects.toThrow(message);
  expect(weights(model)).toEqual(before);
});
