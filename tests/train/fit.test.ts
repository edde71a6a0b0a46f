import { describe, expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, nn, optim, type FitOptions } from 'wasmgrad';

const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const loss = new nn.CrossEntropyLoss();

function setUp(options: Partial<optim.SGDOptions> = {}, rows = points, labels: number[] = classes) {
  manualSeed(11);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9, ...options });
  const loader = new data.DataLoader(new data.TensorDataset(rows, labels), {
    batchSize: 8,
    shuffle: true,
    seed: 3,
  });
  return { model, optimizer, loader };
}
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);

describe('fit', () => {
  it('gives the same bits as the loop spelled out, also the losses', async () => {
    const a = setUp({ nesterov: true, weightDecay: 0.01 });
    const losses: number[] = [];
    for (let epoch = 0; epoch < 5; epoch++) {
      for (const [inputs, labels] of a.loader) {
        a.optimizer.zeroGrad();
        const value = loss.forward(a.model.forward(inputs), labels);
        value.backward();
        a.optimizer.step();
        losses.push(value.item());
      }
    }
    const b = setUp({ nesterov: true, weightDecay: 0.01 });
    const seen: number[] = [];
    await fit(b.model, {
      data: b.loader,
      loss,
      optimizer: b.optimizer,
      epochs: 5,
      validation: b.loader,
      onBatch: (report) => seen.push(report.loss),
    });
    // Validation draws no random numbers of its own but an order from the loader, so only the first epoch is alike.
    expect(seen.slice(0, b.loader.length)).toEqual(losses.slice(0, b.loader.length));
    const c = setUp({ nesterov: true, weightDecay: 0.01 });
    const again: number[] = [];
    const { loader } = c;
    await fit(c.model, {
      data: loader,
      loss,
      optimizer: c.optimizer,
      epochs: 5,
      onBatch: (r) => again.push(r.loss),
    });
    expect(again).toEqual(losses);
    expect(weights(c.model)).toEqual(weights(a.model));
  });

  it('returns its history as plain data and reports batches and epochs', async () => {
    const { model, optimizer, loader } = setUp();
    const batches: string[] = [];
    const epochs: number[] = [];
    const history = await fit(model, {
      data: loader,
      loss,
      optimizer,
      epochs: 3,
      validation: loader,
      onBatch: ({ epoch, batch }) => batches.push(`${epoch}.${batch}`),
      onEpoch: async ({ epoch }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        epochs.push(epoch);
      },
    });
    expect(batches).toEqual([1, 2, 3].flatMap((e) => [1, 2, 3, 4, 5, 6, 7].map((b) => `${e}.${b}`)));
    expect(epochs).toEqual([1, 2, 3]);
    expect(JSON.parse(JSON.stringify(history))).toEqual(history);
    expect(history.epochs).toHaveLength(3);
    for (const epoch of history.epochs) {
      expect(epoch.loss).toBeGreaterThan(0);
      expect(epoch.validationLoss).toBeGreaterThan(0);
      expect(epoch.validationAccuracy).toBeGreaterThanOrEqual(0);
    }
    expect(history.epochs[2].loss).toBeLessThan(history.epochs[0].loss);
    expect(model.training).toBe(true);
  });

  it('makes predict() give probabilities', async () => {
    const { model, optimizer, loader } = setUp();
    await fit(model, { data: loader, loss, optimizer, epochs: 1 });
    const [a, b] = model.predict(points[0]) as number[];
    expect(a + b).toBeCloseTo(1, 6);
  });

  it('lets the event loop run', async () => {
    const { model, optimizer, loader } = setUp();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    // Longer than fit() may keep the event loop waiting.
    const busy = () => {
      const end = performance.now() + 16;
      while (performance.now() < end);
    };
    await fit(model, { data: loader, loss, optimizer, epochs: 1, onBatch: busy });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });

  it('stops by signal and keeps the weights of the last step', async () => {
    const { model, optimizer, loader } = setUp();
    const control = new AbortController();
    let steps = 0;
    let kept: number[] = [];
    const run = fit(model, {
      data: loader,
      loss,
      optimizer,
      epochs: 100,
      signal: control.signal,
      onBatch() {
        if (++steps === 10) {
          control.abort(new Error('enough'));
          kept = weights(model);
        }
      },
    });
    await expect(run).rejects.toThrow('enough');
    expect(steps).toBe(10);
    expect(weights(model)).toEqual(kept);
    await expect(
      fit(model, { data: loader, loss, optimizer, epochs: 1, signal: control.signal }),
    ).rejects.toThrow('enough');
  });

  it('stops where the loss diverges, and has the weights of the last good epoch', async () => {
    const { model, optimizer, loader } = setUp();
    let good: number[] = [];
    const run = fit(model, {
      data: loader,
      loss: new nn.MSELoss(),
      optimizer,
      epochs: 50,
      onEpoch({ epoch }) {
        if (epoch === 2) {
          good = weights(model);
          optimizer.lr = 1e20;
        }
      },
    });
    await expect(run).rejects.toThrow(/MSELoss/);
    const mse = new data.DataLoader(
      new data.TensorDataset(
        points,
        points.map(([a]) => [a, 0]),
      ),
      { batchSize: 8 },
    );
    const error = await fit(model, {
      data: mse,
      loss: new nn.MSELoss(),
      optimizer,
      epochs: 50,
      onEpoch({ epoch }) {
        if (epoch === 2) {
          good = weights(model);
          optimizer.lr = 1e20;
        }
      },
    }).then(
      () => undefined,
      (reason: unknown) => reason as Error & { epoch: number; batch: number; lastGoodState: nn.StateDict },
    );
    expect(error!.name).toBe('DivergenceError');
    expect(error!.message).toMatch(
      /the loss became (NaN|Infinity) in epoch 3, batch \d+; lower the learning rate/,
    );
    expect(error!.epoch).toBe(3);
    model.loadStateDict(error!.lastGoodState);
    expect(weights(model)).toEqual(good);
  });

  it.each([
    [{ epochs: -1 }, /epochs to be an integer ≥ 0/],
    [{ epochs: 1.5 }, /epochs/],
    [{ data: points }, /expected data to be a data.DataLoader/],
    [{ validation: points }, /expected validation/],
    [{ loss: undefined }, /expected a loss/],
    [{ optimizer: {} }, /expected an optimizer/],
    [{ epoch: 3 }, /unknown option 'epoch'/],
  ])('refuses %o before anything is changed', async (change, message) => {
    const { model, optimizer, loader } = setUp();
    const before = weights(model);
    const options = { data: loader, loss, optimizer, epochs: 1, ...change } as unknown as FitOptions;
    await expect(fit(model, options)).rejects.toThrow(message);
    await expect(fit({} as never, options)).rejects.toThrow(/./);
    expect(weights(model)).toEqual(before);
  });

  it('refuses a label out of range with the model unchanged', async () => {
    const { model, optimizer, loader } = setUp(
      {},
      points,
      classes.map(() => 2),
    );
    const before = weights(model);
    await expect(fit(model, { data: loader, loss, optimizer, epochs: 1 })).rejects.toThrow(/class indices/);
    expect(weights(model)).toEqual(before);
  });
});

describe('evaluate', () => {
  it('averages over rows, also those of a partial batch', async () => {
    const { model, loader } = setUp();
    const whole = new data.DataLoader(loader.dataset, { batchSize: 50 });
    const a = await evaluate(model, loader, { loss, metrics: ['accuracy'] });
    const b = await evaluate(model, whole, { loss });
    expect(a.accuracy).toBeCloseTo(b.accuracy, 12);
    expect(a.loss).toBeCloseTo(b.loss, 5);
    const guesses = (model.predict(points) as number[][]).map(([x, y]) => (y > x ? 1 : 0));
    expect(a.accuracy).toBeCloseTo(guesses.filter((guess, i) => guess === classes[i]).length / 50, 12);
    expect(model.training).toBe(true);
  });

  it('refuses what it does not know', async () => {
    const { model, loader } = setUp();
    await expect(evaluate(model, loader, { loss, metrics: ['acuracy'] })).rejects.toThrow(
      /unknown metric 'acuracy'/,
    );
    await expect(evaluate(model, loader, {} as never)).rejects.toThrow(/expected a loss/);
    await expect(evaluate(model, loader, { los: loss } as never)).rejects.toThrow(/unknown option 'los'/);
    await expect(evaluate(model, points as never, { loss })).rejects.toThrow(/DataLoader/);
  });
});
