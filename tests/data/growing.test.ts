import { expect, it } from 'vitest';
import { data, evaluate, fit, manualSeed, metrics, nn, optim, tensor } from 'wasmgrad';
import { engine } from '../../src/core/engine.js';

// Growing memory detaches every view of it. Whatever the user's code allocates while the library waits for its answer, the
// numbers are those that they are without it.

let grown = 0;
/** Makes memory grow by a page: what the allocator does, in smaller steps. */
function grow(): void {
  const core = engine();
  const { f32 } = core;
  core.memory.grow(1);
  core.f32 = new Float32Array(core.memory.buffer);
  core.i32 = new Int32Array(core.memory.buffer);
  expect(f32.length).toBe(0);
  grown++;
}
const idle = (): void => undefined;

const rows = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(i)]);
const labels = rows.map(([a]) => (a > 0 ? 1 : 0));
const ORDER = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3];

class Mine implements data.Sampler {
  readonly length = ORDER.length;
  constructor(private readonly act: () => void) {}
  order(): number[] {
    this.act();
    return ORDER;
  }
}

class Listens extends metrics.Metric<number> {
  readonly name = 'listens';
  override readonly goal = 'max';
  private sum = 0;
  constructor(private readonly act: () => void) {
    super();
  }
  add({ outputs, targets }: metrics.MetricBatch): void {
    this.act();
    for (const value of [...outputs, ...targets]) this.sum += value;
  }
  compute(): number {
    return this.sum;
  }
  reset(): void {
    this.sum = 0;
  }
}

type Act = () => void;
const set = (): data.TensorDataset => new data.TensorDataset(rows, labels);
const loaderOf = (act: Act): data.DataLoader =>
  new data.DataLoader(set(), { batchSize: 4, sampler: new Mine(act) });
const streamOf = (act: Act): data.Stream =>
  new data.Stream(
    function* () {
      for (let i = 0; i < rows.length; i++) {
        act();
        yield [rows[i], labels[i]] as data.StreamItem;
      }
    },
    { batchSize: 4 },
  );

async function train(given: { data: unknown; options?: object }): Promise<unknown> {
  manualSeed(3);
  const model = new nn.Sequential(new nn.Linear(2, 4), new nn.Tanh(), new nn.Linear(4, 2));
  const { epochs } = await fit(model, {
    data: given.data as data.DataLoader,
    loss: new nn.CrossEntropyLoss(),
    optimizer: new optim.Adam(model.parameters(), { lr: 0.1 }),
    epochs: 3,
    progress: false,
    ...given.options,
  });
  const losses = epochs.map(({ loss, validationLoss }) => [loss, validationLoss]);
  return { losses, weights: model.parameters().map(({ data: values }) => [...values]) };
}

function listThatActs(act: Act, values: readonly number[]): number[] {
  return new Proxy([...values], {
    get(list, key, receiver) {
      if (key === '1') act();
      return Reflect.get(list, key, receiver) as unknown;
    },
  });
}

const CASES: [string, (act: Act) => unknown][] = [
  ['a sampler, in fit', (act) => train({ data: loaderOf(act) })],
  [
    'a sampler, in evaluate',
    (act) => {
      manualSeed(1);
      return evaluate(new nn.Linear(2, 2), loaderOf(act), { loss: new nn.CrossEntropyLoss() });
    },
  ],
  ['a sampler, in a loop', (act) => [...loaderOf(act)].map(([x, y]) => [x.toArray(), y.toArray()])],
  [
    'an order that is read',
    (act) => {
      const sampler = { length: 10, order: () => listThatActs(act, ORDER) };
      return train({ data: new data.DataLoader(set(), { batchSize: 4, sampler }) });
    },
  ],
  ['a stream', (act) => train({ data: streamOf(act) })],
  ['callbacks', (act) => train({ data: loaderOf(idle), options: { onBatch: act, onEpoch: act } })],
  [
    'metrics',
    async (act) => {
      manualSeed(1);
      return evaluate(new nn.Linear(2, 2), loaderOf(idle), {
        loss: new nn.CrossEntropyLoss(),
        metrics: [new Listens(act), new metrics.MAE(), new metrics.Accuracy()].filter(
          ({ name }) => name !== 'mae',
        ),
      });
    },
  ],
  [
    'rows that are read',
    (act) =>
      new data.TensorDataset(
        rows.map((row) => listThatActs(act, row)),
        labels,
      )
        .batch([0, 5])[0]
        .toArray(),
  ],
  [
    'positions that are read',
    (act) =>
      set()
        .batch(listThatActs(act, [2, 3, 1]))[0]
        .toArray(),
  ],
  ['numbers that are read', (act) => tensor(listThatActs(act, [1, 2, 3]), { requiresGrad: true }).toArray()],
  [
    'a state that is loaded',
    (act) => {
      const w = tensor([1, 2, 3], { requiresGrad: true });
      const optimizer = new optim.Adam([w], { lr: 0.1 });
      w.square().sum().backward();
      optimizer.step();
      const state = structuredClone(optimizer.stateDict());
      Object.assign(state.state[0], { expAvg: listThatActs(act, [5, 6, 7]) });
      Object.assign(state.paramGroups[0], { betas: listThatActs(act, [0.5, 0.75]) });
      optimizer.loadStateDict(state);
      return optimizer.stateDict();
    },
  ],
  [
    'averages that are loaded',
    (act) => {
      const ema = new optim.EMA([tensor([1, 2, 3], { requiresGrad: true })]);
      ema.loadStateDict({ decay: 0.999, averages: [listThatActs(act, [5, 6, 7])] });
      return ema.stateDict();
    },
  ],
  [
    'weights that are loaded',
    (act) => {
      const model = new nn.Linear(3, 1);
      model.loadStateDict({ weight: [listThatActs(act, [1, 2, 3])], bias: [4] });
      return [model.weight.toArray(), model.bias!.toArray()];
    },
  ],
  [
    'a layer in predict',
    (act) => {
      class Own extends nn.Module {
        readonly inner = new nn.Linear(2, 2);
        override forward(x: Parameters<nn.Module['forward']>[0]): ReturnType<nn.Module['forward']> {
          const y = this.inner.forward(x);
          act();
          return y.mul(2);
        }
      }
      manualSeed(4);
      return new Own().predict(rows);
    },
  ],
];

it.each(CASES)('%s may allocate', async (_, run) => {
  const expected = await run(idle);
  grown = 0;
  expect(await run(grow)).toEqual(expected);
  expect(grown).toBeGreaterThan(0);
});

it('a sampler that gives another number of rows than at first is refused', async () => {
  const sampler = { length: 4, order: () => Array.from({ length: sampler.length }, (_, i) => i) };
  const loader = new data.DataLoader(set(), { batchSize: 2, sampler });
  const later = train({
    data: loader,
    options: { onEpoch: () => void (sampler.length = 8) },
  });
  await expect(later).rejects.toThrow(/sampler: expected an order of 4 rows, got 8/);
});
