import { describe, expect, it } from 'vitest';
import { configure, noGrad, tensor } from 'wasmgrad';

describe('backward', () => {
  it('follows the chain rule', () => {
    const x = tensor(2, { requiresGrad: true });
    const y = x.pow(2);
    y.backward();
    expect(x.grad!.item()).toBe(4);
    expect(y.item()).toBe(4);
  });

  it('adds to the gradient until it is cleared', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x.square().sum().backward();
    x.square().sum().backward();
    expect(x.grad!.toArray()).toEqual([4, 8]);
    x.grad = null;
    expect(x.grad).toBeNull();
    x.mul(3).sum().backward();
    expect(x.grad!.toArray()).toEqual([3, 3]);
  });

  it('adds both gradients of a tensor that is used twice', () => {
    const x = tensor(3, { requiresGrad: true });
    x.mul(x).add(x).backward();
    expect(x.grad!.item()).toBe(7);
  });

  it('takes the gradient of a result that is no single number', () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.mul(2).backward([1, 10, 100]);
    expect(x.grad!.toArray()).toEqual([2, 20, 200]);
  });

  it('works on a leaf itself', () => {
    const x = tensor(3, { requiresGrad: true });
    x.backward();
    expect(x.grad!.item()).toBe(1);
  });

  it('goes through views', () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    x.reshape(4).mul([1, 2, 3, 4]).sum().backward();
    expect(x.grad!.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('leaves constants and frozen leaves alone', () => {
    const x = tensor(3, { requiresGrad: true });
    const w = tensor(2, { requiresGrad: true });
    const c = tensor(5);
    w.requiresGrad = false;
    x.mul(w).mul(c).backward();
    expect(x.grad!.item()).toBe(10);
    expect(w.grad).toBeNull();
    expect(c.grad).toBeNull();
  });

  it('stops at detach()', () => {
    const x = tensor(3, { requiresGrad: true });
    x.square().detach().mul(x).backward();
    expect(x.grad!.item()).toBe(9);
  });

  it('refuses a result that is no single number', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(() => x.mul(2).backward()).toThrow(
      /backward: expected a single number, got a tensor \[2\].*sum\(\)/,
    );
  });

  it('refuses a gradient of another size', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(() => x.mul(2).backward([1, 2, 3])).toThrow('backward: expected a gradient [2], got [3]');
  });

  it('refuses what needs no gradient', () => {
    expect(() => tensor(2).square().backward()).toThrow(/needs no gradient/);
    const x = tensor(2, { requiresGrad: true });
    expect(() => noGrad(() => x.square()).backward()).toThrow(/needs no gradient/);
  });

  it('refuses a second time', () => {
    const x = tensor(2, { requiresGrad: true });
    const y = x.square();
    y.backward();
    expect(() => y.backward()).toThrow(/went backward before/);
    expect(x.grad!.item()).toBe(4);
  });

  it('refuses a second loss through operations that are spent', () => {
    const x = tensor(2, { requiresGrad: true });
    const shared = x.square();
    const first = shared.mul(2);
    const second = shared.mul(3);
    first.backward();
    expect(() => second.backward()).toThrow(/went backward before/);
    expect(x.grad!.item()).toBe(8);
  });
});

describe('values', () => {
  it('stay readable after backward() until the next operation', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.square();
    const loss = y.sum();
    loss.backward();
    expect(y.toArray()).toEqual([1, 4]);
    expect(loss.item()).toBe(5);
    x.neg();
    expect(() => y.toArray()).toThrow(/can no longer be read: its tape ended after backward\(\)/);
    expect(() => y.add(1)).toThrow(/can no longer be read/);
  });

  it('keep a tape alive that is used after backward()', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.square();
    y.sum().backward();
    expect(y.add(1).toArray()).toEqual([2, 5]);
    expect(y.toArray()).toEqual([1, 4]);
  });

  it('of a cleared gradient are refused', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x.sum().backward();
    const kept = x.grad!;
    expect(kept.toArray()).toEqual([1, 1]);
    x.grad = null;
    expect(() => kept.toArray()).toThrow(/cleared by zeroGrad/);
  });

  it('of noGrad() are constants of their own', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const { y, list } = noGrad(() => ({ y: x.mul(2), list: [x.add(1)] }));
    expect(y.requiresGrad).toBe(false);
    expect(y.toArray()).toEqual([2, 4]);
    expect(list[0].toArray()).toEqual([2, 3]);
  });

  it('that left noGrad() unreturned are refused', () => {
    let escaped = tensor(0);
    noGrad(() => {
      escaped = tensor(2).square();
    });
    expect(() => escaped.item()).toThrow(/inside noGrad\(\)/);
    expect(() => noGrad(() => Promise.resolve(1))).toThrow(TypeError);
  });

  it('are copies', () => {
    const x = tensor([1, 2]);
    x.data[0] = 9;
    expect(x.toArray()).toEqual([1, 2]);
    const source = Float32Array.of(1, 2);
    const y = tensor(source);
    source[0] = 9;
    expect(y.toArray()).toEqual([1, 2]);
  });

  it('that a disposed leaf held are refused', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x[Symbol.dispose]();
    expect(() => x.toArray()).toThrow(/memory was released/);
  });

  it('stop a tape that grows without backward()', () => {
    configure({ tapeLimitBytes: 1 << 20 });
    const x = tensor(new Float32Array(1000), { requiresGrad: true });
    let y = x.neg();
    const grow = () => {
      for (let i = 0; i < 1000; i++) y = y.add(1);
    };
    expect(grow).toThrow(/pass its limit of 1048576 without backward\(\).*noGrad/);
    configure({ tapeLimitBytes: 2 ** 30 });
    y.sum().backward();
    expect(x.grad!.data[0]).toBe(-1);
  });
});

describe('bad input', () => {
  it.each([
    [
      () => tensor([[1, 2], [3]]),
      RangeError,
      /ragged array: expected 2 elements at depth 1, got an array of 1/,
    ],
    [() => tensor([1, [2]] as never), RangeError, /ragged/],
    [() => tensor([[1], 2] as never), RangeError, /ragged/],
    [() => tensor('2' as never), TypeError, /expected a number, nested arrays or a typed array/],
    [() => tensor(['2'] as never), TypeError, /expected numbers, got string/],
    [() => tensor([null] as never), TypeError, /expected numbers, got null/],
    [() => tensor(new BigInt64Array(2) as never), TypeError, /BigInt64Array/],
    [() => tensor([1, 2, 3], { shape: [2, 2] }), RangeError, /3 numbers do not fill shape \[2, 2\]/],
    [() => tensor(new Float32Array(2), { shape: [-1, -2] }), RangeError, /non-negative integers/],
    [() => tensor(1, { requireGrad: true } as never), TypeError, /unknown option 'requireGrad'/],
    [() => tensor([1, 2]).add([1, 2, 3]), RangeError, /add: shapes \[2\] and \[3\] do not broadcast/],
    [
      () => tensor([[1, 2]]).matmul([[1, 2]]),
      RangeError,
      /matmul: \[1, 2\] · \[1, 2\]: 2 columns meet 1 rows/,
    ],
    [() => tensor(1).matmul(2), RangeError, /matmul: expected at least one dimension/],
    [() => tensor([1, 2]).reshape(3), RangeError, /reshape: \[2\] does not fit into \[3\]/],
    [() => tensor([1, 2]).reshape(-1, -1), RangeError, /reshape/],
    [() => tensor([1, 2]).sum(1), RangeError, /sum: dimension 1 is not in \[-1, 0\]/],
    [() => tensor([[1]]).mean([0, -2]), RangeError, /named twice/],
    [() => tensor([]).max(), RangeError, /no maximum/],
    [() => tensor([1, 2]).transpose(), RangeError, /transpose: dimension -2/],
    [() => tensor([1, 2]).slice(0, 0.5), RangeError, /slice: expected integers/],
    [() => tensor([1]).clamp(NaN, 1), RangeError, /clamp/],
    [() => tensor([1, 2]).item(), RangeError, /item: expected one element, got a tensor \[2\]/],
    [() => tensor(1).softmax(), RangeError, /softmax: dimension -1/],
    [() => configure({ build: 'fast' as never }), RangeError, /configure: expected build/],
    [() => configure({ threds: 2 } as never), TypeError, /unknown option 'threds'/],
    [() => configure({ tapeLimitBytes: 0 }), RangeError, /tapeLimitBytes/],
  ])('%s', (action, kind, message) => {
    expect(action).toThrow(message);
    expect(action).toThrow(kind);
  });

  it('leaves the tape as it was', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.mul(3);
    expect(() => y.add([1, 2, 3])).toThrow(RangeError);
    y.sum().backward();
    expect(x.grad!.toArray()).toEqual([3, 3]);
  });
});

describe('results as in NumPy and PyTorch', () => {
  it('empty reductions', () => {
    expect(tensor([]).sum().item()).toBe(0);
    expect(tensor([]).mean().item()).toBeNaN();
    expect(tensor([[], []]).sum(1).toArray()).toEqual([0, 0]);
  });

  it('shapes', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(x.sum(1, true).shape).toEqual([2, 1]);
    expect(x.max(0).toArray()).toEqual([4, 5, 6]);
    expect(x.reshape(3, -1).toArray()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(x.slice(1, -2).toArray()).toEqual([
      [2, 3],
      [5, 6],
    ]);
    expect(x.slice(1, 2, 1).shape).toEqual([2, 0]);
    expect(tensor(7).toArray()).toBe(7);
    expect(tensor(Uint8Array.of(1, 2, 3, 4), { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('NaN goes through, not round', () => {
    expect(tensor([NaN, 1]).max().item()).toBeNaN();
    expect(tensor([NaN]).maximum(1).item()).toBeNaN();
    expect(tensor([NaN]).relu().item()).toBeNaN();
    expect(tensor([NaN]).clamp(0, 1).item()).toBeNaN();
  });

  it('softmax of large logits', () => {
    expect(tensor([1000, 0]).softmax().toArray()).toEqual([1, 0]);
    expect(tensor([1000, 0]).logSoftmax().toArray()).toEqual([0, -1000]);
  });
});
