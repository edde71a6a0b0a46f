import { describe, expect, it } from 'vitest';
import { capture, nn, optim, tensor, type Tensor } from 'wasmgrad';
import golden from '../reference/golden.json' with { type: 'json' };
import { mismatch } from '../support/machine.js';
import { EPSILON } from '../support/numbers.js';

interface Stored {
  shape: number[];
  data: number[];
}

const stored = ({ shape, data }: Stored): Tensor => tensor(Float32Array.from(data), { shape });
const inputs = stored(golden.inputs);
const labels = tensor(golden.labels);

/** The network of tests/reference/golden.py with the weights that it began with. */
function network(): nn.Sequential {
  const model = new nn.Sequential(
    new nn.Linear(10, 16),
    new nn.ReLU(),
    new nn.Linear(16, 12),
    new nn.Tanh(),
    new nn.Linear(12, 8),
    new nn.GELU(),
    new nn.Linear(8, 5),
  );
  const state = Object.entries(golden.start as Record<string, Stored>);
  model.loadStateDict(Object.fromEntries(state.map(([name, value]) => [name, stored(value)])));
  return model;
}

/** Roundings of one forward and backward pass: the reductions inside, 16 + 12 + 8 + 12 rows, and a few for each activation. */
const PASS = (16 + 12 + 8 + 12 + 10 + 40) * EPSILON;

function expectClose(actual: ArrayLike<number>, expected: readonly number[], room: number): void {
  const size = Math.max(...expected.map(Math.abs));
  expect(mismatch(actual, { expected, tolerance: expected.map(() => room * size) })).toBeNull();
}

describe('a four-layer network is as PyTorch computes it', () => {
  it('logits', () => {
    expectClose(network().forward(inputs).data, golden.logits, PASS);
  });

  const losses = [
    ['crossEntropy', new nn.CrossEntropyLoss(), labels],
    ['crossEntropyShares', new nn.CrossEntropyLoss(), stored(golden.shares)],
    ['mse', new nn.MSELoss(), stored(golden.targets)],
  ] as const;
  it.each(losses)('loss and gradients of %s', (name, loss, targets) => {
    const model = network();
    const value = loss.forward(model.forward(inputs), targets);
    expectClose([value.item()], [golden.losses[name].loss], PASS);
    value.backward();
    const expected: Record<string, number[]> = golden.losses[name].gradients;
    for (const [key, parameter] of model.namedParameters())
      expectClose(parameter.grad!.data, expected[key], 4 * PASS);
    expect(model.namedParameters().map(([key]) => key)).toEqual(Object.keys(expected));
  });

  const variants: [keyof typeof golden.training, optim.SGDOptions][] = [
    ['plain', { lr: 0.05 }],
    ['momentum', { lr: 0.02, momentum: 0.9 }],
    ['dampening', { lr: 0.05, momentum: 0.8, dampening: 0.4 }],
    ['nesterov', { lr: 0.02, momentum: 0.9, nesterov: true }],
    ['weightDecay', { lr: 0.05, weightDecay: 0.05 }],
    ['all', { lr: 0.02, momentum: 0.9, nesterov: true, weightDecay: 0.02 }],
  ];
  describe.each(['spelled out', 'captured'])('50 steps of SGD, %s', (way) => {
    it.each(variants)('%s', (name, options) => {
      const model = network();
      const optimizer = new optim.SGD(model.parameters(), options);
      const loss = new nn.CrossEntropyLoss();
      const body = (x: Tensor, y: Tensor): Tensor => {
        optimizer.zeroGrad();
        const value = loss.forward(model.forward(x), y);
        value.backward();
        optimizer.step();
        return value;
      };
      const step = way === 'captured' ? capture(body) : body;
      const { losses: expected, end } = golden.training[name];
      // Every step adds the roundings of a pass, and carries on those before it.
      expected.forEach((value, i) => expectClose([step(inputs, labels).item()], [value], (i + 1) * 4 * PASS));
      const weights: Record<string, number[]> = end;
      for (const [key, parameter] of model.namedParameters()) {
        expectClose(parameter.data, weights[key], expected.length * 4 * PASS);
      }
    });
  });
});
