import { describe, expect, it } from 'vitest';
import { AnomalyError, capture, detectAnomaly, tensor, type Tensor } from 'wasmgrad';

function caught(action: () => unknown): AnomalyError {
  try {
    action();
  } catch (error) {
    if (error instanceof AnomalyError) return error;
    throw error;
  }
  throw new Error('nothing was found');
}

describe('detectAnomaly', () => {
  const x = () =>
    tensor(
      [
        [1, 2],
        [0, 3],
      ],
      { requiresGrad: true },
    );

  it('names the operation that first made one, forward', () => {
    const error = caught(() => detectAnomaly(() => x().mul(2).log().exp().sum()));
    expect(error).toMatchObject({ operation: 'log', phase: 'forward', value: -Infinity });
    expect(error.message).toBe('log: the result [2, 2] is -Infinity at [1, 0]; its inputs are finite');
    expect(caught(() => detectAnomaly(() => x().sub(1).sqrt()))).toMatchObject({
      operation: 'sqrt',
      value: NaN,
    });
  });

  it('says where an input was one already', () => {
    const error = caught(() => detectAnomaly(() => x().mul([NaN, 1])));
    expect(error.message).toMatch(/^mul: .* input 1 \[2\] was NaN already at \[0\]$/);
  });

  it('names the operation that first made one, backward', () => {
    const leaf = x();
    const error = caught(() => detectAnomaly(() => leaf.abs().sqrt().mul(3).sum().backward()));
    expect(error).toMatchObject({ operation: 'sqrt', phase: 'backward', value: Infinity });
    expect(error.message).toMatch(
      /^backward of sqrt: the gradient of input 0 \[2, 2\] is Infinity at \[1, 0\]/,
    );
    // The next computation is not disturbed.
    const y = tensor(3, { requiresGrad: true });
    y.square().backward();
    expect(y.grad!.item()).toBe(6);
  });

  it('finds it in a leaf too', () => {
    const leaf = tensor([0, 1], { requiresGrad: true });
    expect(caught(() => detectAnomaly(() => leaf.sqrt().sum().backward()))).toMatchObject({
      operation: 'sqrt',
      phase: 'backward',
    });
  });

  it('lets through what is finite, and gives its result', () => {
    expect(detectAnomaly(() => x().mul(2).sum().item())).toBe(12);
    expect(() => x().log().sum().backward()).not.toThrow();
    expect(() => detectAnomaly(3 as never)).toThrow(/expected a function/);
    expect(() => detectAnomaly(async () => 1)).toThrow(/got a promise/);
  });
});

describe('capture with anomaly', () => {
  const step = (anomaly: boolean) => {
    const w = tensor([1, 2], { requiresGrad: true });
    const run = capture(
      (x: Tensor) => {
        w.grad = null;
        const value = w.mul(x).log().sum();
        value.backward();
        return value;
      },
      { anomaly },
    );
    return { w, run };
  };

  it('gives the same numbers, and stops at any call', () => {
    const [plain, watched] = [step(false), step(true)];
    for (let i = 1; i < 4; i++) {
      const x = tensor([i, i + 0.5]);
      expect(watched.run(x).item()).toBe(plain.run(x).item());
      expect(watched.w.grad!.data).toEqual(plain.w.grad!.data);
    }
    expect(plain.run(tensor([0, 1])).item()).toBe(-Infinity);
    expect(caught(() => watched.run(tensor([0, 1])))).toMatchObject({ operation: 'log', phase: 'forward' });
    expect(watched.run(tensor([1, 1])).item()).toBeCloseTo(Math.log(2), 6);
  });

  it('looks into captured functions that were replayed before', () => {
    const { run } = step(false);
    run(tensor([1, 1]));
    expect(caught(() => detectAnomaly(() => run(tensor([0, 1]))))).toMatchObject({ operation: 'log' });
    expect(run(tensor([1, 1])).item()).toBeCloseTo(Math.log(2), 6);
  });
});
