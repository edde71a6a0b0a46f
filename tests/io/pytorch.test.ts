import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nn } from 'wasmgrad';
import { encodeModel, loadModel, loadWeights, readSafetensors } from 'wasmgrad/io';
import { root } from '../support/files.js';
import { pytorchNetwork } from '../support/pytorchNetwork.js';

const path = (name: string) => join(root, 'tests/reference', name);
const golden = <T>(name: string) => JSON.parse(readFileSync(path(name), 'utf8')) as T;

/** float32 sums of at most 8 products, twice normalised. */
function expectClose(actual: unknown, expected: number[][]): void {
  const [a, b] = [(actual as number[][]).flat(), expected.flat()];
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => expect(Math.abs(value - b[i])).toBeLessThan(1e-5 * Math.max(1, Math.abs(b[i]))));
}

describe('PyTorch’s weights', () => {
  const { inputs, outputs, words, letters } = golden<Record<string, number[][]>>('fromPyTorch.json');

  it('of an equal Sequential are loaded by name', async () => {
    const model = pytorchNetwork();
    await loadWeights(model, path('fromPyTorch.safetensors'));
    expectClose(model.predict(inputs), outputs);
    expect((model.layers[1] as nn.BatchNorm1d).numBatchesTracked!.item()).toBe(20);
  });

  it('of a class are loaded behind its prefix, from 16 bits', async () => {
    const model = new nn.Sequential(
      new nn.Embedding(7, 2, { paddingIdx: 0 }),
      new nn.Flatten(),
      new nn.Linear(6, 2),
    );
    const file = path('fromPyTorchHalf.safetensors');
    await expect(loadWeights(model, file)).rejects.toThrow(/all would fit with prefix: 'letters\.'/);
    await loadWeights(model, file, { prefix: 'letters.' });
    expectClose(model.predict(words), letters);
  });
});

describe('weights from here', () => {
  const { inputs, outputs } = golden<Record<string, number[][]>>('toPyTorch.json');

  it('give the same outputs in PyTorch', async () => {
    expectClose((await loadModel(path('toPyTorch.safetensors'))).predict(inputs), outputs);
  });

  it('are written as in the file that PyTorch has read', async () => {
    const bytes = new Uint8Array(readFileSync(path('toPyTorch.safetensors')));
    const model = pytorchNetwork();
    await loadWeights(model, bytes);
    const { metadata } = readSafetensors(bytes);
    expect(encodeModel(model, { metadata: { made: metadata.made } })).toEqual(bytes);
  });
});
