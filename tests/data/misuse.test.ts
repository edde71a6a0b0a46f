import { describe, expect, it } from 'vitest';
import { data } from 'wasmgrad';

// Arguments of a wrong kind or value: an error that begins with the call, never a guess.

const set = (): data.TensorDataset => new data.TensorDataset([[1], [2], [3], [4]], [0, 1, 0, 1]);
const loader = (options: object): unknown => new data.DataLoader(set(), options);
const sampler = (weights: unknown, options?: object): unknown =>
  new data.WeightedRandomSampler(weights as number[], options);

it.each<[string, () => unknown, RegExp]>([
  ['a loader of arrays', () => new data.DataLoader([[1]] as never), /^DataLoader: expected a TensorDataset/],
  ['batchSize NaN', () => loader({ batchSize: NaN }), /^DataLoader: expected batchSize .* got NaN/],
  ['batchSize 2.5', () => loader({ batchSize: 2.5 }), /^DataLoader: .* got 2\.5/],
  ['batchSize as a text', () => loader({ batchSize: '2' }), /^DataLoader: .* got string "2"/],
  ['batchSize null', () => loader({ batchSize: null }), /^DataLoader: .* got null/],
  ['batchSize ∞', () => loader({ batchSize: Infinity }), /^DataLoader: .* got Infinity/],
  ['a seed that is none', () => loader({ seed: -1 }), /^DataLoader: expected seed/],
  [
    'a class as sampler',
    () => loader({ sampler: data.WeightedRandomSampler }),
    /^DataLoader: expected a sampler/,
  ],
  [
    'a sampler without rows',
    () => loader({ sampler: { length: 0, order: () => [] } }),
    /^DataLoader: expected a sampler/,
  ],
  [
    'a sampler that gives nothing',
    () => [...new data.DataLoader(set(), { sampler: { length: 1, order: () => undefined as never } })],
    /^sampler: expected positions as an array of integers, got undefined/,
  ],
  [
    'a sampler that gives other rows',
    () => [...new data.DataLoader(set(), { sampler: { length: 1, order: () => [4] } })],
    /^sampler: row 4 is not in \[0, 4\)/,
  ],
  ['no positions', () => set().batch(null as never), /^batch: expected positions .* got null/],
  ['one position', () => set().subset(1 as never), /^subset: expected positions .* got 1/],
  ['a position that is a text', () => set().batch(['1'] as never), /^batch: row string "1" is not in/],
  ['a hole among positions', () => set().batch(new Array(1) as never), /^batch: row undefined is not in/],
  [
    'a split of an array',
    () => data.trainTestSplit([1, 2] as never),
    /^trainTestSplit: expected a TensorDataset, got an Array/,
  ],
  ['testSize NaN', () => data.trainTestSplit(set(), { testSize: NaN }), /^trainTestSplit: testSize NaN/],
  [
    'testSize below 0',
    () => data.trainTestSplit(set(), { testSize: -0.5 }),
    /^trainTestSplit: testSize -0\.5/,
  ],
  ['testSize 1.5', () => data.trainTestSplit(set(), { testSize: 1.5 }), /^trainTestSplit: testSize 1\.5/],
  [
    'testSize as a text',
    () => data.trainTestSplit(set(), { testSize: '0.5' as never }),
    /^trainTestSplit: expected testSize to be a number/,
  ],
  ['folds NaN', () => new data.KFold({ folds: NaN }), /^KFold: expected folds/],
  ['folds of 1.5', () => new data.StratifiedKFold({ folds: 1.5 }), /^StratifiedKFold: expected folds/],
  ['folds of nothing', () => new data.KFold().split(null as never), /^KFold: null rows/],
  ['folds of NaN rows', () => new data.KFold().split(NaN), /^KFold: NaN rows/],
  [
    'folds of an array',
    () => new data.KFold({ folds: 2 }).split([1, 2, 3] as never),
    /^KFold: an Array rows/,
  ],
  [
    'numSamples NaN',
    () => sampler([1, 2], { numSamples: NaN }),
    /^WeightedRandomSampler: expected numSamples/,
  ],
  ['weights below 0', () => sampler([1, -1]), /^WeightedRandomSampler: .* got -1 for row 1/],
  ['weights as a text', () => sampler('12'), /^WeightedRandomSampler: expected weights as an array/],
  ['weights as texts', () => sampler(['1', '2']), /^WeightedRandomSampler: .* got string "1" for row 0/],
  ['no weights', () => sampler([]), /^WeightedRandomSampler: expected a number for each row/],
  ['a stream of a number', () => new data.Stream(5 as never), /^Stream: expected an async iterable/],
  [
    'a stream with batchSize 0',
    () => new data.Stream([], { batchSize: 0 }),
    /^Stream: expected batchSize .* got 0/,
  ],
])('%s is refused', (_, act, message) => expect(act).toThrow(message));

describe('states of loaders', () => {
  const dataset = new data.TensorDataset([[1], [2]], [1, 2]);
  const junk = [undefined, null, 3, 'x', [], new Map(), new Date(0), new Float32Array(4), Promise.resolve()];
  const made: [string, () => data.DataLoader][] = [
    ['without a seed', () => new data.DataLoader(dataset, { shuffle: true })],
    ['with a seed', () => new data.DataLoader(dataset, { shuffle: true, seed: 1 })],
  ];
  it.each(made.flatMap(([kind, make]) => junk.map((state) => [kind, state, make] as const)))(
    '%s are refused: %o',
    (_, state, make) => {
      const loader = make();
      const before = loader.getState();
      expect(() => loader.setState(state as never)).toThrow(/^DataLoader: expected a state with .*, got /);
      expect(loader.getState()).toEqual(before);
    },
  );
});
