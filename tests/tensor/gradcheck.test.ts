import { describe, expect, it } from 'vitest';
import { concat, defineOp, gradcheck, GradcheckError, nn, tensor, type Tensor } from 'wasmgrad';

const x = [
  [0.3, -1.2, 2],
  [1.7, 0.4, -0.6],
];
const right: Record<string, (x: Tensor) => Tensor> = {
  exp: (x) => x.exp(),
  tanh: (x) => x.tanh(),
  gelu: (x) => x.gelu(),
  square: (x) => x.square(),
  cube: (x) => x.pow(3),
  softmax: (x) => x.softmax(),
  logSoftmax: (x) => x.logSoftmax(),
  matmul: (x) => x.matmul(x.transpose()),
  max: (x) => x.max(1),
  mean: (x) => x.sub(x.mean(1, true)).square().mean(),
  'cross-entropy': (x) => new nn.CrossEntropyLoss().forward(x, tensor([2, 0])),
  concat: (x) => concat([x, x.mul(2)], 1).slice(1, 1, 5),
  'a constant': (x) => x.detach().mul(0),
};

describe('gradcheck', () => {
  it.each(Object.entries(right))('passes %s', (_, fn) => {
    const report = gradcheck(fn, [x]);
    expect(report.passed).toBe(true);
    expect(report.elements).toBe(6);
  });

  it.each([
    ['half a gradient', (v: Tensor) => v.mul(v.detach())],
    ['a gradient 1 % too large', (v: Tensor) => v.exp().mul(1.01).sub(v.exp().detach().mul(0.01))],
    ['no gradient', (v: Tensor) => v.detach().exp()],
  ])('fails %s', (_, fn) => {
    expect(gradcheck(fn, [x], { throws: false }).passed).toBe(false);
    expect(() => gradcheck(fn, [x])).toThrow(GradcheckError);
  });

  it('names the worst element', () => {
    const wrong = defineOp({
      name: 'wrong',
      forward: (a: Tensor, b: Tensor) => a.mul(b),
      backward: ({ inputs: [a, b], gradient }) => [
        gradient.mul(b),
        gradient.mul(
          a.add([
            [0, 0, 0],
            [0, 1, 0],
          ]),
        ),
      ],
    });
    const { worst } = gradcheck(wrong, [x, x], { throws: false });
    expect(worst!.input).toBe(1);
    expect(worst!.index).toEqual([1, 1]);
    expect(Math.abs(worst!.analytic / worst!.numeric)).toBeCloseTo(1.4 / 0.4, 2);
    expect(() => gradcheck(wrong, [x, x])).toThrow(
      /gradcheck: input 1 at \[1, 1\]: backward\(\) gives .* differences give .* ± /,
    );
  });

  it('leaves what it was given as it was', () => {
    const leaf = tensor([1, 2], { requiresGrad: true });
    gradcheck((v) => v.square(), [leaf]);
    expect(leaf.grad).toBe(null);
    expect(leaf.toArray()).toEqual([1, 2]);
  });

  it('refuses what it cannot check', () => {
    const dropout = new nn.Dropout(0.5);
    const ones = new Float32Array(64).fill(1);
    expect(() => gradcheck((v) => dropout.forward(v), [ones])).toThrow(/another result the second time/);
    expect(() => gradcheck(3 as never, [1])).toThrow(/expected a function/);
    expect(() => gradcheck(() => 3 as never, [1])).toThrow(/return a tensor/);
    expect(() => gradcheck((v) => v, [1], { step: 2 })).toThrow(/step to be a number in \(0, 1\), got/);
    expect(() => gradcheck((v) => v, [1], { eps: 2 } as never)).toThrow(/unknown option 'eps'/);
    expect(gradcheck((v) => v.log(), [-1], { throws: false }).passed).toBe(false);
  });
});
