import { describe, expect, it } from 'vitest';
import { capture, optim, tensor } from 'wasmgrad';
import { EPSILON } from '../support/numbers.js';

function setUp(captured: boolean) {
  const w = tensor([1, -2, 3], { requiresGrad: true });
  const optimizer = new optim.SGD([w], { lr: 0.1 });
  const ema = new optim.EMA([w], { decay: 0.8 });
  const body = (target: ReturnType<typeof tensor>) => {
    optimizer.zeroGrad();
    const loss = w.sub(target).square().sum();
    loss.backward();
    optimizer.step();
    ema.update();
    return loss;
  };
  return { w, ema, step: captured ? capture(body) : body };
}
const target = tensor([0, 1, 2]);

describe('EMA', () => {
  it.each([false, true])('averages weights (captured: %s)', (captured) => {
    const { w, ema, step } = setUp(captured);
    const exact = [1, -2, 3];
    for (let t = 0; t < 10; t++) {
      step(target);
      w.data.forEach((value, i) => (exact[i] = 0.8 * exact[i] + 0.2 * value));
    }
    const [averages] = ema.stateDict().averages;
    // Three roundings of numbers up to 3 a step, and decay is a float32 number.
    exact.forEach((value, i) =>
      expect(Math.abs(averages[i] - value)).toBeLessThanOrEqual(10 * 5 * 3 * EPSILON),
    );
  });

  it('gives the same bits captured', () => {
    const states = [false, true].map((captured) => {
      const { ema, step } = setUp(captured);
      for (let t = 0; t < 5; t++) step(target);
      return ema.stateDict();
    });
    expect(states[1]).toEqual(states[0]);
  });

  it('stands in for the weights and gives them back', () => {
    const { w, ema, step } = setUp(false);
    step(target);
    const weights = w.toArray();
    const [averages] = ema.stateDict().averages;
    ema.apply();
    expect([...w.data]).toEqual([...(averages as Float32Array)]);
    expect(() => ema.update()).toThrow(/update\(\) while the averages are applied/);
    expect(() => ema.apply()).toThrow(/apply\(\) while/);
    ema.restore();
    expect(w.toArray()).toEqual(weights);
    expect(() => ema.restore()).toThrow(/restore\(\) without apply\(\)/);
    const other = tensor([0, 0, 0], { requiresGrad: true });
    ema.copyTo([other]);
    expect(other.toArray()).not.toEqual(weights);
    expect(() => ema.copyTo([tensor([1], { requiresGrad: true })])).toThrow(/parameters of 3 numbers, got 1/);
  });

  it('can be saved', () => {
    const { ema, step } = setUp(false);
    for (let t = 0; t < 3; t++) step(target);
    const saved = structuredClone(ema.stateDict());
    step(target);
    ema.loadStateDict(saved);
    expect(ema.stateDict()).toEqual(saved);
    expect(() => ema.loadStateDict({ ...saved, decay: 0.5 })).toThrow(/expected decay 0.8, got 0.5/);
    expect(() => ema.loadStateDict({ ...saved, averages: [] })).toThrow(/averages of 3 numbers/);
    expect(() => new optim.EMA([tensor(1, { requiresGrad: true })], { decay: 2 })).toThrow(
      /decay to be a number in \[0, 1\]/,
    );
  });
});
