import type { nn } from 'wasmgrad';
import { check, checkBits, numbers } from './checks.js';
import type { Case, Entries, Wasmgrad } from './suite.js';

/** Writes a trained model down, and puts what was written into one that is new. */
type Copy = (trained: nn.Module, fresh: nn.Module, entries: Entries) => unknown;

/** What the state of a model can be saved as. */
const STATES: Record<string, Copy> = {
  stateDict: (trained, fresh) => fresh.loadStateDict(trained.stateDict()),
  'stateDict as JSON': (trained, fresh) => {
    const state = Object.entries(trained.stateDict()).map(([name, tensor]) => [name, tensor.toArray()]);
    fresh.loadStateDict(JSON.parse(JSON.stringify(Object.fromEntries(state))));
  },
  'safetensors of weights': (trained, fresh, { io }) => io.loadWeights(fresh, io.encodeWeights(trained)),
  checkpoint: async (trained, fresh, { io }) => {
    await io.loadCheckpoint(io.encodeCheckpoint({ model: trained }), { model: fresh });
  },
};

/** Files of a whole model, and what reads them. */
const FILES: Record<
  string,
  {
    encode: (model: nn.Module, io: Entries['io']) => Uint8Array;
    load: (bytes: Uint8Array<ArrayBuffer>, io: Entries['io']) => Promise<nn.Module>;
  }
> = {
  safetensors: { encode: (model, io) => io.encodeModel(model), load: (bytes, io) => io.loadModel(bytes) },
  ONNX: { encode: (model, io) => io.encodeOnnx(model), load: (bytes, io) => io.loadOnnx(bytes) },
};

/** Files that `wasmgrad/infer` reads, of the same model. */
const INFERRED: Record<string, (model: nn.Module, io: Entries['io']) => Uint8Array> = {
  safetensors: FILES.safetensors.encode,
  ONNX: FILES.ONNX.encode,
  'model.wasm': (model, io) => io.exportWasm(model),
  'model.wasm of weights in 8 bits': (model, io) => io.exportWasm(io.quantize(model, ROWS)),
};

const ROWS = numbers(35, 50);

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

/** Predictions of the same bits, of several rows and of one. */
function checkSame(copy: nn.Module, original: nn.Module): Float32Array {
  const expected = original.predict(ROWS);
  check(expected.length === 20, `${expected.length} numbers were predicted instead of 20`);
  checkBits(copy.predict(ROWS), expected, 'prediction');
  const row = Array.from(ROWS.subarray(0, 7));
  const one = (from: nn.Module): Float32Array => Float32Array.from(from.predict(row) as number[]);
  checkBits(one(copy), one(original), 'prediction of one row');
  return expected;
}

/** A copy of its own: `predict` of a loaded model must not depend on what becomes of the file's bytes. */
const copyOf = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

const named = (title: string, cases: [string, Case][]): Record<string, Case> =>
  Object.fromEntries(cases.map(([name, run]) => [`${title}: ${name}`, run]));

export const saving: Record<string, Case> = {
  ...named(
    'save and predict',
    Object.entries(STATES).map(([name, copy]) => [
      name,
      async (wasmgrad, entries) => {
        const original = trained(wasmgrad);
        const fresh = model(wasmgrad, 2);
        await copy(original, fresh, entries);
        fresh.output = original.output;
        return [checkSame(fresh, original)];
      },
    ]),
  ),
  ...named(
    'save, load and predict',
    Object.entries(FILES).map(([name, { encode, load }]) => [
      name,
      async (wasmgrad, { io }) => {
        const original = trained(wasmgrad);
        const bytes = copyOf(encode(original, io));
        const copy = await load(bytes, io);
        original.eval();
        return [checkSame(copy, original), bytes];
      },
    ]),
  ),
  ...named(
    'save, and predict by wasmgrad/infer',
    Object.entries(INFERRED).map(([name, encode]) => [
      name,
      async (wasmgrad, { io, infer }) => {
        const original = trained(wasmgrad);
        const bytes = copyOf(encode(original, io));
        const predictions = (await infer.load(bytes)).predict(ROWS);
        check(predictions.length === 20, `${predictions.length} numbers were predicted instead of 20`);
        // It has the bits of the strict build, whichever runs here.
        const quantized = name.includes('8 bits');
        if (quantized) checkBits(predictions, io.quantize(original, ROWS).predict(ROWS), 'prediction');
        else if (wasmgrad.runtimeInfo().build === 'strict') {
          checkBits(predictions, original.predict(ROWS), 'prediction');
        }
        return [predictions, bytes];
      },
    ]),
  ),
};
