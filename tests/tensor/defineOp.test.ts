import { describe, expect, it } from 'vitest';
import {
  capture,
  data,
  defineOp,
  fit,
  gradcheck,
  manualSeed,
  nn,
  noGrad,
  optim,
  tensor,
  type Tensor,
} from 'wasmgrad';

/** x · sigmoid(x), as the built-in one computes neither forward nor backward. */
const swish = defineOp({
  name: 'swish',
  forward: (x) => {
    const gate = x.sigmoid();
    return { output: x.mul(gate), saved: [gate] };
  },
  backward: ({ output, gradient, saved: [gate] }) => gradient.mul(output.add(gate.mul(output.neg().add(1)))),
});
/** The built-in relu, in an operation of one's own: gradient where the output is above 0. */
const ownRelu = defineOp({
  name: 'ownRelu',
  forward: (x) => x.relu(),
  backward: ({ inputs: [x], gradient }) => {
    // 1 or 0, exactly.
    const positive = x.div(x.abs().add(1e-30)).clamp(0, 1);
    return gradient.mul(positive);
  },
});
const bilinear = defineOp({
  name: 'bilinear',
  shape: (a, b) => {
    if (a[1] !== b[0]) throw new RangeError(`bilinear: expected [m, k] and [k, n], got ${a} and ${b}`);
    return [a[0], b[1]];
  },
  forward: (a: Tensor, b: Tensor) => a.matmul(b),
  backward: ({ inputs: [a, b], gradient }) => [
    gradient.matmul(b.transpose()),
    a.transpose().matmul(gradient),
  ],
});

class Own extends nn.Module {
  constructor(readonly fn: (x: Tensor) => Tensor) {
    super();
  }
  override forward(x: Tensor): Tensor {
    return this.fn(x);
  }
}
const rows = Array.from({ length: 21 }, (_, i) => [Math.sin(i), Math.cos(2 * i), (i % 5) - 2]);
const labels = rows.map(([a]) => (a > 0 ? 1 : 0));
const build = (fn: (x: Tensor) => Tensor) => {
  manualSeed(5);
  const model = new nn.Sequential(new nn.Linear(3, 8), new Own(fn), new nn.Linear(8, 2));
  return { model, optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }) };
};
const weights = (model: nn.Module) => model.parameters().map((parameter) => [...parameter.data]);
const loss = new nn.CrossEntropyLoss();

describe('an operation of one’s own', () => {
  it('has the gradient it says it has', () => {
    expect(gradcheck(swish, [rows]).passed).toBe(true);
    expect(gradcheck(bilinear, [rows.slice(0, 4), [[1], [2], [-1]]]).passed).toBe(true);
    expect(gradcheck(ownRelu, [[-1, 2, 3]]).passed).toBe(true);
  });

  it('gives the bits of the same operations written out, in eager code', () => {
    const a = tensor(rows, { requiresGrad: true });
    const b = tensor(rows, { requiresGrad: true });
    const [y, z] = [ownRelu(a), b.relu()];
    expect(y.data).toEqual(z.data);
    y.square().sum().backward();
    const first = a.grad!.data;
    b.relu().square().sum().backward();
    // −0 and 0 are one number here.
    expect([...first].map((v) => v + 0)).toEqual([...b.grad!.data].map((v) => v + 0));
  });

  it('adds to what came before, also where an input is used twice', () => {
    const x = tensor([[1, 2]], { requiresGrad: true });
    const w = tensor([[3], [4]], { requiresGrad: true });
    const y = bilinear(x, w).add(x.sum());
    y.sum().backward();
    bilinear(x.mul(2), w).sum().backward();
    expect(x.grad!.toArray()).toEqual([[3 + 1 + 6, 4 + 1 + 8]]);
    expect(w.grad!.toArray()).toEqual([[3], [6]]);
    const s = tensor(3, { requiresGrad: true });
    const times = defineOp({
      name: 'times',
      forward: (a: Tensor, b: Tensor) => a.mul(b),
      backward: ({ inputs: [a, b], gradient }) => [gradient.mul(b), gradient.mul(a)],
    });
    times(s, s).backward();
    expect(s.grad!.item()).toBe(6);
  });

  it('is replayed by capture and fit with the bits of the eager loop', async () => {
    const loader = () =>
      new data.DataLoader(new data.TensorDataset(rows, labels), { batchSize: 8, shuffle: true, seed: 2 });
    const eager = build(swish);
    const step = (x: Tensor, y: Tensor, { model, optimizer }: ReturnType<typeof build>) => {
      optimizer.zeroGrad();
      const value = loss.forward(model.forward(x), y);
      value.backward();
      optimizer.step();
      return value;
    };
    const batches = loader();
    for (let epoch = 0; epoch < 4; epoch++) for (const [x, y] of batches) step(x, y, eager);
    const captured = build(swish);
    const run = capture((x: Tensor, y: Tensor) => step(x, y, captured));
    const again = loader();
    for (let epoch = 0; epoch < 4; epoch++) for (const [x, y] of again) run(x, y);
    const fitted = build(swish);
    await fit(fitted.model, { data: loader(), loss, optimizer: fitted.optimizer, epochs: 4 });
    expect(weights(captured.model)).toEqual(weights(eager.model));
    expect(weights(fitted.model)).toEqual(weights(eager.model));
    const [own, builtInRelu] = [build(ownRelu), build((x) => x.relu())];
    for (const { model, optimizer } of [own, builtInRelu]) {
      await fit(model, { data: loader(), loss, optimizer, epochs: 4 });
    }
    expect(weights(own.model)).toEqual(weights(builtInRelu.model));
    // And it learns the same as the built-in function, which rounds elsewhere.
    const builtIn = build((x) => x.silu());
    await fit(builtIn.model, { data: loader(), loss, optimizer: builtIn.optimizer, epochs: 4 });
    weights(builtIn.model)
      .flat()
      .forEach((value, i) => expect(value).toBeCloseTo(weights(eager.model).flat()[i], 4));
  });

  it('gives the bits of the built-in matrix product in fit', async () => {
    class Dense extends nn.Module {
      readonly weight = new nn.Parameter(rows.slice(0, 3).map((row) => row.slice(0, 2)));
      constructor(readonly own: boolean) {
        super();
      }
      override forward(x: Tensor): Tensor {
        return this.own ? bilinear(x, this.weight) : x.matmul(this.weight);
      }
    }
    const train = async (own: boolean) => {
      const model = new Dense(own);
      const loader = new data.DataLoader(new data.TensorDataset(rows, labels), { batchSize: 8 });
      await fit(model, {
        data: loader,
        loss,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        epochs: 3,
      });
      return weights(model);
    };
    const [ours, theirs] = [await train(true), await train(false)];
    ours.flat().forEach((value, i) => expect(value).toBeCloseTo(theirs.flat()[i], 6));
    expect(ours).toEqual(await train(true));
  });

  it('may read and make numbers in eager code, and says so where a replay could not see them', () => {
    const cube = defineOp({
      name: 'cube',
      forward: (x) => tensor((x.toArray() as number[]).map((v) => v ** 3)),
      backward: ({ inputs: [x], gradient }) => {
        const dy = gradient.toArray() as number[];
        return tensor((x.toArray() as number[]).map((v, i) => 3 * v * v * dy[i]));
      },
    });
    expect(gradcheck((x) => cube(x.mul(2)).mul(3), [[1, -2]]).passed).toBe(true);
    const step = capture((x: Tensor) => cube(x));
    expect(() => step(tensor([1]))).toThrow(/toArray: a value cannot be read while its function is captured/);
  });

  it('goes back twice on one tape, with operations on constants in backward', () => {
    const scaled = defineOp({
      name: 'scaled',
      forward: (x) => x.mul(2),
      // Uses nothing of the tape: must not take the tape's memory back.
      backward: ({ gradient }) => {
        const factor = tensor(2).mul(1);
        return gradient.mul(factor);
      },
    });
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const shared = x.mul(3);
    const [a, b] = [scaled(x).sum(), scaled(shared).sum()];
    a.backward();
    b.backward();
    expect(x.grad!.toArray()).toEqual([8, 8, 8]);
  });

  it('works without gradients', () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(noGrad(() => swish(x)).requiresGrad).toBe(false);
    expect(swish([0, 0]).toArray()).toEqual([0, 0]);
  });

  it.each([
    [() => defineOp({ name: '' } as never), /expected a name/],
    [() => defineOp({ name: 'f', forward: 3 } as never), /defineOp\(f\): expected forward and backward/],
    [() => defineOp({ name: 'f', derivative: 3 } as never), /unknown option 'derivative'/],
    [() => bilinear([[1, 2]], [[1, 2]]), /bilinear: expected \[m, k\]/],
    [
      () => defineOp({ name: 'f', forward: (_x) => 3 as never, backward: () => [] })(1),
      /f: expected forward to return/,
    ],
    [
      () => defineOp({ name: 'f', shape: () => [2], forward: (x) => x.mul(2), backward: () => [] })(1),
      /f: expected a result \[2\], got \[\]/,
    ],
  ])('%s is refused', (action, message) => expect(action).toThrow(message));

  it('refuses gradients that do not fit', () => {
    const x = tensor([[1, 2]], { requiresGrad: true });
    const of = (backward: () => never) => defineOp({ name: 'f', forward: (v) => v.mul(2), backward });
    expect(() =>
      of(() => [tensor([1])] as never)(x)
        .sum()
        .backward(),
    ).toThrow(/f: expected backward to give a gradient \[1, 2\] for input 0, got \[1\]/);
    expect(() =>
      of(() => [] as never)(x)
        .sum()
        .backward(),
    ).toThrow(/f: expected backward to give 1 gradients, got 0/);
    const hidden = tensor(3, { requiresGrad: true });
    const closed = defineOp({ name: 'f', forward: (v) => v.mul(hidden), backward: () => [undefined] });
    expect(() => closed(x)).toThrow(/is no input; pass it as an input/);
  });
});
