import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capture, data, fit, nn, optim, runtimeInfo, tensor, type Callback, type Tensor } from 'wasmgrad';

const leaf = (value: number): Tensor => tensor([value, value], { requiresGrad: true });

/** A captured step of w ← w − lr · x. */
function stepOf(w: () => Tensor, momentum = 0): (x: Tensor) => Tensor {
  const optimizers = new Map<Tensor, optim.SGD>();
  return capture((x: Tensor) => {
    const sgd = optimizers.get(w()) ?? new optim.SGD([w()], { lr: 1, momentum });
    optimizers.set(w(), sgd);
    sgd.zeroGrad();
    const loss = w().mul(x).sum();
    loss.backward();
    sgd.step();
    return loss;
  });
}

describe('a replay never touches memory whose owner is gone', () => {
  it.each([
    ['used up in place', 0],
    ['kept, with momentum', 0.9],
  ])('of a parameter whose gradient is %s', (_, momentum) => {
    const w = leaf(1);
    const step = stepOf(() => w, momentum);
    for (let i = 0; i < 2; i++) step(tensor([1, 1]));
    w[Symbol.dispose]();
    const heirs = Array.from({ length: 5 }, () => leaf(7));
    for (let i = 0; i < 2; i++) {
      expect(() => step(tensor([1, 1]))).toThrow(/can no longer be read: its memory was released by/);
    }
    for (const heir of heirs) {
      expect(heir.toArray()).toEqual([7, 7]);
      expect(heir.grad).toBe(null);
    }
  });

  it('of a leaf that it only reads', () => {
    const w = leaf(1);
    const f = capture((x: Tensor) => x.mul(w));
    f(tensor([1, 2]));
    w[Symbol.dispose]();
    leaf(7);
    expect(() => f(tensor([1, 2]))).toThrow(/memory was released/);
  });

  it('of a buffer, a gradient that is an input, and a whole model', () => {
    const w = leaf(3);
    w.square().sum().backward();
    const gradient = w.grad!;
    const read = capture((x: Tensor) => x.mul(gradient));
    read(tensor([1, 2]));
    w[Symbol.dispose]();
    leaf(7);
    expect(() => read(tensor([1, 2]))).toThrow(/can no longer be read/);

    const model = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const f = capture((x: Tensor) => model.forward(x));
    f(tensor([[1, 2], [3, 4]])); // prettier-ignore
    model[Symbol.dispose]();
    expect(() => f(tensor([[1, 2], [3, 4]]))).toThrow(/memory was released/); // prettier-ignore
  });

  it('a function that uses another parameter by then is recorded again with that', () => {
    let w = leaf(1);
    const step = stepOf(() => w);
    step(tensor([1, 1]));
    w[Symbol.dispose]();
    w = leaf(10);
    step(tensor([2, 2]));
    expect(w.toArray()).toEqual([8, 8]);
    step(tensor([3, 3]));
    expect(w.toArray()).toEqual([5, 5]);
  });

  it('a training whose model is disposed of on the way', async () => {
    const model = new nn.Linear(1, 1);
    const loader = new data.DataLoader(new data.TensorDataset([[1], [2], [3]], [[2], [4], [6]]));
    let heirs: Tensor[] = [];
    const disposing: Callback = {
      onEpochEnd({ epoch }) {
        if (epoch !== 2) return;
        model[Symbol.dispose]();
        heirs = Array.from({ length: 5 }, () => tensor([7], { requiresGrad: true }));
      },
    };
    const training = fit(model, {
      data: loader,
      loss: new nn.MSELoss(),
      optimizer: new optim.SGD(model.parameters(), { lr: 0.01 }),
      epochs: 5,
      callbacks: [disposing],
      progress: false,
    });
    await expect(training).rejects.toThrow(/memory was released/);
    expect(heirs.map((heir) => heir.item())).toEqual([7, 7, 7, 7, 7]);
  });

  it('a gradient that another recording uses up, and that this one continues', () => {
    const w = leaf(5);
    const step = stepOf(() => w);
    const add = capture((x: Tensor) => {
      const loss = w.mul(x).sum();
      loss.backward();
      return loss;
    });
    for (let i = 0; i < 2; i++) {
      step(tensor([1, 1]));
      w.grad = null;
      add(tensor([2, 2]));
      add(tensor([3, 3]));
      expect(w.grad!.toArray()).toEqual([5, 5]);
    }
    expect(w.toArray()).toEqual([3, 3]);
  });
});

describe('recordings of ever new shapes', () => {
  const f = capture((x: Tensor) => x.mul(2).add(1).sum());
  const ones = (n: number): Tensor => tensor(new Float32Array(n).fill(1));

  it('are given back, the one first that was not used for the longest time', () => {
    for (let n = 1; n <= 16; n++) f(ones(n * 100_000));
    const { inUseBytes } = runtimeInfo();
    for (let n = 17; n <= 200; n++) expect(f(ones(n)).item()).toBe(3 * n);
    expect(runtimeInfo().inUseBytes).toBeLessThan(inUseBytes);
    expect(f(ones(100_000)).item()).toBe(300_000);
  });

  it('hold no more than 256 MiB, but for a single one', () => {
    const { inUseBytes } = runtimeInfo();
    for (let n = 1; n <= 16; n++) f(ones(3_000_000 + n));
    expect(runtimeInfo().inUseBytes - inUseBytes).toBeLessThan(2 ** 28);
    expect(f(ones(40_000_000)).shape).toEqual([]);
  });

  it('do not record again what is used alternately', () => {
    let recorded = 0;
    const g = capture((x: Tensor) => {
      recorded++;
      return x.mul(2);
    });
    for (let i = 0; i < 50; i++) g(ones(1 + (i % 16)));
    expect(recorded).toBe(16);
  });
});

describe('a captured function gives what the loop gives', () => {
  /** What happens before a call: which of the tensors are its arguments, and what is disposed of or made. */
  const call = fc.record({
    arguments: fc.tuple(fc.nat(3), fc.nat(3)),
    view: fc.boolean(),
    dispose: fc.option(fc.nat(2), { freq: 4 }),
    garbage: fc.nat(3),
    frozen: fc.option(fc.nat(2), { freq: 6 }),
    size: fc.integer({ min: 1, max: 3 }),
  });

  it('for random arguments, aliased ones too, and under random disposal', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 2, maxLength: 25 }), fc.boolean(), (calls, momentum) => {
        const run = (wrap: (fn: (a: Tensor, b: Tensor) => Tensor) => (a: Tensor, b: Tensor) => Tensor) => {
          const weights = [0, 1, 2].map((i) => tensor(i + 1, { requiresGrad: true }));
          let optimizer = new optim.SGD(weights, { lr: 0.125, momentum: momentum ? 0.5 : 0 });
          const constant = tensor([0.5]);
          const step = wrap((a, b) => {
            optimizer.zeroGrad();
            const loss = a
              .mul(weights[0])
              .add(b.mul(weights[1]))
              .add(constant.mul(weights[2]))
              .square()
              .mean();
            loss.backward();
            optimizer.step();
            return loss;
          });
          const seen: unknown[] = [];
          const kept: Tensor[] = [];
          for (const {
            arguments: [i, j],
            view,
            dispose,
            garbage,
            frozen,
            size,
          } of calls) {
            // prettier-ignore
            const inputs = [constant, ...[1, 2, 3].map((k) => tensor(new Float32Array(size).fill(k / 4)))];
            if (size > 1) inputs[0] = tensor(new Float32Array(size).fill(0.5));
            if (dispose !== null) {
              weights[dispose][Symbol.dispose]();
              weights[dispose] = tensor(dispose + 0.5, { requiresGrad: true });
              optimizer = new optim.SGD(weights, { lr: 0.125, momentum: momentum ? 0.5 : 0 });
            }
            if (frozen !== null) weights[frozen].requiresGrad = !weights[frozen].requiresGrad;
            if (!weights.some(({ requiresGrad }) => requiresGrad)) weights[0].requiresGrad = true;
            for (let k = 0; k < garbage; k++) kept.push(tensor(9, { requiresGrad: true }));
            const b = view ? inputs[j].reshape(-1) : inputs[j];
            seen.push(
              step(inputs[i], b).item(),
              weights.map((w) => w.item()),
            );
          }
          expect(kept.every((made) => made.item() === 9)).toBe(true);
          return seen;
        };
        expect(run((fn) => capture(fn))).toEqual(run((fn) => fn));
      }),
      { numRuns: 150 },
    );
  });
});
