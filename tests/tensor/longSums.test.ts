import { describe, expect, it } from 'vitest';
import { nn, noGrad, tensor, type Tensor } from 'wasmgrad';
import { forwardOf } from '../support/forward.js';

// n equal terms, or n times the same few: their sum is known exactly, and one float32 would be off to one side.

/** How far a sum may be off, relative to what it is, up to n = 10⁸. */
const BOUND = 2 ** -20;
const n = 10 ** 6;
const { fround } = Math;

const full = (shape: readonly number[], ...values: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => values[i % values.length]),
    { shape },
  );

/** Everything that the numbers should be is this times their place from 1 on, or all of it the same. */
function expectAll(actual: Tensor, ...expected: number[]): void {
  const numbers = [actual.toArray()].flat(5) as number[];
  expect(numbers.length % expected.length).toBe(0);
  for (const [i, value] of numbers.entries()) {
    const right = expected[i % expected.length];
    if (Math.abs(value / right - 1) < BOUND) continue;
    expect.fail(`[${i}]: ${value} instead of ${right}`);
  }
}

/** The gradient of what `of` gives for a leaf. */
function gradient(leaf: Tensor, of: (leaf: Tensor) => Tensor): Tensor {
  of(leaf).sum().backward();
  return leaf.grad!;
}

const CONSTANTS = [0.1, 0.479, 1 / 3, 0.7, 1.9999, 3e-5, 6.1e8].map(fround);

describe('sums of many equal numbers', () => {
  for (const c of CONSTANTS) {
    for (const count of [10, 57, 100, 1000, 4097, 10 ** 5, n]) {
      it(`${count} · ${c}, over every kind of dimension`, () => {
        noGrad(() => {
          expectAll(full([count], c).sum(), count * c);
          expectAll(full([count, 3], c, -c, 2 * c).sum(0), count * c, -count * c, 2 * count * c);
          expectAll(full([3, count], c).mean(1), c);
          if (count > 10 ** 5) return;
          expectAll(full([count, 20], c).mean(0), c);
          expectAll(full([count, 3, 2], c).sum([0, 2]), 2 * count * c);
          expectAll(full([2, count, 3], c).sum(1), count * c);
        });
      });
    }
  }

  it('holds for 2²⁴ and 5 · 10⁷ of them', () => {
    noGrad(() => {
      const c = fround(0.479);
      expectAll(full([2 ** 24, 3], c).mean(0), c);
      expectAll(full([5 * 10 ** 7], fround(0.1)).sum(), 5 * 10 ** 7 * fround(0.1));
    });
  });

  it('is finite where the sum on the way is not', () => {
    expectAll(full([4], 3e38).mean(), fround(3e38));
    expectAll(tensor([3e38, 3e38]).mean(), fround(3e38));
    expectAll(new nn.MSELoss().forward(tensor([1.5e19, 1.5e19]), tensor([0, 0])), 2.25e38);
    expectAll(new nn.L1Loss().forward(tensor([3e38, -3e38]), tensor([0, 0])), fround(3e38));
    expectAll(full([5, 17], 3e38).mean(0), fround(3e38));
    expectAll(full([4], 3e38, 3e38, -3e38, -2e38).sum(), fround(3e38) - fround(2e38));
  });
});

describe('products with a long reduction', () => {
  // Every way that a product can take: dot products, tiles, rows or columns swapped, narrow ones, single columns.
  const SIZES = [
    [1, 1],
    [2, 9],
    [3, 3],
    [4, 1],
    [5, 2],
    [4, 9],
    [9, 4],
    [6, 10],
    [17, 17],
    [9, 18],
  ] as const;
  for (const k of [1025, 4097, 10 ** 5]) {
    for (const [rows, columns] of SIZES) {
      it(`[${rows}, ${k}] · [${k}, ${columns}], and its gradients`, () => {
        const [a, b] = CONSTANTS;
        const x = full([rows, k], a);
        const w = full([k, columns], b);
        noGrad(() => {
          const right = k * fround(a) * fround(b);
          expectAll(x.matmul(w), right);
          const layer = new nn.Linear(k, columns);
          nn.init.constant(layer.weight, b);
          nn.init.constant(layer.bias!, 0);
          expectAll(layer.forward(x), right);
          expectAll(layer.forward(x).relu(), right);
        });
      });
    }
  }

  it.each([
    [1, 1],
    [3, 2],
    [9, 10],
    [17, 5],
    [64, 9],
  ])('gradients of Linear(%i, %i) over 10⁵ rows', (inner, outer) => {
    const c = fround(0.7);
    const layer = new nn.Linear(inner, outer);
    const rows = 10 ** 5;
    layer
      .forward(full([rows, inner], c))
      .sum()
      .backward();
    expectAll(layer.weight.grad!, rows * c);
    expectAll(layer.bias!.grad!, rows);
    layer
      .forward(full([rows, inner], c))
      .mul(fround(0.1))
      .sum()
      .backward();
    expectAll(layer.bias!.grad!, rows * (1 + fround(0.1)));
  });

  // As int32 these products of sizes are negative, 0 and small.
  it.each([
    [2048, 1032],
    [4096, 2048],
    [2049, 2048],
  ])('%i rows through Linear(%i, 1024), more than 2³¹ products', (rows, k) => {
    noGrad(() => {
      const [a, b] = CONSTANTS;
      const layer = new nn.Linear(k, 1024, { bias: false });
      nn.init.constant(layer.weight, b);
      const y = layer.forward(full([rows, k], a));
      expectAll(y.slice(0, 0, 2), k * a * b);
      expectAll(y.slice(0, rows - 2), k * a * b);
      expect(y.slice(0, 0, 20).toArray()).toEqual(layer.forward(full([20, k], a)).toArray());
    });
  });

  it('10⁷ of them', () => {
    noGrad(() => {
      const [a, b] = CONSTANTS;
      expectAll(full([1, 10 ** 7], a).matmul(full([10 ** 7, 1], b)), 10 ** 7 * a * b);
    });
  });
});

describe('other sums over many rows', () => {
  const c = fround(0.1);

  it('gradients of what was broadcast', () => {
    const zeros = full([n, 3], 0);
    expectAll(
      gradient(tensor([1, 2, 3], { requiresGrad: true }), (b) => zeros.add(b).mul(c)),
      n * c,
    );
    expectAll(
      gradient(tensor([[1]], { requiresGrad: true }), (b) => full([n, 3], c).mul(b)),
      3 * n * c,
    );
  });

  // Each operand of a stack of products, repeated along the first, the last, or all dimensions of the stack.
  const B = 3e5;
  it.each<[a: number[], b: number[]]>([
    [
      [B, 1, 1],
      [1, 1],
    ],
    [
      [B, 2, 3],
      [3, 2],
    ],
    [
      [B, 3],
      [3, 2],
    ],
    [
      [1, 2],
      [B, 2, 1],
    ],
    [[3], [B, 3, 2]],
    [
      [1, B, 2, 1],
      [2, 1, 1, 3],
    ],
    [
      [B, 1, 2, 1],
      [1, 2, 1, 3],
    ],
    [
      [2, 1, 1, 2],
      [2, B, 2, 1],
    ],
  ])('gradients of a stack of matrices %j by %j', (left, right) => {
    const x = full(left, c);
    const w = full(right, c);
    const leaves = [x, w].map((operand) =>
      tensor(operand.data, { shape: operand.shape, requiresGrad: true }),
    );
    const y = leaves[0].matmul(leaves[1]);
    const k = left[left.length - 1];
    expectAll(y, k * c * c);
    y.backward(full(y.shape as number[], c));
    // Every product of numbers gives each of the two operands one term of c · c.
    for (const leaf of leaves) expectAll(leaf.grad!, (y.size * k * c * c) / leaf.size);
  });

  it('a row of an embedding that occurs in every place', () => {
    const layer = new nn.Embedding(3, 5);
    layer
      .forward(full([n], 1))
      .mul(c)
      .sum()
      .backward();
    expect([...(layer.weight.grad!.toArray() as number[][])[0]]).toEqual([0, 0, 0, 0, 0]);
    expectAll(layer.weight.grad!.slice(0, 1, 2), n * c);
  });

  it('statistics of a batch, and gradients of its scale and shift', () => {
    const low = fround(0.1);
    const high = fround(0.5);
    const layer = new nn.BatchNorm1d(3, { momentum: 1, eps: 0 });
    const y = layer.forward(full([n, 3], low, low, low, high, high, high));
    expectAll(y.slice(0, 0, 2), -1, -1, -1, 1, 1, 1);
    y.mul(c).sum().backward();
    expectAll(layer.bias!.grad!, n * c);
    expectAll(layer.runningMean!, (low + high) / 2);
    expectAll(layer.runningVar!, ((high - low) / 2) ** 2);
  });

  it('of a layer', () => {
    noGrad(() => {
      const x = full([2, n], 0.1, 0.5);
      expectAll(new nn.LayerNorm(n, { eps: 0 }).forward(x), -1, 1);
      const root = Math.sqrt((fround(0.1) ** 2 + 0.25) / 2);
      expectAll(new nn.RMSNorm(n, { eps: 0 }).forward(x), fround(0.1) / root, 0.5 / root);
    });
  });

  it('means and sums of losses', () => {
    noGrad(() => {
      const x = full([n, 2], 0.1, 0.5);
      const difference = (fround(0.5) - c) ** 2;
      expectAll(new nn.MSELoss().forward(x, full([n, 2], 0.5, 0.1)), difference);
      expectAll(new nn.MSELoss({ reduction: 'sum' }).forward(x, full([n, 2], 0.5, 0.1)), 2 * n * difference);
      expectAll(new nn.CrossEntropyLoss().forward(x, full([n], 0)), Math.log(1 + Math.exp(fround(0.5) - c)));
    });
  });
});

describe('softmax of many classes', () => {
  const count = 10 ** 6;
  const low = fround(-0.1);
  const share = 1 / (1 + (count - 1) * Math.exp(low));
  /** One number, and others that are alike, along dimension `dim` of two: a row, or two columns side by side. */
  const rowOf = (dim: number, one: number, other: number, requiresGrad = false): Tensor => {
    const numbers = new Float32Array(dim === 0 ? 2 * count : count).fill(other);
    numbers.fill(one, 0, 2 - dim);
    return tensor(numbers, { shape: dim === 0 ? [count, 2] : [1, count], requiresGrad });
  };
  const logits = (dim: number): Tensor => rowOf(dim, 0, low);
  const first = (x: Tensor, dim: number): Tensor => x.slice(dim, 0, 1);
  const rest = (x: Tensor, dim: number): Tensor => x.slice(dim, 1);

  it.each([0, 1])('and its logarithm, along dimension %i', (dim) => {
    noGrad(() => {
      const p = logits(dim).softmax(dim);
      expectAll(first(p, dim), share);
      expectAll(rest(p, dim), share * Math.exp(low));
      expectAll(p.sum(dim), 1);
      const logs = logits(dim).logSoftmax(dim);
      expectAll(first(logs, dim), Math.log(share));
      expectAll(rest(logs, dim), Math.log(share) + low);
    });
  });

  /** The largest distance of numbers from what all of them should be. */
  const worst = (x: Tensor, right: number): number =>
    x.data.reduce((most, value) => Math.max(most, Math.abs(value - right)), 0);

  it.each([0, 1])('and their gradients, along dimension %i', (dim) => {
    const c = fround(0.1);
    const share = 1 / count;
    for (const d of [c, fround(1.1)]) {
      const slopes = (of: (x: Tensor) => Tensor): Tensor => {
        const x = rowOf(dim, 0, 0, true);
        of(x).backward(rowOf(dim, d, c));
        return x.grad!;
      };
      const sum = d + (count - 1) * c;
      const logs = slopes((x) => x.logSoftmax(dim));
      expect(worst(first(logs, dim), d - share * sum)).toBeLessThan(d * BOUND);
      expect(worst(rest(logs, dim), c - share * sum)).toBeLessThan(c * BOUND);
      const plain = slopes((x) => x.softmax(dim));
      expect(worst(first(plain, dim), share * (d - share * sum))).toBeLessThan(share * d * BOUND);
      expect(worst(rest(plain, dim), share * (c - share * sum))).toBeLessThan(share * c * BOUND);
    }
  });

  it('of an exported model', () => {
    const model = new nn.Sequential(new nn.Softmax());
    const x = logits(1).data;
    const p = tensor(forwardOf(model, count).predict(x));
    expectAll(p.slice(0, 0, 1), share);
    expectAll(p.slice(0, 1), share * Math.exp(low));
  });

  it('in a cross-entropy, with labels, probabilities, and what follows from them', () => {
    const l = rowOf(1, 0, low, true);
    const loss = new nn.CrossEntropyLoss();
    const value = loss.forward(l, [0]);
    expectAll(value, -Math.log(share));
    value.backward();
    expectAll(rest(l.grad!, 1), share * Math.exp(low));
    const equal = fround(1 / count);
    const other = rowOf(1, 0, low, true);
    const soft = loss.forward(other, full([1, count], equal));
    expectAll(soft, -equal * (Math.log(share) * count + low * (count - 1)));
    soft.backward();
    const mass = count * equal;
    expect(worst(first(other.grad!, 1), mass * share - equal)).toBeLessThan(equal * BOUND);
    expect(worst(rest(other.grad!, 1), mass * share * Math.exp(low) - equal)).toBeLessThan(equal * BOUND);
  });
});
