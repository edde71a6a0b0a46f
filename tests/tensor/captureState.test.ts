import { describe, expect, it } from 'vitest';
import { capture, nn, noGrad, optim, tensor, type Tensor } from 'wasmgrad';

const W = (values: number | number[] | number[][]): Tensor => tensor(values, { requiresGrad: true });
const zero = (): Tensor => tensor(0);

/** The results of `times` calls, as numbers, of a function and of the same captured. */
function bothWays(make: () => (x: Tensor) => Tensor, times = 3): [number[][], number[][]] {
  const run = (call: (x: Tensor) => Tensor): number[][] =>
    Array.from({ length: times }, (_, i) => Array.from(call(tensor(i + 1)).data));
  return [run(make()), run(capture(make()))];
}

describe('a gradient that was taken as a tensor', () => {
  it.each<[string, (w: Tensor) => void]>([
    ['is given back', (w) => w.grad![Symbol.dispose]()],
    ['is given back twice', (w) => [w.grad!, w.grad!].forEach((grad) => grad[Symbol.dispose]())],
    [
      'leaves its scope',
      (w) => {
        using grad = w.grad!;
        void grad;
      },
    ],
  ])('stays its leaf’s when it %s', (_, release) => {
    const w = W([1, 1]);
    w.mul(2).sum().backward();
    release(w);
    const v = W([7, 7]);
    v.mul(3).sum().backward();
    expect(v.toArray()).toEqual([7, 7]);
    expect(w.grad!.toArray()).toEqual([2, 2]);
    new optim.SGD([w, v], { lr: 1 }).step();
    expect([w.toArray(), v.toArray()]).toEqual([[-1, -1], [4, 4]]); // prettier-ignore
  });

  it.each<[string, (w: Tensor) => Tensor]>([
    ['a view', (w) => noGrad(() => w.reshape(2, 1))],
    ['a constant', (w) => w.detach()],
  ])('%s of a leaf gives back nothing of it', (_, view) => {
    const w = W([1, 2]);
    view(w)[Symbol.dispose]();
    W([7, 7]);
    expect(w.toArray()).toEqual([1, 2]);
  });
});

describe('gradients as inputs', () => {
  const overwritten = /^Error: backward: .* and it was changed in place since \(by backward\(\)/;
  it.each<[string, () => Tensor]>([
    [
      'a product with the gradient of the same leaf',
      () => {
        const w = W([[1, 2], [3, 4]]); // prettier-ignore
        w.mul([[1, 2], [3, 4]]).sum().backward(); // prettier-ignore
        return w.matmul(w.grad!).sum();
      },
    ],
    [
      'two uses of it',
      () => {
        const w = W(1);
        w.mul(3).backward();
        const grad = w.grad!;
        return w.mul(grad).add(w.mul(grad));
      },
    ],
    [
      'a gradient that a replay wrote since',
      () => {
        const [w, v] = [W(3), W(1)];
        const f = capture(
          (x: Tensor) => {
            w.grad = null;
            const loss = w.mul(x);
            loss.backward();
            return loss;
          },
          { keepGradients: true },
        );
        f(tensor(2));
        const y = v.mul(w.grad!);
        f(tensor(5));
        return y;
      },
    ],
    [
      'the gradient of a leaf that was disposed of',
      () => {
        const [w, v] = [W([1, 1]), W([1, 1])];
        w.mul(2).sum().backward();
        const y = v.mul(w.grad!).sum();
        w[Symbol.dispose]();
        for (let i = 0; i < 3; i++) W([7, 7]);
        return y;
      },
    ],
  ])('refuses %s, whose numbers are gone', (_, make) => {
    const y = make();
    const message = ((): string => {
      try {
        y.backward();
        return 'nothing';
      } catch (error) {
        return String(error);
      }
    })();
    expect(message).toMatch(overwritten);
  });

  it('takes copies of them', () => {
    const w = W(1);
    w.mul(3).backward();
    const grad = w.grad!.detach();
    w.mul(grad).add(w.mul(grad)).backward();
    expect(w.grad!.item()).toBe(9);
  });
});

describe('a captured function records again', () => {
  it('where a gradient that it steps along is filled or empty by turns', () => {
    const [a, b] = [W([1]), W([1])];
    const optimizer = new optim.SGD([a, b], { lr: 1 });
    const f = capture((x: Tensor) => {
      a.grad = null;
      a.mul(x).sum().backward();
      optimizer.step();
      return x.mul(1);
    });
    b.sum().backward();
    f(tensor(1));
    expect(b.item()).toBe(0);
    b.grad = null;
    f(tensor(1));
    expect([a.item(), b.item()]).toEqual([-1, 0]);
    b.sum().backward();
    f(tensor(1));
    expect([a.item(), b.item()]).toEqual([-2, -1]);
  });

  it.each<[string, (w: Tensor) => () => Tensor, (w: Tensor) => unknown, unknown]>([
    ['step()', (w) => { const o = new optim.SGD([w], { lr: 1 }); return () => (o.step(), zero()); }, (w) => w.toArray(), [-4, -6]],
    ['clipGradNorm()', (w) => () => optim.clipGradNorm([w], 1), (w) => w.grad!.toArray(), [Math.fround(0.6), Math.fround(0.8)]],
    ['clipGradValue()', (w) => () => (optim.clipGradValue([w], 2), zero()), (w) => w.grad!.toArray(), [2, 2]],
    ['grad', (w) => () => (w.grad ? w.grad.sum() : zero()), (w) => w.grad!.toArray(), [3, 4]],
  ])('where %s met no gradient before', (name, make, look, expected) => {
    const w = W(name === 'step()' ? [-1, -2] : [1, 2]);
    const f = capture(make(w));
    f();
    w.mul([3, 4]).sum().backward();
    f();
    const got = look(w) as number[];
    got.forEach((value, i) => expect(value).toBeCloseTo((expected as number[])[i], 5));
  }); // prettier-ignore
});

describe('what a captured function makes', () => {
  it.each<[string, (w: Tensor) => (x: Tensor) => Tensor]>([
    ['a leaf', () => (x) => { const z = W(0); z.add(x).square().backward(); return z.grad!; }],
    ['a leaf that moves', () => (x) => {
      const z = W([1, 2]);
      const inner = new optim.SGD([z], { lr: 0.1 });
      for (let i = 0; i < 2; i++) { inner.zeroGrad(); z.mul(x).square().sum().backward(); inner.step(); }
      return z.mul(1);
    }],
    ['an optimizer with a state', () => (x) => {
      const z = W([1, 2]);
      const inner = new optim.Adam([z], { lr: 0.1 });
      for (let i = 0; i < 3; i++) { inner.zeroGrad(); z.mul(x).square().sum().backward(); inner.step(); }
      return z.mul(1);
    }],
    ['a parameter of a layer', () => (x) => {
      const layer = new nn.PReLU();
      layer.forward(x.neg().reshape(1, 1)).sum().backward();
      return layer.weight.grad!;
    }],
    ['a leaf beside one from outside', (w) => (x) => {
      const z = W(2);
      w.grad = null;
      z.mul(w).mul(x).backward();
      return z.grad!.add(w.grad!);
    }],
  ])('is new in every replay: %s', (_, make) => {
    const [eager, captured] = bothWays(() => make(W(3)));
    expect(captured).toEqual(eager);
  }); // prettier-ignore
});

describe('numbers taken before they change', () => {
  it.each<[string, (w: Tensor) => Tensor]>([
    ['detach()', (w) => w.detach()],
    ['detach() of a view', (w) => w.reshape(1, 1).detach().reshape(1)],
    ['noGrad()', (w) => noGrad(() => w.reshape(1))],
    ['noGrad() in an object', (w) => noGrad(() => ({ held: [w.reshape(1)] })).held[0]],
    ['detach() inside noGrad()', (w) => noGrad(() => w.detach())],
  ])('stay as they were: %s', (_, take) => {
    const [eager, captured] = bothWays(() => {
      const w = W([1]);
      const optimizer = new optim.SGD([w], { lr: 0.5 });
      return (x) => {
        const old = take(w);
        optimizer.zeroGrad();
        w.mul(x).sum().backward();
        optimizer.step();
        return w.sub(old);
      };
    });
    expect(eager).toEqual([[-0.5], [-1], [-1.5]]);
    expect(captured).toEqual(eager);
  });

  it('is so for the state of a model, and for a gradient before it is clipped', () => {
    const [eager, captured] = bothWays(() => {
      const model = new nn.PReLU();
      const w = model.weight;
      return (x) => {
        w.grad = null;
        const before = model.stateDict().weight;
        w.mul(x).mul(4).sum().backward();
        const gradient = w.grad!.detach();
        optim.clipGradNorm([w], 1);
        return before.add(gradient);
      };
    });
    expect(eager).toEqual([[4.25], [8.25], [12.25]]);
    expect(captured).toEqual(eager);
  });

  it('and no gradient flows through what noGrad() returns', () => {
    const w = W(2);
    const f = capture((x: Tensor) => {
      w.grad = null;
      const y = w.mul(x);
      y.mul(noGrad(() => y)).backward();
      return w.grad!;
    });
    for (const x of [1, 3]) expect(f(tensor(x)).item()).toBe(2 * x * x);
  });
});

describe('a gradient that a replay applied', () => {
  const set = (options = {}) => {
    const w = W([[1]]);
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const f = capture((x: Tensor) => {
      optimizer.zeroGrad();
      const loss = x.matmul(w).sum();
      loss.backward();
      optimizer.step();
      return loss;
    }, options);
    f(tensor([[2]]));
    return { w, f, optimizer };
  };

  it('begins with nothing: nobody could say what was in it', () => {
    const { w, f } = set();
    w.mul(3).sum().backward();
    expect(w.grad!.item()).toBe(3);
    const other = capture(() => (w.mul(3).sum().backward(), zero()));
    other();
    expect(w.grad!.item()).toBe(6);
    f(tensor([[2]]));
    expect(() => w.grad).toThrow(/^grad: a replayed step applied this gradient/);
    other();
    expect(w.grad!.item()).toBe(3);
  });

  it('is added to where it was kept', () => {
    const { w } = set({ keepGradients: true });
    w.mul(3).sum().backward();
    expect(w.grad!.item()).toBe(5);
  });

  it('is gone where the function clears it at its end', () => {
    const w = W([[1]]);
    const optimizer = new optim.SGD([w], { lr: 0.1 });
    const f = capture((x: Tensor) => {
      const loss = x.matmul(w).sum();
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return loss;
    });
    for (let i = 0; i < 2; i++) {
      f(tensor([[2]]));
      expect(w.grad).toBe(null);
    }
    w.mul(3).sum().backward();
    expect(w.grad!.item()).toBe(3);
  });

  it('is forgotten with its leaf', () => {
    const { w, optimizer } = set();
    w[Symbol.dispose]();
    expect(() => optimizer.step()).not.toThrow();
  });
});

describe('what only JavaScript would do', () => {
  const w = W([1, 2]);
  const optimizer = new optim.SGD([w], { lr: 1, momentum: 0.5 });
  const ema = new optim.EMA([w], { decay: 0.5 });
  it.each<[string, () => void]>([
    ['loadStateDict', () => optimizer.loadStateDict(optimizer.stateDict())],
    ['loadStateDict', () => ema.loadStateDict(ema.stateDict())],
    ['SGD', () => (optimizer.lr = 2)],
    ['SGD', () => (optimizer.paramGroups[0].momentum = 0.1)],
    ['SGD', () => new optim.StepLR(optimizer, { stepSize: 1 }).step()],
    ['EMA', () => ema.copyTo([w])],
  ])('is refused inside a captured function: %s %#', (name, act) => {
    const f = capture((x: Tensor) => (act(), x.mul(1)));
    expect(() => f(tensor(1))).toThrow(new RegExp(`^${name}: .*inside a captured function`));
    expect([optimizer.lr, optimizer.paramGroups[0].momentum]).toEqual([1, 0.5]);
  });
});
