import { describe, expect, it } from 'vitest';
import { capture, defineOp, nn, noGrad, optim, tensor, type Tensor } from 'wasmgrad';

const MESSAGE = /^backward: (\w+) needs a tensor \[.*\] as it was in the forward pass|memory was released/;

/** Ways to change a leaf in place. */
const WRITES: [name: string, write: (w: Tensor) => void][] = [
  ['step()', (w) => move(new optim.SGD([w], { lr: 0.5 }), w)],
  ['step() of Adam', (w) => move(new optim.Adam([w], { lr: 0.5 }), w)],
  ['nn.init', (w) => void nn.init.constant(w, 7)],
  ['nn.init under noGrad()', (w) => noGrad(() => void nn.init.uniform(w))],
  [
    'loadStateDict()',
    (w) => {
      const owner = new (class extends nn.Module {
        w = w as nn.Parameter;
        override forward = (x: Tensor): Tensor => x;
      })();
      owner.loadStateDict({ w: new Float32Array(w.size) });
    },
  ],
  [
    'EMA.apply()',
    (w) => {
      const ema = new optim.EMA([w]);
      ema.apply();
    },
  ],
  ['disposal', (w) => w[Symbol.dispose]()],
];

function move(optimizer: { step(): void }, w: Tensor): void {
  w.sum().backward();
  optimizer.step();
}

const leaf = (): nn.Parameter => new nn.Parameter([[1, 2], [3, 4]]); // prettier-ignore
const OPERATIONS: [name: string, use: (w: Tensor) => Tensor][] = [
  ['mul', (w) => w.mul(w)],
  ['square', (w) => w.square()],
  ['matmul', (w) => tensor([[1, 2]], { requiresGrad: true }).matmul(w)],
  ['exp of a view', (w) => w.reshape(4).mul(tensor([1, 2, 3, 4], { requiresGrad: true }))],
  ['div', (w) => tensor(1).div(w)],
  ['softplus', (w) => w.softplus()],
  [
    'an operation of its own',
    defineOp({
      name: 'squared',
      forward: (w: Tensor) => w.square(),
      backward: ({ inputs: [w], gradient }) => gradient.mul(w.mul(2)),
    }),
  ],
];

describe('numbers that changed between the forward pass and backward()', () => {
  describe.each(WRITES)('by %s', (_, write) => {
    it.each(OPERATIONS)('are refused by %s, and the gradients stay as they were', (_, use) => {
      const w = new nn.Parameter(leaf().data, [2, 2]);
      const other = tensor(1, { requiresGrad: true });
      const loss = use(w).sum().mul(other);
      write(w);
      const before = w.grad?.toArray();
      expect(() => loss.backward()).toThrow(MESSAGE);
      expect(w.grad?.toArray()).toEqual(before);
      expect(other.grad).toBe(null);
    });
  });

  it('the tensor is named by its operation and shape', () => {
    const w = leaf();
    const loss = w.square().sum();
    nn.init.zeros(w);
    expect(() => loss.backward()).toThrow(
      'backward: square needs a tensor [2, 2] as it was in the forward pass, and it was changed in place since ' +
        '(by backward(), step(), loadStateDict(), nn.init or disposal); call backward() first, or compute the loss again',
    );
  });

  it('two losses, and a step between their backward passes', () => {
    const w = tensor(2, { requiresGrad: true });
    const sgd = new optim.SGD([w], { lr: 0.5 });
    const a = w.mul(3);
    const b = w.square();
    a.backward();
    sgd.step();
    sgd.zeroGrad();
    expect(() => b.backward()).toThrow(MESSAGE);
    expect(w.grad).toBe(null);
    w.square().backward();
    expect(w.grad!.item()).toBe(1);
  });

  it('the same inside a captured function, when it is recorded', () => {
    const w = tensor(2, { requiresGrad: true });
    const sgd = new optim.SGD([w], { lr: 0.5 });
    const step = capture((x: Tensor) => {
      sgd.zeroGrad();
      const a = w.mul(x);
      const b = w.square();
      a.backward();
      sgd.step();
      b.backward();
      return a;
    });
    expect(() => step(tensor(3))).toThrow(MESSAGE);
  });

  it('by the replay of a captured step', () => {
    const w = tensor(2, { requiresGrad: true });
    const sgd = new optim.SGD([w], { lr: 0.5 });
    const step = capture((x: Tensor) => {
      sgd.zeroGrad();
      const loss = w.mul(x);
      loss.backward();
      sgd.step();
      return loss;
    });
    step(tensor(1));
    const pending = w.square();
    step(tensor(1));
    expect(() => pending.backward()).toThrow(MESSAGE);
  });

  it('a gradient that was an input, and to which another loss adds', () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const v = tensor([3, 4], { requiresGrad: true });
    w.square().sum().backward();
    const loss = v.mul(w.grad!).sum();
    w.mul(10).sum().backward();
    expect(() => loss.backward()).toThrow(/^backward: mul needs/);
  });
});

describe('what backward() does not need may change', () => {
  it.each<[string, (w: Tensor) => Tensor, number]>([
    ['a sum', (w) => w.add(1), 1],
    ['a factor', (w) => w.mul(3), 3],
    ['a sigmoid, which reads its result', (w) => w.mul(0).sigmoid(), 0],
  ])('%s', (_, use, gradient) => {
    const w = tensor(2, { requiresGrad: true });
    const loss = use(w);
    nn.init.constant(w, 100);
    loss.backward();
    expect(w.grad!.item()).toBe(gradient);
  });

  it('statistics of BatchNorm1d, of which an evaluation took copies', () => {
    const norm = new nn.BatchNorm1d(2);
    const x = tensor([[1, 2], [3, 5]], { requiresGrad: true }); // prettier-ignore
    const evaluated = norm.eval().forward(x).sum();
    norm.train().forward(tensor([[10, 20], [30, 50]])); // prettier-ignore
    evaluated.backward();
    for (const slope of x.grad!.data) expect(slope).toBeCloseTo(1 / Math.sqrt(1 + norm.eps), 6);
  });

  it('what is used again after the change', () => {
    const w = tensor(2, { requiresGrad: true });
    const a = w.mul(3);
    nn.init.constant(w, 5);
    w.square().add(a).backward();
    expect(w.grad!.item()).toBe(13);
  });

  it('an adversary, whose own weights alone moved', () => {
    const generator = new nn.Linear(2, 2);
    const judge = new nn.Linear(2, 1);
    const sgd = new optim.SGD(judge.parameters(), { lr: 0.1 });
    for (let i = 0; i < 3; i++) {
      const made = generator.forward(tensor([[1, 2]]));
      judge.forward(made.detach()).square().mean().backward();
      sgd.step();
      sgd.zeroGrad();
      // Computed again with the new weights: nothing is stale.
      judge.forward(made).square().mean().backward();
    }
    expect(generator.weight.grad).not.toBe(null);
  });
});
