import type { nn } from 'wasmgrad';
import { check, checkBits, numbers } from './checks.js';
import type { Case, Wasmgrad } from './suite.js';

/** Writes a trained model down, and puts what was written into one that is new. */
type Format = (wasmgrad: Wasmgrad, trained: nn.Module, fresh: nn.Module) => void | Promise<void>;

/** What a model can be saved as. */
const FORMATS: Record<string, Format> = {
  stateDict: (_, trained, fresh) => fresh.loadStateDict(trained.stateDict()),
  'stateDict as JSON': (_, trained, fresh) => {
    const state = Object.entries(trained.stateDict()).map(([name, tensor]) => [name, tensor.toArray()]);
    fresh.loadStateDict(JSON.parse(JSON.stringify(Object.fromEntries(state))));
  },
};

function model({ manualSeed, nn }: Wasmgrad, seed: number): nn.Sequential {
  manualSeed(seed);
  return new nn.Sequential(new nn.Linear(7, 12), new nn.BatchNorm1d(12), new nn.Tanh(), new nn.Linear(12, 4));
}

function trained(wasmgrad: Wasmgrad): nn.Sequential {
  const made = model(wasmgrad, 1);
  const optimizer = new wasmgrad.optim.Adam(made.parameters());
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    const x = wasmgrad.tensor(numbers(42, 40 + step), { shape: [6, 7] });
    made.forward(x).square().mean().backward();
    optimizer.step();
  }
  made.output = 'softmax';
  return made;
}

export const saving: Record<string, Case> = Object.fromEntries(
  Object.entries(FORMATS).map(([name, copy]): [string, Case] => [
    `save and predict: ${name}`,
    async (wasmgrad) => {
      const original = trained(wasmgrad);
      const fresh = model(wasmgrad, 2);
      const rows = numbers(35, 50);
      const expected = original.predict(rows);
      check(expected.length === 20, `${expected.length} numbers were predicted instead of 20`);
      await copy(wasmgrad, original, fresh);
      fresh.output = original.output;
      checkBits(fresh.predict(rows), expected, 'prediction');
      const row = Array.from(rows.subarray(0, 7));
      const one = (from: nn.Module): Float32Array => Float32Array.from(from.predict(row) as number[]);
      checkBits(one(fresh), one(original), 'prediction of one row');
      return [expected];
    },
  ]),
);
