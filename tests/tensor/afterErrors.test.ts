import { afterEach, describe, expect, it, vi } from 'vitest';
import { capture, configure, defineOp, nn, optim, tensor, type Tensor } from 'wasmgrad';
import { engine } from '../../src/core/engine.js';
import { Program } from '../../src/core/program.js';

afterEach(() => {
  vi.restoreAllMocks();
  configure({ tapeLimitBytes: 2 ** 30 });
});

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

/** A leaf whose gradient a replayed step used up. */
function applied(): Tensor {
  const w = leaf(1);
  const sgd = new optim.SGD([w], { lr: 0.1 });
  const step = capture(() => {
    sgd.zeroGrad();
    const loss = w.matmul(tensor([[2]])).sum();
    loss.backward();
    sgd.step();
    return loss;
  });
  step();
  step();
  expect(() => w.grad).toThrow(/applied this gradient/);
  return w;
}

/** The n-th allocation from now on fails. */
function failAllocation(n: number): void {
  const { allocator } = engine();
  const allocate = allocator.allocate.bind(allocator);
  let left = n;
  vi.spyOn(allocator, 'allocate').mockImplementation((bytes) => {
    if (--left === 0) throw new RangeError('out of memory: just pretended');
    return allocate(bytes);
  });
}

/** Any operation: it runs whatever was left behind. */
const next = (): number => tensor([1]).mul(2).item();

describe('what was appended before an error does not run later', () => {
  it.each<[string, (both: Tensor[]) => void]>([
    ['step()', (both) => new optim.SGD(both, { lr: 0.1 }).step()],
    ['step() of Adam', (both) => new optim.Adam(both).step()],
    ['clipGradNorm()', (both) => void optim.clipGradNorm(both, 1e-3)],
    ['clipGradValue()', (both) => optim.clipGradValue(both, 1e-3)],
  ])('%s that meets an applied gradient', (_, act) => {
    const v = leaf(3, 4);
    v.square().sum().backward();
    const both = [v, applied()];
    v.square().sum().backward();
    const gradient = v.grad!.toArray();
    expect(() => act(both)).toThrow(/applied this gradient/);
    expect(next()).toBe(2);
    expect(v.toArray()).toEqual([3, 4]);
    expect(v.grad!.toArray()).toEqual(gradient);
    v[Symbol.dispose]();
    const heirs = Array.from({ length: 4 }, () => leaf(7, 7));
    next();
    for (const heir of heirs) expect(heir.toArray()).toEqual([7, 7]);
  });

  it.each([1, 2, 3])('memory that ends at allocation %i of a step of Adam moves nothing', (n) => {
    const run = (fails: boolean): unknown => {
      const parameters = [leaf(1), leaf(2), leaf(3)];
      const adam = new optim.Adam(parameters, { lr: 0.1 });
      parameters.reduce((sum, p) => sum.add(p.square()), tensor([0])).sum().backward(); // prettier-ignore
      if (fails) {
        failAllocation(n);
        expect(() => adam.step()).toThrow(/out of memory/);
        vi.restoreAllMocks();
        expect(parameters.map((p) => p.item())).toEqual([1, 2, 3]);
      }
      adam.step();
      next();
      return parameters.map((p) => p.item());
    };
    expect(run(true)).toEqual(run(false));
  });

  it('a trap', () => {
    const w = leaf(1);
    const sgd = new optim.SGD([w], { lr: 0.1 });
    w.square().sum().backward();
    vi.spyOn(Program.prototype, 'run').mockImplementationOnce(() => {
      throw new WebAssembly.RuntimeError('unreachable');
    });
    expect(() => sgd.step()).toThrow(/unreachable/);
    next();
    expect(w.item()).toBe(1);
  });

  it('a label out of range, inside and outside of a captured function', () => {
    const loss = new nn.CrossEntropyLoss();
    const x = leaf(1, 2);
    const rows = (): Tensor => x.reshape(1, 2);
    expect(() => loss.forward(rows(), tensor([5]))).toThrow(/class indices/);
    expect(next()).toBe(2);
    const step = capture((y: Tensor) => {
      try {
        loss.forward(rows(), tensor([5]));
      } catch {
        // The function goes on without it.
      }
      return y.mul(2);
    });
    expect(step(tensor([3])).toArray()).toEqual([6]);
    expect(step(tensor([4])).toArray()).toEqual([8]);
  });
});

describe('backward() that fails leaves every gradient as it was', () => {
  const failing = defineOp({
    name: 'failing',
    forward: (x: Tensor) => x.mul(1),
    backward(): Tensor {
      throw new Error('no gradient today');
    },
  });
  const wrong = defineOp({
    name: 'wrong',
    forward: (x: Tensor) => x.mul(1),
    backward: ({ gradient }) => [gradient.mul(2), gradient],
  });
  const half = defineOp({
    name: 'half',
    forward: (x: Tensor, y: Tensor) => x.add(y),
    backward: ({ gradient }) => [gradient, gradient.sum()],
  });

  it.each<[string, (a: Tensor, b: Tensor) => Tensor, RegExp]>([
    ['throws', (a, b) => failing(a).add(b.mul(3)), /no gradient today/],
    ['throws before others', (a, b) => b.mul(failing(a)).mul(b), /no gradient today/],
    ['gives too many', (a, b) => wrong(a).add(b), /expected backward to give 1 gradients/],
    ['gives a wrong shape', (a, b) => half(a, b), /expected backward to give a gradient \[2\] for input 1/],
  ])('where an operation of its own %s', (_, loss, message) => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)];
    const both = loss(a, b).add(b.mul(2)).sum();
    expect(() => both.backward()).toThrow(message);
    expect([a.grad, b.grad]).toEqual([null, null]);

    a.mul(5).add(b.mul(7)).sum().backward();
    const again = loss(a, b).add(b.mul(2)).sum();
    expect(() => again.backward()).toThrow(message);
    expect([a.grad!.toArray(), b.grad!.toArray()]).toEqual([[5, 5], [7, 7]]); // prettier-ignore
    b.mul(1).sum().backward();
    expect(b.grad!.toArray()).toEqual([8, 8]);
  });

  it('where the limit of the tape is met', () => {
    const w = tensor(new Float32Array(1000).fill(1), { requiresGrad: true });
    configure({ tapeLimitBytes: 20_000 });
    let y = w.mul(2);
    y = y.mul(3).mul(w);
    const loss = y.sum();
    expect(() => loss.backward()).toThrow(/pass its limit/);
    expect(w.grad).toBe(null);
    configure({ tapeLimitBytes: 2 ** 30 });
    w.sum().backward();
    expect(w.grad!.data[999]).toBe(1);
  });
});

describe('memory that ran out is there again afterwards', () => {
  it('for every other training, when the limit of the tape was met', () => {
    const model = new nn.Linear(100, 100);
    const x = tensor(new Float32Array(1000), { shape: [10, 100] });
    configure({ tapeLimitBytes: 1 << 17 });
    const outputs: Tensor[] = [];
    expect(() => {
      for (;;) outputs.push(model.forward(x));
    }).toThrow(/pass its limit of 131072 without backward/);
    for (const other of [model, new nn.Linear(100, 1)]) {
      const sgd = new optim.SGD(other.parameters(), { lr: 0.1 });
      for (let i = 0; i < 20; i++) {
        other.forward(x).square().sum().backward();
        sgd.step();
        sgd.zeroGrad();
      }
    }
    expect(() => outputs[0].data).toThrow(/can no longer be read: .*memory ran out/);
  });

  it('when the limit was lowered below what the tape held', () => {
    let y = tensor(new Float32Array(10_000), { requiresGrad: true }).neg();
    for (let i = 0; i < 10; i++) y = y.neg();
    y.sum().backward();
    configure({ tapeLimitBytes: 1 << 16 });
    expect(next()).toBe(2);
  });

  it('when memory itself has ended', () => {
    const x = leaf(...new Array<number>(10_000).fill(1));
    x.mul(2).sum().backward();
    x.grad = null;
    next();
    failAllocation(1);
    expect(() => {
      let y = x.mul(1);
      for (let i = 0; i < 100; i++) y = y.mul(2);
    }).toThrow(/out of memory/);
    vi.restoreAllMocks();
    x.mul(3).sum().backward();
    expect(x.grad!.data[0]).toBe(3);
  });
});
