import { describe, expect, it } from 'vitest';
import { nn, optim, tensor } from 'wasmgrad';

describe('SGD', () => {
  it('skips parameters without a gradient and frozen ones', () => {
    const [a, b, c] = [1, 1, 1].map((value) => tensor(value, { requiresGrad: true }));
    const optimizer = new optim.SGD([a, b, c], { lr: 0.5, weightDecay: 0.1 });
    a.mul(2).add(c).backward();
    c.requiresGrad = false;
    optimizer.step();
    const moved = a.item();
    expect(moved).toBeCloseTo(1 - 0.5 * 2.1, 6);
    expect([b.item(), c.item()]).toEqual([1, 1]);
    optimizer.zeroGrad();
    optimizer.step();
    expect(a.item()).toBe(moved);
  });

  it('has options that may change between steps', () => {
    const w = tensor(1, { requiresGrad: true });
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    expect(optimizer.lr).toBe(0.1);
    optimizer.lr = 0.25;
    w.mul(1).backward();
    optimizer.step();
    expect(w.item()).toBe(0.75);
    expect(() => (optimizer.lr = -1)).toThrow(/SGD: expected lr to be a finite number ≥ 0, got -1/);
    expect(optimizer.lr).toBe(0.25);
  });

  const w = new nn.Linear(1, 1).parameters();
  it.each([
    [() => new optim.SGD(w, {} as never), /expected lr to be a finite number ≥ 0, got undefined/],
    [() => new optim.SGD(w, { lr: -0.1 }), /lr/],
    [() => new optim.SGD(w, { lr: NaN }), /lr/],
    [() => new optim.SGD(w, { lr: 1, momentum: -1 }), /momentum/],
    [() => new optim.SGD(w, { lr: 1, nesterov: true }), /nesterov needs momentum/],
    [() => new optim.SGD(w, { lr: 1, momentum: 0.9, dampening: 0.1, nesterov: true }), /nesterov needs/],
    [
      () => new optim.SGD(w, { lr: 1, momentun: 0.9 } as never),
      /unknown option 'momentun' \(known: lr, momentum/,
    ],
    [() => new optim.SGD([], { lr: 1 }), /at least one parameter/],
    [() => new optim.SGD([3 as never], { lr: 1 }), /expected tensors/],
    [() => new optim.SGD([tensor(1)], { lr: 1 }), /expected leaves that require a gradient/],
  ])('refuses %s', (action, message) => expect(action).toThrow(message));
});
