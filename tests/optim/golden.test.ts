import { describe, expect, it } from 'vitest';
import { capture, optim, tensor, type Tensor } from 'wasmgrad';
import golden from '../reference/optimizers.json' with { type: 'json' };
import { mismatch } from '../support/machine.js';
import { EPSILON } from '../support/numbers.js';

type Made = new (parameters: object[], options: object) => optim.Optimizer;

interface Run {
  optimizer: string;
  options: object;
  /** Of the second parameter, in a group of its own. */
  own?: object;
  after: Record<string, number[][]>;
}
const runs: Run[] = golden.runs;

const shaped = (data: number[], i: number): Tensor =>
  tensor(Float32Array.from(data), { shape: golden.shapes[i], requiresGrad: true });

/**
 * Roundings that a step adds to a parameter, in units of the largest: a dozen of its own, and those of the direction,
 * which is no larger than the parameters here.
 */
const STEP = 24;

describe.each(['spelled out', 'captured'])('50 steps are as PyTorch computes them, %s', (way) => {
  it.each(runs.map((run) => ({ ...run, title: JSON.stringify([run.options, run.own]) })))(
    '$optimizer $title',
    ({ optimizer: name, options, own, after }) => {
      const parameters = golden.start.map(shaped);
      const [first, second] = parameters;
      const given = own ? [{ params: [first] }, { params: [second], ...own }] : parameters;
      const optimizer = new (optim[name as keyof typeof optim] as unknown as Made)(given, options);
      const body = (...gradients: Tensor[]): Tensor => {
        optimizer.zeroGrad();
        // A leaf's own gradient is the one it is given.
        parameters.forEach((parameter, i) => parameter.backward(gradients[i]));
        optimizer.step();
        return gradients[0].sum();
      };
      const step = way === 'captured' ? capture(body) : body;
      let checked = 0;
      golden.gradients.forEach((gradients, t) => {
        step(...gradients.map((data, i) => shaped(data, i).detach()));
        const expected = after[t + 1];
        if (!expected) return;
        const actual = parameters.flatMap(({ data }) => [...data]);
        const values = expected.flat();
        const size = Math.max(...values.map(Math.abs));
        const tolerance = values.map(() => (t + 1) * STEP * EPSILON * size);
        expect(mismatch(actual, { expected: values, tolerance }), `after ${t + 1} steps`).toBeNull();
        checked++;
      });
      expect(checked).toBe(4);
    },
  );
});

it('knows every optimizer, with groups, too', () => {
  const known = Object.keys(optim).filter(
    (name) => Object.getPrototypeOf(optim[name as 'SGD']) === optim.Optimizer,
  );
  expect(new Set(runs.map(({ optimizer }) => optimizer))).toEqual(new Set(known));
  expect(new Set(runs.filter(({ own }) => own).map(({ optimizer }) => optimizer))).toEqual(new Set(known));
});
