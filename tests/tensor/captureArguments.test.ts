import { describe, expect, it } from 'vitest';
import { capture, noGrad, nn, optim, tensor, type Tensor } from 'wasmgrad';

/** Two functions of two tensors, each recorded with `first` and replayed with `then`, and what the loop gives. */
const combine = (a: Tensor, b: Tensor): Tensor => a.mul(10).add(b);
const pair = (): Tensor => tensor([1, 2]);
const x = pair();
const w = tensor([1, 2], { requiresGrad: true });
const shared = new Float32Array([1, 2]);

const ALIASED: [name: string, first: () => [Tensor, Tensor]][] = [
  ['one tensor twice', () => [x, x]],
  ['a tensor and its detach()', () => [x, x.detach()]],
  ['two views of one tensor', () => [x.reshape(2), x.reshape(-1)]],
  ['a tensor and a view of it', () => [x, x.reshape([2])]],
  ['two tensors of one array', () => [tensor(shared), tensor(shared)]],
  ['detach() of one parameter, twice', () => [w.detach(), w.detach()]],
];

describe('arguments of a captured function are its own', () => {
  it.each(ALIASED)('recorded with %s', (_, first) => {
    const f = capture(combine);
    expect(f(...first()).toArray()).toEqual([11, 22]);
    expect(f(tensor([5, 5]), tensor([3, 3])).toArray()).toEqual([53, 53]);
    expect(f(...first()).toArray()).toEqual([11, 22]);
    expect(f(tensor([3, 3]), tensor([5, 5])).toArray()).toEqual([35, 35]);
  });

  it.each(ALIASED)('replayed with %s', (_, then) => {
    const f = capture(combine);
    f(tensor([5, 5]), tensor([3, 3]));
    expect(f(...then()).toArray()).toEqual([11, 22]);
  });

  it.each([
    ['the tensor itself', (): Tensor => x],
    ['a view of it', (): Tensor => x.reshape(2)],
    ['its detach()', (): Tensor => x.detach()],
  ])('a constant of the function stays when an argument was %s', (_, argument) => {
    const f = capture((a: Tensor) => a.mul(10).add(x));
    expect(f(argument()).toArray()).toEqual([11, 22]);
    expect(f(tensor([5, 5])).toArray()).toEqual([51, 52]);
  });

  it('a constant that the function never got as an argument stays, too', () => {
    const f = capture((...ignored: Tensor[]) => x.mul(2 * ignored.length));
    f(x);
    expect(f(tensor([5, 5])).toArray()).toEqual([2, 4]);
  });

  it('three arguments, of which any two may be one', () => {
    const f = capture((a: Tensor, b: Tensor, c: Tensor) => a.mul(100).add(b.mul(10)).add(c));
    const [one, two, three] = [tensor(1), tensor(2), tensor(3)];
    for (const [a, b, c] of [
      [one, one, one],
      [one, two, one],
      [two, two, three],
      [three, one, one],
    ]) {
      expect(f(a, b, c).item()).toBe(a.item() * 100 + b.item() * 10 + c.item());
    }
  });

  it('an argument that is returned as it is', () => {
    const f = capture((a: Tensor, b: Tensor) => [a, b, x] as const);
    f(x, x);
    expect(f(tensor([3, 4]), tensor([5, 6])).map((y) => y.toArray())).toEqual([
      [3, 4],
      [5, 6],
      [1, 2],
    ]);
  });

  it('what a call returned may be an argument of the next', () => {
    const f = capture(combine);
    let state = f(x, x);
    for (let i = 0; i < 3; i++) state = f(state, state);
    expect(state.toArray()).toEqual([11 ** 4, 2 * 11 ** 4]);
  });

  it('an autoencoder recorded with (rows, rows) learns from (noisy, clean)', () => {
    const train = (captured: boolean): number[][] => {
      const layer = new nn.Linear(2, 2, { bias: false });
      layer.loadStateDict({ weight: [[0.5, 0], [0, 0.5]] }); // prettier-ignore
      const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
      const step = (input: Tensor, target: Tensor): Tensor => {
        optimizer.zeroGrad();
        const loss = layer.forward(input).sub(target).square().mean();
        loss.backward();
        optimizer.step();
        return loss;
      };
      const run = captured ? capture(step) : step;
      const clean = tensor([[1, 2]]);
      run(clean, clean);
      run(tensor([[0.5, 2.5]]), clean);
      return layer.weight.toArray() as number[][];
    };
    expect(train(true)).toEqual(train(false));
  });
});

describe('what a replay would not see', () => {
  it('noGrad() in a captured function is computed again, with the other arguments', () => {
    const centred = capture((a: Tensor) => a.sub(noGrad(() => a.mean())));
    expect(centred(tensor([1, 3])).toArray()).toEqual([-1, 1]);
    expect(centred(tensor([10, 20])).toArray()).toEqual([-5, 5]);
  });

  it('a teacher under noGrad() gets no gradient, and its weights of now are used', () => {
    const teacher = tensor(2, { requiresGrad: true });
    const student = tensor(1, { requiresGrad: true });
    const step = capture((a: Tensor) => {
      student.grad = null;
      const loss = student
        .mul(a)
        .sub(noGrad(() => teacher.mul(a)))
        .square();
      loss.backward();
      return loss;
    });
    expect(step(tensor(1)).item()).toBe(1);
    expect(step(tensor(3)).item()).toBe(9);
    expect(student.grad!.item()).toBe(-18);
    expect(teacher.grad).toBe(null);
    nn.init.constant(teacher, 5);
    expect(step(tensor(1)).item()).toBe(16);
  });

  it.each([
    ['data of an argument', (a: Tensor) => tensor(a.data)],
    ['data of a view of it', (a: Tensor) => tensor(a.reshape(-1).data)],
    ['data inside noGrad()', (a: Tensor) => noGrad(() => tensor(a.mul(2).data))],
    ['item() inside noGrad()', (a: Tensor) => noGrad(() => tensor(a.sum().item()))],
  ])('%s is refused', (_, read) => {
    expect(() => capture(read)(tensor([1]))).toThrow(/a value cannot be read while its function is captured/);
  });

  it.each([
    ['nn.init', () => void nn.init.normal(w), /^normal: nothing can be overwritten inside a captured/],
    [
      'loadStateDict',
      () => new nn.Linear(1, 1).loadStateDict({ weight: [[1]], bias: [1] }),
      /^loadStateDict: /,
    ],
  ])('%s is refused', (_, change, message) => {
    const f = capture((a: Tensor) => {
      change();
      return a;
    });
    expect(() => f(x)).toThrow(message);
  });

  it('a function that returns one tensor or several, by the shape of its argument', () => {
    const f = capture((a: Tensor): Tensor | Tensor[] => (a.size === 1 ? a.mul(2) : [a.mul(3), a]));
    expect((f(tensor([1])) as Tensor).toArray()).toEqual([2]);
    expect((f(tensor([1, 2])) as Tensor[])[0].toArray()).toEqual([3, 6]);
    expect((f(tensor([4])) as Tensor).toArray()).toEqual([8]);
    expect((f(tensor([5, 6])) as Tensor[]).length).toBe(2);
  });

  it('a gradient that only a number was written to is written again', () => {
    const v = tensor(1, { requiresGrad: true });
    const f = capture((a: Tensor) => {
      v.backward();
      return a.mul(1);
    });
    const g = capture((a: Tensor) => {
      v.grad = null;
      v.backward();
      return a.mul(1);
    });
    g(tensor(0));
    v.mul(5).backward();
    g(tensor(0));
    expect(v.grad!.item()).toBe(1);
    f(tensor(0));
    f(tensor(0));
    expect(v.grad!.item()).toBe(3);
  });
});
