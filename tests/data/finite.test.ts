import { describe, expect, it } from 'vitest';
import { data, evaluate, nn, tensor } from 'wasmgrad';

// A model that is trained on one infinite number is one of NaN: refused where it comes in, with its place.

const loss = new nn.MSELoss();
const stream = (item: unknown, options?: data.StreamOptions): Promise<unknown> =>
  evaluate(new nn.Linear(2, 1), new data.Stream([item as never], options), { loss });

const VALUES: [string, number, RegExp][] = [
  ['NaN', NaN, /NaN/],
  ['∞', Infinity, /Infinity/],
  ['−∞', -Infinity, /-Infinity/],
  ['1e39', 1e39, /Infinity|1e\+39/],
  ['−1e39', -1e39, /-Infinity|-1e\+39/],
  ['the first number that float32 rounds to ∞', 2 ** 128 - 2 ** 103, /Infinity/],
];

describe.each(VALUES)('%s', (_, bad, shown) => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'inputs',
      () =>
        new data.TensorDataset(
          [
            [1, 2],
            [3, 4],
            [5, bad],
          ],
          [1, 2, 3],
        ),
      /row 2 of the inputs, column 1$/,
    ],
    ['targets', () => new data.TensorDataset([[1], [2]], [bad, 1]), /row 0 of the targets$/],
    [
      'targets of several columns',
      () =>
        new data.TensorDataset(
          [[1], [2]],
          [
            [1, 2],
            [bad, 1],
          ],
        ),
      /row 1 of the targets, column 0$/,
    ],
    [
      'a typed array',
      () => new data.TensorDataset(Float64Array.of(1, 2, bad), [1, 2, 3]),
      /row 2 of the inputs$/,
    ],
    [
      'flat numbers',
      () => new data.TensorDataset({ data: [1, 2, 3, bad], shape: [2, 2] }, [1, 2]),
      /row 1 of the inputs, column 1$/,
    ],
    [
      'a tensor',
      () => new data.TensorDataset(tensor([[1], [bad]]), [1, 2]),
      /row 1 of the inputs, column 0$/,
    ],
    [
      'images',
      () =>
        new data.TensorDataset(
          [
            [
              [1, 2],
              [3, bad],
            ],
          ],
          [1],
        ),
      /row 0 of the inputs, column 3$/,
    ],
  ])('among %s is refused with its place', (_where, act, place) => {
    expect(act).toThrow(RangeError);
    expect(act).toThrow(/^TensorDataset: expected finite numbers \(as float32\), got /);
    expect(act).toThrow(shown);
    expect(act).toThrow(place);
  });

  it('in a stream of batches, and of rows', async () => {
    await expect(
      stream([
        [
          [1, 2],
          [bad, 2],
        ],
        [[1], [2]],
      ]),
    ).rejects.toThrow(/^Stream: .* in the inputs of item 0, row 1, column 0$/);
    await expect(stream([[[1, 2]], [[bad]]])).rejects.toThrow(/in the targets of item 0, row 0, column 0$/);
    await expect(stream([[1, bad], [1]], { batchSize: 1 })).rejects.toThrow(
      /in the inputs of item 0, column 1$/,
    );
  });
});

it('the largest float32 is taken', () => {
  const most = (2 - 2 ** -23) * 2 ** 127;
  const [x] = new data.TensorDataset([[most], [-most]], [1, 2]).batch([0, 1]);
  expect(x.toArray()).toEqual([[most], [-most]]);
});

it.each([NaN, Infinity, -Infinity])('%d among weights and labels of rows is refused with its row', (bad) => {
  const message = new RegExp(`, got ${bad} for row 1$`);
  expect(() => new data.WeightedRandomSampler([1, bad])).toThrow(message);
  expect(() => data.balancedWeights([1, bad])).toThrow(message);
  expect(() => new data.StratifiedKFold({ folds: 2 }).split([1, bad])).toThrow(message);
});
