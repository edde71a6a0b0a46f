import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { data, DivergenceError, fit, manualSeed, nn, optim, type Callback, type FitOptions } from 'wasmgrad';
import { engine } from '../../src/core/engine.js';

const ROWS = 803;
const points = Array.from({ length: ROWS }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
/** Asks to hear of every batch, so that each step is a call of its own. */
const listener: Callback = { onBatchEnd: () => undefined };

function setUp(labels: readonly number[] = classes, inputs: readonly number[][] = points) {
  manualSeed(11);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );
  const loader = new data.DataLoader(new data.TensorDataset([...inputs], [...labels]), {
    batchSize: 4,
    shuffle: true,
    seed: 3,
  });
  return { model, loader };
}

const stateOf = (model: nn.Module): unknown =>
  Object.entries(model.stateDict()).map(([name, value]) => [name, JSON.stringify(value)]);

const OPTIMIZERS = {
  SGD: (model: nn.Module) => new optim.SGD(model.parameters(), { lr: 0.1 }),
  'SGD with momentum': (model: nn.Module) => new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
  Adam: (model: nn.Module) => new optim.Adam(model.parameters(), { lr: 0.01 }),
  NAdam: (model: nn.Module) => new optim.NAdam(model.parameters(), { lr: 0.01 }),
};

/** What the core is called for. The clock stands still, so that training never stops to look at it. */
function spyOnCore() {
  // What an instance exports is frozen: the spies sit on a copy.
  const core = { ...engine().core };
  vi.spyOn(engine(), 'core', 'get').mockReturnValue(core);
  const { team } = engine();
  return {
    single: vi.spyOn(core, team ? 'lead' : 'run'),
    inARow: vi.spyOn(core, team ? 'leadSteps' : 'runSteps'),
  };
}

describe('steps that nobody looks at', () => {
  beforeEach(() => void vi.spyOn(performance, 'now').mockReturnValue(1000));
  afterEach(() => vi.restoreAllMocks());

  it('are many to a call into Wasm', async () => {
    const { model, loader } = setUp();
    const { single, inARow } = spyOnCore();
    const allocate = vi.spyOn(engine().allocator, 'allocate');
    const taken: number[] = [];
    const options: FitOptions = {
      data: loader,
      loss: new nn.CrossEntropyLoss(),
      optimizer: OPTIMIZERS.SGD(model),
      epochs: 4,
      onEpoch: () =>
        void taken.push(allocate.mock.calls.length, single.mock.calls.length + inARow.mock.calls.length),
    };
    await fit(model, options);
    const [, , before, callsBefore, after, calls] = taken.slice(2);
    // 201 batches: the first, the others of four rows, and the last of three.
    expect(calls - callsBefore).toBe(3);
    expect(after).toBe(before);
    single.mockClear();
    inARow.mockClear();
    await fit(model, { ...options, callbacks: [listener], onEpoch: undefined });
    expect(inARow).not.toHaveBeenCalled();
  });

  it.for(Object.entries(OPTIMIZERS))('give the same bits as one by one: %s', async ([, optimizerOf]) => {
    const train = async (callbacks: Callback[]): Promise<unknown> => {
      const { model, loader } = setUp();
      const optimizer = optimizerOf(model);
      const { epochs } = await fit(model, {
        data: loader,
        validation: loader,
        loss: new nn.CrossEntropyLoss(),
        optimizer,
        schedule: new optim.StepLR(optimizer, { stepSize: 1, gamma: 0.5 }),
        epochs: 3,
        callbacks,
      });
      return [epochs, stateOf(model), JSON.stringify(optimizer.stateDict())];
    };
    expect(await train([])).toEqual(await train([listener]));
  });

  it('end at the first loss that is not finite', async () => {
    const train = async (callbacks: Callback[]): Promise<unknown> => {
      const large = points.map((row, i) => (i === 400 ? [3e38, 3e38, 3e38] : row));
      const { model, loader } = setUp(classes, large);
      // It counts its steps, which weights that are no numbers any more cannot tell.
      const optimizer = OPTIMIZERS.Adam(model);
      const options: FitOptions = {
        data: loader,
        loss: new nn.CrossEntropyLoss(),
        optimizer,
        epochs: 2,
        callbacks,
      };
      const error = await fit(model, options).catch((reason: unknown) => reason as DivergenceError);
      expect(error).toBeInstanceOf(DivergenceError);
      const { epoch, batch, message } = error as DivergenceError;
      expect(batch).toBeGreaterThan(4);
      return [epoch, batch, message, stateOf(model), JSON.stringify(optimizer.stateDict())];
    };
    expect(await train([])).toEqual(await train([listener]));
  });

  it('end at a label that is none, with the weights of the step before', async () => {
    const train = async (callbacks: Callback[]): Promise<unknown> => {
      const { model, loader } = setUp(classes.map((label, row) => (row === 400 ? 2 : label)));
      const options: FitOptions = {
        data: loader,
        loss: new nn.CrossEntropyLoss(),
        optimizer: OPTIMIZERS.SGD(model),
        epochs: 1,
        callbacks,
      };
      const error = await fit(model, options).catch((reason: unknown) => reason as Error);
      expect((error as Error).message).toMatch(/class indices/);
      return stateOf(model);
    };
    expect(await train([])).toEqual(await train([listener]));
  });
});
