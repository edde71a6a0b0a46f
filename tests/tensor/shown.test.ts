import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { capture, nn, optim, tensor, type Tensor } from 'wasmgrad';

describe('a tensor of one element', () => {
  const loss = tensor([[0.5]]);

  it('is a number where one is wanted, and a text where a text is', () => {
    let total = 1;
    total += loss as never;
    expect(total).toBe(1.5);
    expect(`${loss as never}`).toBe('0.5');
    expect(String(loss)).toBe('0.5');
    expect((loss as never) < 0.75).toBe(true);
    expect((loss as never) > 0.75).toBe(false);
    expect(Number(loss)).toBe(0.5);
    expect(Math.max(loss as never, 0.25)).toBe(0.5);
    expect(+(loss as never)).toBe(0.5);
    expect((loss as never) == 0.5).toBe(true);
    expect(`${tensor(NaN) as never}`).toBe('NaN');
    expect(`${tensor(-Infinity) as never}`).toBe('-Infinity');
  });

  it('is one after an operation and as a parameter', () => {
    expect(`${tensor([1, 2]).sum() as never}`).toBe('3');
    expect(2 * (new nn.Parameter([4]) as never)).toBe(8);
  });

  it.each<[string, (x: Tensor) => unknown]>([
    ['a text', (x) => `${x as never}`],
    ['a sum', (x) => 1 + (x as never)],
    ['a comparison', (x) => (x as never) < 1],
    ['a product', (x) => 2 * (x as never)],
  ])('another one throws in %s', (_, act) => {
    expect(() => act(tensor([1, 2]))).toThrow(/a tensor \[2\] is neither a number nor a text/);
    expect(() => act(tensor([]))).toThrow(RangeError);
    expect(() => act(tensor([[1, 2]]))).toThrow(/\[1, 2\]/);
  });

  it('cannot be one while its function is captured', () => {
    const f = capture((x: Tensor) => x.mul(Number(x.sum())));
    expect(() => f(tensor([1]))).toThrow(/cannot be read while its function is captured/);
  });
});

describe('console.log', () => {
  it.each<[Tensor, string]>([
    [tensor(2), 'Tensor [] 2'],
    [tensor([1, 2.5, -3]), 'Tensor [3] [1, 2.5, -3]'],
    [tensor([0.1, 1e-8, 1e30]), 'Tensor [3] [0.1, 1e-8, 1e+30]'],
    [tensor([NaN, Infinity, -Infinity]), 'Tensor [3] [NaN, Infinity, -Infinity]'],
    [tensor([]), 'Tensor [0] []'],
    [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      'Tensor [2, 2]\n[[1, 2],\n [3, 4]]',
    ],
    [
      tensor([
        [[1], [2]],
        [[3], [4]],
      ]),
      'Tensor [2, 2, 1]\n[[[1],\n  [2]],\n [[3],\n  [4]]]',
    ],
    [tensor([1], { requiresGrad: true }), 'Tensor [1] requiresGrad [1]'],
    [new nn.Parameter([1, 2]), 'Parameter [2] requiresGrad [1, 2]'],
    [new nn.Buffer([1, 2]), 'Buffer [2] [1, 2]'],
  ])('shows shape and numbers: %#', (made, text) => expect(inspect(made)).toBe(text));

  it('shows the edges of a large one', () => {
    const large = tensor(
      Float32Array.from({ length: 1200 }, (_, i) => i),
      { shape: [2, 600] },
    );
    expect(inspect(large)).toBe(
      'Tensor [2, 600]\n[[0, 1, 2, …, 597, 598, 599],\n [600, 601, 602, …, 1197, 1198, 1199]]',
    );
    const tall = tensor(new Float32Array(5000), { shape: [1000, 5] });
    expect(inspect(tall).split('\n')).toHaveLength(8);
  });

  it('shows a gradient, also where it was applied', () => {
    const w = tensor([1, 2], { requiresGrad: true });
    w.square().sum().backward();
    expect(inspect(w)).toBe('Tensor [2] requiresGrad [1, 2]\ngradient [2, 4]');
    const optimizer = new optim.SGD([w], { lr: 0.25 });
    const step = capture(() => {
      optimizer.zeroGrad();
      const loss = w.square().sum();
      loss.backward();
      optimizer.step();
      return loss;
    });
    for (let i = 0; i < 3; i++) step();
    expect(inspect(w)).toMatch(/^Tensor \[2\] requiresGrad \[0\.125, 0\.25\]\n/);
  });

  it('never throws: neither for a stale tensor nor for a disposed one, nor inside of capture', () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const loss = w.square().sum();
    loss.backward();
    w.mul(2);
    expect(inspect(loss)).toMatch(/^Tensor \[\] requiresGrad \(this tensor \[\] can no longer be read: /);
    const gone = tensor([1], { requiresGrad: true });
    gone[Symbol.dispose]();
    expect(inspect(gone)).toMatch(/^Tensor \[1\] requiresGrad \(.*can no longer be read/);
    let text = '';
    capture((x: Tensor) => {
      text = inspect(x.mul(2));
      return x.mul(2);
    })(tensor([1]));
    expect(text).toMatch(/^Tensor \[1\] \(data: a value cannot be read/);
  });

  it('shows it inside of objects, indented', () => {
    expect(inspect({ weight: tensor([[1], [2]]) })).toBe('{\n  weight: Tensor [2, 1]\n  [[1],\n   [2]]\n}');
  });

  it('shows the parameters of a layer, not their insides', () => {
    const text = inspect(new nn.Linear(2, 1));
    expect(text).toMatch(/weight: Parameter \[1, 2\] requiresGrad/);
    expect(text).not.toMatch(/Block|generation|pointer/);
  });
});
