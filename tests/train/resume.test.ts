import { describe, expect, it } from 'vitest';
import {
  callbacks,
  data,
  fit,
  getRandomState,
  manualSeed,
  nn,
  optim,
  setRandomState,
  tensor,
  type History,
} from 'wasmgrad';

const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const dataset = new data.TensorDataset(points, classes);
const held = new data.DataLoader(dataset, { batchSize: 16 });
const loss = new nn.CrossEntropyLoss();
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);

type LoaderOptions = data.DataLoaderOptions;
const loaders: Record<string, () => LoaderOptions> = {
  'a seed of its own': () => ({ batchSize: 8, shuffle: true, seed: 3 }),
  'the common seed': () => ({ batchSize: 8, shuffle: true }),
  'a sampler': () => ({
    batchSize: 8,
    sampler: new data.WeightedRandomSampler(data.balancedWeights(classes), { seed: 4 }),
  }),
};

function setUp(options: LoaderOptions, momentum = 0) {
  manualSeed(11);
  const model = new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum });
  return { model, optimizer, loader: new data.DataLoader(dataset, options) };
}
function train({ model, optimizer, loader }: ReturnType<typeof setUp>, epochs: number, resume?: History) {
  return fit(model, { data: loader, validation: held, loss, optimizer, epochs, resume });
}
const without = (history: History) => history.epochs.map((figures) => ({ ...figures, seconds: 0 }));

describe.each(Object.entries(loaders))('resuming with %s', (_, options) => {
  it('gives the bits of one long run, in the same program', async () => {
    const [whole, parts] = [setUp(options(), 0.9), setUp(options(), 0.9)];
    manualSeed(5);
    const expected = await train(whole, 6);
    manualSeed(5);
    let history = await train(parts, 2);
    // What happens between is of no account.
    parts.model.forward(tensor(points)).detach();
    [...parts.loader].forEach(() => undefined);
    expect(new nn.Linear(3, 3).weight.size).toBe(9);
    history = await train(parts, 3, history);
    history = await train(parts, 6, history);
    expect(weights(parts.model)).toEqual(weights(whole.model));
    expect(without(history)).toEqual(without(expected));
    expect(history.state).toEqual(expected.state);
  });

  it('gives them in another program too, from JSON and weights', async () => {
    const whole = setUp(options());
    const expected = await train(whole, 5);
    const first = setUp(options());
    const saved: { json: string; state: nn.StateDict }[] = [];
    const checkpoint = new callbacks.ModelCheckpoint(
      ({ state, history }) => void saved.push({ json: JSON.stringify(history), state }),
      { bestOnly: false },
    );
    await fit(first.model, {
      data: first.loader,
      validation: held,
      loss,
      optimizer: first.optimizer,
      epochs: 4,
      callbacks: [checkpoint],
    });
    const second = setUp(options());
    second.model.loadStateDict(saved[1].state);
    const history = await train(second, 5, JSON.parse(saved[1].json) as History);
    expect(history.epochs).toHaveLength(5);
    expect(weights(second.model)).toEqual(weights(whole.model));
    expect(without(history)).toEqual(without(expected));
  });
});

describe('state', () => {
  it('of random numbers can be set back', () => {
    manualSeed(9);
    const dropout = new nn.Dropout(0.5);
    const draw = () => [
      new nn.Linear(2, 2).weight.data,
      dropout.forward(new nn.Parameter(new Float32Array(64).fill(1))).data,
    ];
    draw();
    const state = JSON.parse(JSON.stringify(getRandomState())) as ReturnType<typeof getRandomState>;
    const first = draw();
    setRandomState(state);
    expect(draw()).toEqual(first);
  });

  it('that is none is refused, and nothing changes', async () => {
    const before = getRandomState();
    expect(() => setRandomState({ generator: [1, 2, 3], dropout: [0, 0, 0, 0] })).toThrow(
      /four 32-bit integers/,
    );
    expect(() => setRandomState({ generator: [1, 2, 3, 4] } as never)).toThrow(/four 32-bit/);
    expect(getRandomState()).toEqual(before);
    const { loader, ...rest } = setUp({ batchSize: 8, shuffle: true, seed: 3 });
    expect(() => loader.setState({})).toThrow(/expected a state with generator .* got one with nothing/);
    expect(() => loader.setState({ generator: [1, 2, 3, 4], sampler: [1, 2, 3, 4] })).toThrow(
      /as this loader/,
    );
    await expect(train({ loader, ...rest }, 2, [] as never)).rejects.toThrow(
      /the history that fit\(\) returned/,
    );
  });

  it('with all epochs done trains none', async () => {
    const set = setUp({ batchSize: 8 });
    const history = await train(set, 2);
    const before = weights(set.model);
    expect((await train(set, 2, history)).epochs).toEqual(history.epochs);
    expect(weights(set.model)).toEqual(before);
  });
});
