import { describe, expect, it } from 'vitest';
import { capture, data, fit, manualSeed, nn, optim, tensor, type Tensor } from 'wasmgrad';
import { Opcode } from '../../assembly/opcodes.js';
import { Captured } from '../../src/tensor/captured.js';
import { EPSILON, randomFloats } from '../support/numbers.js';

const SIZES = [1, 5, 1023, 1024, 1025, 3000];

function leaves(scale = 2): Tensor[] {
  return SIZES.map((size, i) => {
    const leaf = tensor(new Float32Array(size), { requiresGrad: true });
    leaf.backward(tensor(randomFloats(size, i + 1, scale)));
    return leaf;
  });
}
const gradients = (list: readonly Tensor[]): number[] => list.flatMap(({ grad }) => [...grad!.data]);

function exactNorm(values: readonly number[], p: number): number {
  if (p === Infinity) return Math.max(...values.map(Math.abs));
  return values.reduce((sum, value) => sum + Math.abs(value) ** p, 0) ** (1 / p);
}

describe('clipGradNorm', () => {
  // Squares, sums of up to 1,024 terms in four lanes, and sums of those.
  const NORM = (256 + 16) * EPSILON;

  it.each([1, 2, 3, 2.5, Infinity])('takes the norm with p = %d and scales by it', (normType) => {
    const list = leaves();
    const before = gradients(list);
    const exact = exactNorm(before, normType);
    const norm = optim.clipGradNorm(list, exact / 4, { normType }).item();
    expect(Math.abs(norm - exact)).toBeLessThanOrEqual(NORM * exact);
    gradients(list).forEach((value, i) => {
      expect(Math.abs(value - before[i] / 4)).toBeLessThanOrEqual(
        (NORM + 1e-6 / exact + 4 * EPSILON) * Math.abs(before[i]),
      );
    });
  });

  it('leaves short gradients to the bit, and skips leaves without one', () => {
    const list = [...leaves(), tensor([1, 2], { requiresGrad: true })];
    const before = gradients(list.slice(0, -1));
    optim.clipGradNorm(list, 1e6);
    expect(gradients(list.slice(0, -1))).toEqual(before);
    expect(list.at(-1)!.grad).toBeNull();
    expect(optim.clipGradNorm([list.at(-1)!], 1).item()).toBe(0);
  });

  it('makes NaN of NaN and infinity, as PyTorch does', () => {
    const w = tensor([1, 2], { requiresGrad: true });
    w.backward([NaN, 1]);
    expect(optim.clipGradNorm(w, 1).item()).toBeNaN();
    expect(w.grad!.toArray()).toEqual([NaN, NaN]);
    w.grad = null;
    w.backward([Infinity, 1]);
    expect(optim.clipGradNorm(w, 1).item()).toBe(Infinity);
    expect(w.grad!.toArray()).toEqual([NaN, 0]);
  });

  const MOST = 3.4028234663852886e38;

  it.each([
    // gradients of each tensor, maxNorm, normType, norm, gradients after
    [[[3e30, 4e30]], 1, 2, 5e30, [0.6, 0.8]],
    [[[3e30], [4e30]], 1, 2, 5e30, [0.6, 0.8]],
    [[[3e30], [-4e30]], 1e30, 2, 5e30, [0.6e30, -0.8e30]],
    [[[3e30, 4e30]], 1e-3, 2, 5e30, [0.6e-3, 0.8e-3]],
    [[[3e30, 4e30]], 1, 1, 7e30, [3 / 7, 4 / 7]],
    [[[3e30, 4e30]], 1, 3, 91 ** (1 / 3) * 1e30, [3 / 91 ** (1 / 3), 4 / 91 ** (1 / 3)]],
    [[[3e30, 4e30]], 1, Infinity, 4e30, [0.75, 1]],
    [[[3e30, 4e30]], 1e31, 2, 5e30, [3e30, 4e30]],
    [[[3e30, 4e30]], Infinity, 2, 5e30, [3e30, 4e30]],
    [[[3e30, 4e30]], 1e300, 2, 5e30, [3e30, 4e30]],
    [[[3e38, 3e38]], 1, 2, Infinity, [Math.SQRT1_2, Math.SQRT1_2]],
    [[[3e38, 3e38]], 1e-3, 2, Infinity, [Math.SQRT1_2 * 1e-3, Math.SQRT1_2 * 1e-3]],
    [[[3e38, 3e38]], 3e38, 2, Infinity, [Math.SQRT1_2 * 3e38, Math.SQRT1_2 * 3e38]],
    [[[MOST], [0]], MOST, 2, MOST, [MOST, 0]],
    [[[3e38, 1e-3]], 0, 2, 3e38, [0, 0]],
    [[[3e-30, 4e-30]], 1, 2, 5e-30, [3e-30, 4e-30]],
    [[[3e-30], [4e-30]], 1, 3, 91 ** (1 / 3) * 1e-30, [3e-30, 4e-30]],
    [[[3e-42, 4e-42]], 1, 2, 5e-42, [3e-42, 4e-42]],
    [[[3e-30, 4e-30]], 1e-31, 2, 5e-30, [3e-55, 4e-55]],
    [[[3e-6, 4e-6]], 1e-6, 2, 5e-6, [0.5e-6, 4e-6 / 6]],
    [[[0, 0], [0]], 1, 2, 0, [0, 0, 0]],
    [[[0]], 0, Infinity, 0, [0]],
  ])('%j to at most %d with p %d: norm %d', (given, maxNorm, normType, norm, after) => {
    for (const replayed of [false, true]) {
      const list = given.map((values) =>
        tensor(
          values.map(() => 0),
          { requiresGrad: true },
        ),
      );
      const step = (): Tensor => {
        list.forEach((leaf, i) => {
          leaf.grad = null;
          leaf.backward(tensor(given[i]));
        });
        return optim.clipGradNorm(list, maxNorm, { normType });
      };
      const run = replayed ? capture(step) : step;
      for (let turn = 0; turn < 2; turn++) {
        const got = [run().item(), ...gradients(list)];
        got.forEach((value, i) => {
          const expected = [norm, ...after][i];
          if (value !== expected)
            expect(Math.abs(value - expected)).toBeLessThanOrEqual(2e-6 * Math.abs(expected) + 2e-45);
        });
      }
    }
  });

  it('does so in fit', async () => {
    const model = new nn.Linear(2, 1, { bias: false });
    nn.init.zeros(model.weight);
    const optimizer = new optim.SGD(model.parameters(), { lr: 1 });
    const set = new data.TensorDataset(tensor([[3e30, 4e30]]), tensor([[-1]]));
    await fit(model, {
      data: new data.DataLoader(set),
      loss: (prediction, target) => prediction.sub(target).sum(),
      optimizer,
      epochs: 2,
      clipGradNorm: 1,
    });
    [-1.2, -1.6].forEach((value, i) => expect(model.weight.data[i]).toBeCloseTo(value, 5));
  });

  it('keeps the loss readable', () => {
    const w = tensor([3, 4], { requiresGrad: true });
    const loss = w.square().sum();
    loss.backward();
    const norm = optim.clipGradNorm([w], 1);
    expect([loss.item(), norm.item()]).toEqual([25, 10]);
  });

  it.each([
    [() => optim.clipGradNorm([3 as never], 1), /clipGradNorm: expected tensors, got 3/],
    [() => optim.clipGradNorm([], -1), /maxNorm to be a number ≥ 0, got -1/],
    [() => optim.clipGradNorm([], NaN), /maxNorm/],
    [() => optim.clipGradNorm([], 1, { normType: 0 }), /normType to be a number above 0/],
    [() => optim.clipGradNorm([], 1, { p: 1 } as never), /unknown option 'p'/],
    [() => optim.clipGradValue([], -1), /clipGradValue: expected limit to be a number ≥ 0/],
  ])('%s', (action, message) => expect(action).toThrow(message));
});

it('clipGradValue limits each number', () => {
  const list = leaves();
  const before = gradients(list);
  optim.clipGradValue(list, 0.5);
  expect(gradients(list)).toEqual(before.map((value) => Math.min(0.5, Math.max(-0.5, value))));
});

describe('a captured step of plain SGD', () => {
  const loss = new nn.MSELoss();
  const x = tensor([
    [1, -2, 3],
    [0.5, 4, -1],
  ]);
  const y = tensor([
    [5, 1],
    [-7, 2],
  ]);
  const clips: Record<string, ((p: Tensor[]) => void) | undefined> = {
    none: undefined,
    norm: (p) => void optim.clipGradNorm(p, 0.5),
    value: (p) => optim.clipGradValue(p, 0.1),
  };
  const setUp = (clip: string) => {
    manualSeed(5);
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const body = (a: Tensor, b: Tensor): Tensor => {
      optimizer.zeroGrad();
      const value = loss.forward(model.forward(a), b);
      value.backward();
      clips[clip]?.(model.parameters());
      optimizer.step();
      return value;
    };
    return { model, body };
  };
  const train = (clip: string, captured: boolean): number[] => {
    const { model, body } = setUp(clip);
    const step = captured ? capture(body) : body;
    const losses = Array.from({ length: 6 }, () => step(x, y).item());
    return [...losses, ...model.parameters().flatMap(({ data }) => [...data])];
  };

  it.each(['norm', 'value'])('clips by %s, with the bits of the loop', (clip) => {
    expect(train(clip, true)).toEqual(train(clip, false));
    expect(train(clip, true)).not.toEqual(train('none', true));
  });

  it.each([
    ['none', 0],
    ['norm', 4],
    ['value', 4],
  ] as const)('with clipping by %s has %i updates left', (clip, updates) => {
    const { body } = setUp(clip);
    const captured = new Captured('test', (a, b) => [body(a, b)]);
    const opcodes = captured
      .run([x, y])
      .tape.program.read()
      .map(({ opcode }) => opcode);
    expect(opcodes.filter((opcode) => opcode === Opcode.UPDATE)).toHaveLength(updates);
  });
});
