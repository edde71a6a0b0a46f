import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, deadUnits, evaluate, fit, manualSeed, nn, optim, type FitOptions } from 'wasmgrad';

const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const loss = new nn.CrossEntropyLoss();
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);

function setUp() {
  manualSeed(11);
  const model = new nn.Sequential(new nn.Linear(3, 8), new nn.ReLU(), new nn.Linear(8, 2));
  return { model, optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }) };
}
function train(
  source: FitOptions['data'],
  options: Partial<FitOptions> = {},
  { model, optimizer } = setUp(),
) {
  return fit(model, { data: source, loss, optimizer, epochs: 3, ...options });
}
const later = (ms = 0) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function* rows(): AsyncGenerator<data.StreamItem> {
  for (let i = 0; i < points.length; i++) {
    if (i % 10 === 3) await later();
    yield [points[i], classes[i]];
  }
}
async function* batches(): AsyncGenerator<data.StreamItem> {
  for (let i = 0; i < points.length; i += 8) yield [points.slice(i, i + 8), classes.slice(i, i + 8)];
}
const loader = () => new data.DataLoader(new data.TensorDataset(points, classes), { batchSize: 8 });

/** A source that tells how far it was read, and whether it was closed. */
function counted(total: number, fail = Infinity) {
  const log = { pulled: 0, closed: 0 };
  const source: AsyncIterable<data.StreamItem> = {
    [Symbol.asyncIterator]() {
      let at = 0;
      return {
        async next() {
          if (at === fail) throw new Error('the wire broke');
          if (at === total) return { done: true, value: undefined };
          log.pulled++;
          at++;
          return { done: false, value: [points.slice(0, 8), classes.slice(0, 8)] };
        },
        async return() {
          log.closed++;
          return { done: true, value: undefined };
        },
      };
    },
  };
  return { source, log };
}

describe('a stream in fit and evaluate', () => {
  const sources: Record<string, () => FitOptions['data']> = {
    'of rows': () => new data.Stream(rows, { batchSize: 8 }),
    'of rows, without reading ahead': () => new data.Stream(rows, { batchSize: 8, prefetch: 0 }),
    'of batches': () => new data.Stream(batches, { prefetch: 5 }),
    'of batches, as it is': () => ({ [Symbol.asyncIterator]: batches }),
    'of a synchronous iterable': () =>
      new data.Stream(
        points.map((point, i) => [point, classes[i]] as const),
        { batchSize: 8 },
      ),
  };
  it.each(Object.entries(sources))('%s gives the bits of the data in memory', async (_, make) => {
    const [a, b] = [setUp(), setUp()];
    const expected = await train(loader(), { validation: loader() }, a);
    const history = await train(make(), { validation: make() }, b);
    expect(weights(b.model)).toEqual(weights(a.model));
    expect(history.epochs.map((epoch) => epoch.validationLoss)).toEqual(
      expected.epochs.map((epoch) => epoch.validationLoss),
    );
    const metrics = ['accuracy', 'rocAuc'];
    expect(await evaluate(b.model, make(), { loss, metrics })).toEqual(
      await evaluate(a.model, loader(), { loss, metrics }),
    );
    expect(await deadUnits(b.model, make())).toEqual(await deadUnits(a.model, loader()));
  });

  it('leaves out the last rows with dropLast', async () => {
    const sizes: number[] = [];
    await train(new data.Stream(rows, { batchSize: 8, dropLast: true }), {
      epochs: 1,
      onBatch: ({ rows }) => sizes.push(rows),
    });
    expect(sizes.at(-1)).toBe(48);
  });

  it('is never read further ahead than prefetch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(6),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        async (prefetch, total, slow) => {
          const { source, log } = counted(total);
          const ahead: number[] = [];
          await train(new data.Stream(source, { prefetch }), {
            epochs: 1,
            callbacks: [
              {
                async onBatchEnd({ batch }) {
                  if (slow) await later();
                  ahead.push(log.pulled - batch);
                },
              },
            ],
          });
          expect(ahead).toHaveLength(total);
          expect(Math.max(...ahead)).toBeLessThanOrEqual(prefetch);
          // And it does read ahead, where it has the time.
          if (slow && total > prefetch) expect(Math.max(...ahead)).toBe(prefetch);
          expect(log).toEqual({ pulled: total, closed: 0 });
        },
      ),
      { seed: 3, numRuns: 25 },
    );
  });

  it('that breaks rejects, with the weights of the last step', async () => {
    const { source } = counted(20, 7);
    const set = setUp();
    let last: number[] = [];
    const steps: number[] = [];
    const run = train(
      new data.Stream(source),
      {
        onBatch({ batch }) {
          steps.push(batch);
          last = weights(set.model);
        },
      },
      set,
    );
    await expect(run).rejects.toThrow('the wire broke');
    // What was read before it broke is trained on.
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(weights(set.model)).toEqual(last);
  });

  it('is closed where training ends early', async () => {
    const stopped = counted(20);
    await train(stopped.source, {
      callbacks: [{ onBatchEnd: ({ batch }, training) => void (batch === 4 && training.stop()) }],
    });
    expect(stopped.log.closed).toBe(1);
    expect(stopped.log.pulled).toBeLessThanOrEqual(6);

    const failed = counted(20);
    const failing = train(failed.source, {
      onBatch() {
        throw new Error('my own');
      },
    });
    await expect(failing).rejects.toThrow('my own');
    expect(failed.log.closed).toBe(1);

    let finished = 0;
    async function* generator(): AsyncGenerator<data.StreamItem> {
      try {
        for (;;) yield [points[0], classes[0]];
      } finally {
        finished++;
      }
    }
    const control = new AbortController();
    const aborted = train(new data.Stream(generator, { batchSize: 4 }), {
      signal: control.signal,
      onBatch: ({ batch }) => void (batch === 3 && control.abort(new Error('enough'))),
    });
    await expect(aborted).rejects.toThrow('enough');
    expect(finished).toBe(1);
  });

  it('that never answers can be aborted', async () => {
    const silent: AsyncIterable<data.StreamItem> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
    };
    const control = new AbortController();
    const run = train(silent, { signal: control.signal });
    setTimeout(() => control.abort(new Error('too long')), 5);
    await expect(run).rejects.toThrow('too long');
  });

  it('that gives nothing is an error, as a generator is in the second epoch', async () => {
    const once = new data.Stream(rows(), { batchSize: 8 });
    await expect(train(once)).rejects.toThrow(/a generator can be gone through once only/);
    const none = new data.Stream([], { batchSize: 8 });
    await expect(train(none)).rejects.toThrow(/the source gave no batch/);
  });

  it.each([
    [[points.slice(0, 2), [1]], /as many targets as inputs, .* in item 1; got shapes \[2, 3\] and \[1\]/],
    [[[[1, 2, NaN]], [1]], /NaN in the inputs of item 1/],
    [
      [
        [[1, 2, 3], [1]],
        [1, 0],
      ],
      /Stream inputs of item 1: ragged/,
    ],
    [3, /expected item 1 to be a pair/],
    [[[[1, 2]], [1]], /linear/],
  ])('refuses the item %o, closes the source and keeps the weights', async (item, message) => {
    let closed = 0;
    async function* source(): AsyncGenerator<data.StreamItem> {
      try {
        yield [points.slice(0, 4), classes.slice(0, 4)];
        yield item as never;
      } finally {
        closed++;
      }
    }
    const set = setUp();
    let last: number[] = [];
    const run = train(source(), { onBatch: () => void (last = weights(set.model)) }, set);
    await expect(run).rejects.toThrow(message);
    expect(closed).toBe(1);
    expect(weights(set.model)).toEqual(last);
  });

  it('of rows of different shapes is refused', async () => {
    const mixed = [[[1, 2, 3], 0] as const, [[1, 2], 0] as const];
    await expect(train(new data.Stream(mixed, { batchSize: 2 }))).rejects.toThrow(
      /expected inputs \[3\] as before, got \[2\] in item 1/,
    );
  });

  it.each([
    [() => new data.Stream(3 as never), /expected an async iterable/],
    [() => new data.Stream(rows, { batchSize: 0 }), /batchSize to be a positive integer/],
    [() => new data.Stream(rows, { prefetch: -1 }), /prefetch to be a non-negative integer/],
    [() => new data.Stream(rows, { dropLast: true }), /dropLast needs a batchSize/],
    [() => new data.Stream(rows, { ahead: 2 } as never), /unknown option 'ahead'/],
  ])('%s is refused', (action, message) => expect(action).toThrow(message));
});
