import { check } from './checks.js';
import type { Case, Wasmgrad } from './suite.js';

type ErrorName = 'TypeError' | 'RangeError' | 'Error' | 'DivergenceError' | 'AbortError';

/** What goes wrong, what it is called, and what it says. */
const ERRORS: Record<string, [(wasmgrad: Wasmgrad) => unknown, ErrorName, RegExp]> = {
  'a shape that does not fit': [
    ({ nn, tensor }) => new nn.Linear(784, 128).forward(tensor([[1, 2]])),
    'RangeError',
    /linear.*784.*\[1, 2\]/,
  ],
  'a label that is no class': [
    ({ nn, tensor }) => new nn.CrossEntropyLoss().forward(tensor([[1, 2]]), tensor([2])).item(),
    'RangeError',
    /CrossEntropyLoss/,
  ],
  'an option that there is not': [
    ({ nn, optim }) => new optim.SGD(new nn.Linear(1, 1).parameters(), { lr: 1, speed: 2 } as { lr: number }),
    'TypeError',
    /unknown option 'speed'/,
  ],
  'values that were overwritten': [
    ({ tensor }) => {
      const x = tensor([1, 2], { requiresGrad: true });
      const old = x.square();
      old.sum().backward();
      x.mul(3).sum().backward();
      return old.data;
    },
    'Error',
    /./,
  ],
  'another build while the engine runs': [
    ({ configure, runtimeInfo }) =>
      configure({ build: runtimeInfo().build === 'strict' ? 'relaxed' : 'strict' }),
    'Error',
    /already runs the (strict|relaxed) build/,
  ],
  'a state of another model': [
    ({ nn }) => new nn.Linear(2, 3).loadStateDict({ weight: [[1, 2]], bias: [0, 0, 0] }),
    'RangeError',
    /expected weight \[3, 2\], got \[1, 2\]/,
  ],
  'training that diverges': [
    ({ data, fit, nn, optim }) => {
      const model = new nn.Linear(1, 1);
      return fit(model, {
        data: new data.DataLoader(new data.TensorDataset([[1e20], [-1e20]], [[1e20], [1e20]])),
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(model.parameters(), { lr: 1 }),
        epochs: 5,
        progress: false,
      });
    },
    'DivergenceError',
    /epoch 1/,
  ],
  'training that is stopped': [
    ({ data, fit, nn, optim }) => {
      const model = new nn.Linear(1, 1);
      const controller = new AbortController();
      return fit(model, {
        data: new data.DataLoader(new data.TensorDataset([[1], [2]], [[1], [2]])),
        loss: new nn.MSELoss(),
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        epochs: 5,
        onBatch: () => controller.abort(),
        signal: controller.signal,
        progress: false,
      });
    },
    'AbortError',
    /./,
  ],
  'a tape that only grows': [
    ({ configure, tensor }) => {
      configure({ tapeLimitBytes: 2 ** 20 });
      try {
        let x = tensor(new Float32Array(1000), { requiresGrad: true });
        for (let i = 0; i < 1000; i++) x = x.add(1);
      } finally {
        configure({ tapeLimitBytes: 2 ** 30 });
      }
    },
    'RangeError',
    /without backward\(\)/,
  ],
};

export const errors: Record<string, Case> = Object.fromEntries(
  Object.entries(ERRORS).map(([what, [run, expected, text]]): [string, Case] => [
    `error: ${what}`,
    async (wasmgrad) => {
      let thrown: unknown;
      try {
        await run(wasmgrad);
      } catch (error) {
        thrown = error;
      }
      check(thrown !== undefined, 'nothing was thrown');
      const { name, message } = thrown as Error;
      check(name === expected, `${expected} expected, got ${name}: ${message}`);
      check(text.test(message), `the message should match ${String(text)}: ${message}`);
      // What went wrong has done no harm.
      check(wasmgrad.tensor([1, 2]).sum().item() === 3, 'the engine does not work any more');
    },
  ]),
);
