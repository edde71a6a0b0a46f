import { describe, expect, it } from 'vitest';
import { capture, manualSeed, nn, noGrad, optim, tensor, type Tensor } from 'wasmgrad';

const small = () => {
  manualSeed(3);
  return new nn.Sequential(new nn.Linear(3, 5), new nn.Tanh(), new nn.Linear(5, 2));
};
const rows = (n: number, by: number) =>
  tensor(Array.from({ length: n }, (_, i) => [Math.sin(i + by), Math.cos(i * by), (i % 3) - 1]));
const labels = (n: number) => tensor(Array.from({ length: n }, (_, i) => i % 2));

function stepOf(model: nn.Module, optimizer: optim.SGD, loss: { forward(a: Tensor, b: Tensor): Tensor }) {
  return (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad();
    const value = loss.forward(model.forward(x), y);
    value.backward();
    optimizer.step();
    return value;
  };
}

describe('capture', () => {
  it('gives the same bits as the function it records, over batch sizes', () => {
    const run = (captured: boolean): number[] => {
      const model = small();
      const step = stepOf(
        model,
        new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
        new nn.CrossEntropyLoss(),
      );
      const call = captured ? capture(step) : step;
      const losses: number[] = [];
      for (let i = 1; i <= 30; i++)
        losses.push(call(rows(i % 3 === 0 ? 5 : 8, i), labels(i % 3 === 0 ? 5 : 8)).item());
      return [...losses, ...model.parameters().flatMap((parameter) => [...parameter.data])];
    };
    expect(run(true)).toEqual(run(false));
  });

  it('runs the function once for each set of shapes', () => {
    let calls = 0;
    const f = capture((x: Tensor) => {
      calls++;
      return x.mul(2);
    });
    expect(f(tensor([1, 2])).toArray()).toEqual([2, 4]);
    expect(f(tensor([5, 6])).toArray()).toEqual([10, 12]);
    expect(f(tensor([1, 2, 3])).toArray()).toEqual([2, 4, 6]);
    expect(f(tensor([[1], [2]])).toArray()).toEqual([[2], [4]]);
    expect(calls).toBe(3);
  });

  it('sees a changed learning rate and changed parameters', () => {
    const run = (captured: boolean): number[] => {
      const model = small();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const step = stepOf(model, optimizer, new nn.CrossEntropyLoss());
      const call = captured ? capture(step) : step;
      call(rows(4, 1), labels(4));
      optimizer.lr = 0.5;
      call(rows(4, 2), labels(4));
      model.loadStateDict(small().stateDict());
      call(rows(4, 3), labels(4));
      return model.parameters().flatMap((parameter) => [...parameter.data]);
    };
    expect(run(true)).toEqual(run(false));
  });

  it('accumulates gradients where the function does not clear them', () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const add = capture((x: Tensor) => {
      const loss = w.mul(x).sum();
      loss.backward();
      return loss;
    });
    add(tensor([1, 1]));
    expect(w.grad!.toArray()).toEqual([1, 1]);
    add(tensor([10, 100]));
    expect(w.grad!.toArray()).toEqual([11, 101]);
    w.grad = null;
    add(tensor([5, 6]));
    expect(w.grad!.toArray()).toEqual([5, 6]);
  });

  it('draws new dropout masks', () => {
    const layer = new nn.Dropout(0.5);
    const f = capture((x: Tensor) => layer.forward(x));
    const ones = tensor(new Float32Array(64).fill(1));
    const first = f(ones).data;
    expect(f(ones).data).not.toEqual(first);
  });

  it('returns several tensors', () => {
    const f = capture((x: Tensor) => [x.add(1), x.mul(2)]);
    f(tensor(1));
    expect(f(tensor(3)).map((value) => value.item())).toEqual([4, 6]);
  });

  it('takes computed tensors, gathered rows and nothing', () => {
    const f = capture((x: Tensor) => x.square().sum());
    const a = tensor([1, 2], { requiresGrad: true });
    expect(f(a.mul(2).detach()).item()).toBe(20);
    expect(f(tensor([3, 4])).item()).toBe(25);
    const w = tensor(3, { requiresGrad: true });
    const g = capture(() => w.square());
    expect(g().item()).toBe(9);
    expect(g().item()).toBe(9);
  });

  it('may be used inside another one and under noGrad()', () => {
    const double = capture((x: Tensor) => x.mul(2));
    const outer = capture((x: Tensor) => double(x).add(1));
    expect(outer(tensor(1)).item()).toBe(3);
    expect(outer(tensor(5)).item()).toBe(11);
    expect(noGrad(() => outer(tensor(6))).item()).toBe(13);
  });

  it('refuses the result of an earlier call', () => {
    const f = capture((x: Tensor) => x.mul(2));
    const first = f(tensor(1));
    f(tensor(2));
    expect(() => first.item()).toThrow(/captured function was called again/);
  });

  it('refuses to read values while it records', () => {
    const f = capture((x: Tensor) => (x.item() > 0 ? x : x.neg()));
    expect(() => f(tensor(1))).toThrow(/item: a value cannot be read while its function is captured/);
    const g = capture((x: Tensor) => tensor(x.mul(2).data));
    expect(() => g(tensor([1]))).toThrow(/data: a value cannot be read while its function is captured/);
  });

  it('refuses a tensor that was computed outside', () => {
    const w = tensor(2, { requiresGrad: true });
    const outside = w.square();
    const f = capture((x: Tensor) => x.mul(outside));
    expect(() => f(tensor(1))).toThrow(/computed outside the captured function/);
    outside.backward();
    expect(w.grad!.item()).toBe(4);
  });

  it('refuses what is no function, no tensor, no result', () => {
    expect(() => capture(3 as never)).toThrow(TypeError);
    expect(() => capture((x: Tensor) => x)(3 as never)).toThrow(/expected tensors as arguments/);
    expect(() => capture((() => 3) as never)()).toThrow(/return a tensor/);
    const w = tensor(2, { requiresGrad: true });
    expect(() => capture((x: Tensor) => x.mul(2))(w)).toThrow(/requires a gradient/);
  });

  it('stops before the update where a label is out of range', () => {
    const model = small();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const step = capture(stepOf(model, optimizer, new nn.CrossEntropyLoss()));
    step(rows(2, 1), tensor([0, 1]));
    const before = model.parameters().map((parameter) => parameter.data);
    expect(() => step(rows(2, 2), tensor([0, 2]))).toThrow(
      /expected class indices, integers from 0 to classes − 1/,
    );
    expect(model.parameters().map((parameter) => parameter.data)).toEqual(before);
    expect(Number.isFinite(step(rows(2, 2), tensor([0, 1])).item())).toBe(true);
  });
});
