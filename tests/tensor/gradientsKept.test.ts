import { describe, expect, it } from 'vitest';
import {
  AnomalyError,
  callbacks,
  data,
  defineOp,
  detectAnomaly,
  gradcheck,
  layerStatistics,
  lrRangeTest,
  nn,
  optim,
  tensor,
  type Tensor,
} from 'wasmgrad';

// What looks at gradients leaves those of the program as they were: filled or not, with their numbers, also after an error.

const failing = defineOp({
  name: 'failing',
  forward: (x) => x.mul(2),
  backward: () => {
    throw new Error('mine');
  },
});
const rows = [
  [1, 2],
  [3, 4],
];
const loader = (): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(rows, rows), { batchSize: 1 });

interface Program {
  readonly w: Tensor;
  readonly model: nn.Linear;
}

/** A loss with a parameter of its own. */
const lossWith = (w: Tensor) => ({ forward: (y: Tensor): Tensor => y.mul(w).square().mean() });
const optimizerOf = ({ model, w }: Program): optim.SGD =>
  new optim.SGD([...model.parameters(), w], { lr: 0.1 });

const USES: [string, (program: Program) => unknown][] = [
  ['gradcheck', ({ w }) => gradcheck((x) => x.mul(w), [[1, 2]])],
  ['gradcheck of a model', ({ model }) => gradcheck((x) => model.forward(x).square(), [rows])],
  ['gradcheck of a loss', ({ model, w }) => gradcheck((x) => lossWith(w).forward(model.forward(x)), [rows])],
  ['gradcheck of a leaf itself', ({ w }) => gradcheck(() => w, [1])],
  ['gradcheck that finds a fault', ({ w }) => gradcheck((x) => x.detach().mul(w), [[1, 2]])],
  ['gradcheck whose function throws', ({ w }) => gradcheck((x) => failing(x.mul(w)), [[1, 2]])],
  ['gradcheck whose function throws late', ({ w }) => gradcheck((x) => failing(x).mul(w), [[1, 2]])],
  ['detectAnomaly, forward', ({ w }) => detectAnomaly(() => w.sub(w).log().sum().backward())],
  ['detectAnomaly, backward', ({ w }) => detectAnomaly(() => w.mul(w.sub(w).sqrt()).sum().backward())],
  ['layerStatistics', ({ model, w }) => layerStatistics(model, [rows, rows], lossWith(w))],
  [
    'layerStatistics whose loss throws',
    ({ model, w }) => layerStatistics(model, [rows, rows], { forward: (y) => failing(y.mul(w)).sum() }),
  ],
  [
    'LayerMonitor',
    ({ model, w }) =>
      new callbacks.LayerMonitor([rows, rows], () => undefined).onEpochEnd(
        { epoch: 1, loss: 0, seconds: 0 },
        { model, loss: lossWith(w) } as never,
      ),
  ],
  [
    'lrRangeTest',
    (program) =>
      lrRangeTest(program.model, {
        data: loader(),
        loss: lossWith(program.w),
        optimizer: optimizerOf(program),
        steps: 3,
      }),
  ],
  [
    'lrRangeTest with momentum and clipping',
    (program) =>
      lrRangeTest(program.model, {
        data: loader(),
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(program.model.parameters(), { lr: 0.1, momentum: 0.9 }),
        steps: 3,
        clipGradNorm: 1,
      }),
  ],
  [
    'lrRangeTest that fails',
    (program) =>
      lrRangeTest(program.model, {
        data: loader(),
        loss: { forward: (y) => failing(y.mul(program.w)).sum() },
        optimizer: optimizerOf(program),
        steps: 3,
      }),
  ],
];

describe.each([
  ['filled', true],
  ['empty', false],
])('gradients that are %s stay so', (_, filled) => {
  it.each(USES)('%s', async (name, use) => {
    const w = tensor([3, 3], { requiresGrad: true });
    const program: Program = { w, model: new nn.Linear(2, 2) };
    const leaves = [w, ...program.model.parameters()];
    const weights = leaves.map((leaf) => leaf.toArray());
    // One of them has no gradient in either case.
    const some = leaves.slice(0, -1);
    if (filled) for (const leaf of some) leaf.mul(leaf.size === 2 ? [5, 7] : 1).sum().backward(); // prettier-ignore
    const kept = leaves.map(({ grad }) => grad);
    const before = kept.map((grad) => grad?.toArray());
    const wrong = /fault|throws|fails|detectAnomaly/.test(name);
    let error: unknown;
    try {
      await use(program);
    } catch (thrown) {
      error = thrown;
    }
    expect(error !== undefined).toBe(wrong);
    if (name.startsWith('detect')) expect(error).toBeInstanceOf(AnomalyError);
    expect(leaves.map(({ grad }) => grad?.toArray())).toEqual(before);
    // What the program holds of them is readable, and the same tensor.
    expect(leaves.map(({ grad }) => grad)).toEqual(kept);
    expect(kept.map((grad) => grad?.toArray())).toEqual(before);
    expect(leaves.map((leaf) => leaf.toArray())).toEqual(weights);
    // And the next backward pass adds to them.
    w.sum().backward();
    expect(w.grad!.toArray()).toEqual(filled ? [6, 8] : [1, 1]);
  });
});
