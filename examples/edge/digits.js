// The network that reads digits, and its weights as they lie in digits.bin: float32, a parameter after the other.
import { nn, tensor } from 'wasmgrad';

export function digitsModel() {
  const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
  model.output = 'softmax'; // predict() gives probabilities
  return model;
}

/** @param {ArrayBuffer} bytes */
export function loadDigitsModel(bytes) {
  const weights = new Float32Array(bytes);
  const model = digitsModel();
  let offset = 0;
  const state = model.namedParameters().map(([name, { size, shape }]) => {
    const values = weights.subarray(offset, (offset += size));
    return [name, tensor(values, { shape })];
  });
  model.loadStateDict(Object.fromEntries(state));
  return model;
}
