import { describe, expect, it } from 'vitest';
import { nn, tensor, type Tensor } from 'wasmgrad';

const NEVER = -Infinity;

/** The loss of some numbers, and the gradient of each input that is one. */
interface Case {
  readonly name: string;
  readonly inputs: number[][][];
  readonly run: (...inputs: Tensor[]) => Tensor;
  readonly loss: number;
  readonly gradients: number[][][];
}

const of = (
  name: string,
  inputs: number[][][],
  run: Case['run'],
  loss: number,
  gradients: number[][][],
): Case => ({ name, inputs, run, loss, gradients });

const sum = { reduction: 'sum' } as const;
const kl = (options: ConstructorParameters<typeof nn.KLDivLoss>[0], target: number[][]) => (x: Tensor) =>
  new nn.KLDivLoss({ ...sum, ...options }).forward(x, target);
const bce = (target: number[][], posWeight?: number) => (x: Tensor) =>
  new nn.BCEWithLogitsLoss(posWeight === undefined ? sum : { ...sum, posWeight }).forward(x, target);
const ce =
  (options: ConstructorParameters<typeof nn.CrossEntropyLoss>[0], target: number[] | number[][]) =>
  (x: Tensor) =>
    new nn.CrossEntropyLoss({ ...sum, ...options }).forward(x, tensor(target));
const triplet =
  (options: ConstructorParameters<typeof nn.TripletMarginLoss>[0]) =>
  (...[a, p, n]: Tensor[]) =>
    new nn.TripletMarginLoss({ ...sum, eps: 0, ...options }).forward(a, p, n);
const cosine =
  (targets: number[]) =>
  (...[a, b]: Tensor[]) =>
    new nn.CosineEmbeddingLoss({ ...sum, margin: -1 }).forward(a, b, targets);

const LN2 = Math.LN2;
const HALF = Math.log(0.5);
const ROOT = Math.SQRT1_2;

const cases: Case[] = [
  of('KLDivLoss, target 0', [[[0, NEVER]]], kl({}, [[1, 0]]), 0, [[[-1, 0]]]),
  of('KLDivLoss, target 0 of +∞', [[[HALF, Infinity]]], kl({}, [[1, 0]]), LN2, [[[-1, 0]]]),
  of('KLDivLoss, target above 0', [[[0, NEVER]]], kl({}, [[0.5, 0.5]]), Infinity, [[[-0.5, -0.5]]]),
  of('KLDivLoss, batchmean', [[[0, NEVER]]], kl({ reduction: 'batchmean' }, [[1, 0]]), 0, [[[-1, 0]]]),
  of('KLDivLoss, a subnormal target', [[[0, 0]]], kl({}, [[0, 1e-40]]), 1e-40 * Math.log(1e-40), [
    [[0, -1e-40]],
  ]),
  of('KLDivLoss, logTarget −∞', [[[0, HALF]]], kl({ logTarget: true }, [[0, NEVER]]), 0, [[[-1, 0]]]),
  of('KLDivLoss, both −∞', [[[0, NEVER]]], kl({ logTarget: true }, [[0, NEVER]]), 0, [[[-1, 0]]]),

  of('BCEWithLogitsLoss where it is right', [[[NEVER, Infinity]]], bce([[0, 1]]), 0, [[[0, 0]]]),
  of('BCEWithLogitsLoss where it is wrong', [[[NEVER, Infinity]]], bce([[1, 0]]), Infinity, [[[-1, 1]]]),
  of('BCEWithLogitsLoss of far logits', [[[-3e38, 3e38, -1e30]]], bce([[0, 1, 0]]), 0, [[[0, 0, 0]]]),
  of('BCEWithLogitsLoss, posWeight, right', [[[NEVER, Infinity]]], bce([[0, 1]], 3), 0, [[[0, 0]]]),
  of('BCEWithLogitsLoss, posWeight, wrong', [[[NEVER, Infinity]]], bce([[1, 0]], 3), Infinity, [[[-3, 1]]]),
  of('BCEWithLogitsLoss, posWeight 0', [[[NEVER, 0]]], bce([[1, 0]], 0), LN2, [[[0, 0.5]]]),
  of('BCEWithLogitsLoss, posWeight, far', [[[-3e38, 3e38]]], bce([[0, 1]], 3), 0, [[[0, 0]]]),
  of('BCELoss at the ends', [[[0, 1]]], (x) => new nn.BCELoss(sum).forward(x, [[0, 1]]), 0, [[[1, -1]]]),

  of('CrossEntropyLoss, another class', [[[0, NEVER]]], ce({}, [0]), 0, [[[0, 0]]]),
  of('CrossEntropyLoss, probability 0', [[[0, NEVER]]], ce({}, [[1, 0]]), 0, [[[0, 0]]]),
  of('CrossEntropyLoss, a probability above 0', [[[0, NEVER]]], ce({}, [[0.5, 0.5]]), Infinity, [
    [[0.5, -0.5]],
  ]),
  of('CrossEntropyLoss, +∞', [[[0, Infinity]]], ce({}, [1]), 0, [[[0, 0]]]),
  of('CrossEntropyLoss, weighted', [[[0, NEVER]]], ce({ weight: [1, 2] }, [[1, 0]]), 0, [[[0, 0]]]),
  of('CrossEntropyLoss, weight 0', [[[0, NEVER]]], ce({ weight: [1, 0] }, [[0.5, 0.5]]), 0, [[[0, 0]]]),
  of(
    'CrossEntropyLoss, smoothed, weight 0',
    [[[0, NEVER]]],
    ce({ weight: [1, 0], labelSmoothing: 0.5 }, [0]),
    0,
    [[[0, 0]]],
  ),
  of('CrossEntropyLoss, smoothed', [[[0, NEVER]]], ce({ labelSmoothing: 0.5 }, [0]), Infinity, [
    [[0.25, -0.25]],
  ]),

  of(
    'HingeEmbeddingLoss, infinite distances',
    [[[Infinity, 0.25]]],
    (x) => new nn.HingeEmbeddingLoss(sum).forward(x, [[-1, 1]]),
    0.25,
    [[[0, 1]]],
  ),
  ...[1, 1.5, 2, 3, 10].map((p) =>
    of(`TripletMarginLoss, p ${p}, distance 0`, [[[1, 2]], [[1, 2]], [[1, 2.5]]], triplet({ p }), 0.5, [
      [[0, 1]],
      [[0, 0]],
      [[0, -1]],
    ]),
  ),
  ...[1, 2, 3].map((p) =>
    of(`TripletMarginLoss, p ${p}, all alike`, [[[1, 2]], [[1, 2]], [[1, 2]]], triplet({ p }), 1, [
      [[0, 0]],
      [[0, 0]],
      [[0, 0]],
    ]),
  ),
  of('TripletMarginLoss, far away', [[[3e30, 0]], [[0, 4e30]], [[3e30, 0]]], triplet({}), 5e30, [
    [[0.6, -0.8]],
    [[-0.6, 0.8]],
    [[0, 0]],
  ]),
  of('TripletMarginLoss, p 3, far away', [[[1e20, 0]], [[0, 0]], [[1e20, 0]]], triplet({ p: 3 }), 1e20, [
    [[1, 0]],
    [[-1, 0]],
    [[0, 0]],
  ]),
  of(
    'TripletMarginLoss, very near',
    [[[3e-30, 0]], [[0, 4e-30]], [[3e-30, 0]]],
    triplet({ margin: 0 }),
    5e-30,
    [[[0.6, -0.8]], [[-0.6, 0.8]], [[0, 0]]],
  ),

  ...[1e-30, 1, 1e30].flatMap((long) =>
    [1e-30, 1, 1e30].map((other) =>
      of(
        `CosineEmbeddingLoss, lengths ${long} and ${other}`,
        [[[long, 0]], [[other, other]]],
        cosine([1]),
        1 - ROOT,
        [[[0, -ROOT / long]], [[-ROOT / 2 / other, ROOT / 2 / other]]],
      ),
    ),
  ),
  of('CosineEmbeddingLoss, unlike', [[[3e38, 0]], [[3e38, 3e38]]], cosine([-1]), 1 + ROOT, [
    [[0, ROOT / 3e38]],
    [[ROOT / 6e38, -ROOT / 6e38]],
  ]),
  of('CosineEmbeddingLoss, a row of zeros', [[[0, 0]], [[1, 2]]], cosine([1]), 1, [[[0, 0]], [[0, 0]]]),
  of('CosineEmbeddingLoss, two of them', [[[0, 0]], [[0, 0]]], cosine([-1]), 1, [[[0, 0]], [[0, 0]]]),

  ...[1e-40, 1e-44, 1e-50, 0].map((beta) =>
    of(
      `SmoothL1Loss, beta ${beta}`,
      [[[2, -1e-10, 0]]],
      (x) => new nn.SmoothL1Loss({ ...sum, beta }).forward(x, [[0, 0, 0]]),
      2,
      [[[1, -1, 0]]],
    ),
  ),
  of(
    'SmoothL1Loss, beta 10³⁰',
    [[[1e25]]],
    (x) => new nn.SmoothL1Loss({ ...sum, beta: 1e30 }).forward(x, [[0]]),
    5e19,
    [[[1e-5]]],
  ),
  of(
    'SmoothL1Loss, beta 10³⁹',
    [[[1e25]]],
    (x) => new nn.SmoothL1Loss({ ...sum, beta: 1e39 }).forward(x, [[0]]),
    1e50 / 2 / 3.4028234663852886e38,
    [[[1e25 / 3.4028234663852886e38]]],
  ),
  ...[3e38, 1e39, Infinity].map((delta) =>
    of(
      `HuberLoss, delta ${delta}`,
      [[[2]]],
      (x) => new nn.HuberLoss({ ...sum, delta }).forward(x, [[0]]),
      2,
      [[[2]]],
    ),
  ),
  of(
    'HuberLoss, delta 10⁻³⁰',
    [[[2, -1]]],
    (x) => new nn.HuberLoss({ ...sum, delta: 1e-30 }).forward(x, [[0, 0]]),
    3e-30,
    [[[1e-30, -1e-30]]],
  ),
  of(
    'HingeLoss far on its side',
    [[[Infinity, NEVER]]],
    (x) => new nn.HingeLoss(sum).forward(x, [[1, -1]]),
    0,
    [[[0, 0]]],
  ),
];

function near(value: number, expected: number): boolean {
  return (
    value === expected ||
    Math.abs(value - expected) <= 1e-5 * Math.abs(expected) + 1e-9 * Math.min(1, Math.abs(expected)) + 1e-45
  );
}

describe('losses in the limit', () => {
  it.each(cases)('$name', ({ inputs, run, loss, gradients }) => {
    const leaves = inputs.map((values) => tensor(values, { requiresGrad: true }));
    const value = run(...leaves);
    expect(near(value.item(), loss), `${value.item()} instead of ${loss}`).toBe(true);
    value.backward();
    leaves.forEach((leaf, i) => {
      const got = [...leaf.grad!.data];
      const expected = gradients[i].flat();
      // What cancels out leaves roundings of its terms.
      const size = Math.max(...expected.map(Math.abs));
      got.forEach((slope, j) =>
        expect(
          near(slope, expected[j]) || Math.abs(slope - expected[j]) < 1e-6 * size,
          `[${i}]: ${got}`,
        ).toBe(true),
      );
    });
  });
});
