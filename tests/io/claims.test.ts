import { describe, expect, it } from 'vitest';
import { nn, type NestedArray } from 'wasmgrad';
import { load } from 'wasmgrad/infer';
import {
  encodeModel,
  encodeWeights,
  loadLayersModel,
  loadModel,
  loadOnnx,
  loadWeights,
  readSafetensors,
  writeSafetensors,
} from 'wasmgrad/io';
import { floats, onnxFile, type TestNode } from '../support/onnxGraph.js';

// Files of a kilobyte that claim what would take gigabytes, or for ever.

const MOST_BYTES = 64 * 2 ** 20;
const MOST_MS = 2000;

/** Loads a file and predicts with it, and says how that ended. */
async function cost(
  run: () => Promise<{ predict(rows: NestedArray): unknown } | void>,
): Promise<Error | undefined> {
  const [begin, before] = [performance.now(), process.memoryUsage()];
  let error: Error | undefined;
  try {
    (await run())?.predict([[1, 2]]);
  } catch (reason) {
    error = reason as Error;
  }
  const after = process.memoryUsage();
  expect(performance.now() - begin).toBeLessThan(MOST_MS);
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(MOST_BYTES);
  expect(after.rss - before.rss).toBeLessThan(4 * MOST_BYTES);
  return error;
}

/** x beside itself, and that beside itself, and so on. */
function doubling(times: number, ...then: TestNode[]): TestNode[] {
  const nodes = Array.from({ length: times }, (_, i): TestNode => {
    const from = i === 0 ? 'x' : `v${i}`;
    return ['Concat', [from, from], i === times - 1 && then.length === 0 ? 'y' : `v${i + 1}`, { axis: -1 }];
  });
  return [...nodes, ...then];
}
const two = { s: floats([1], 2) };

describe('an ONNX file', () => {
  it.each<[string, Uint8Array<ArrayBuffer>]>([
    ['of doubling Concats', onnxFile(doubling(30))],
    ['of more of them', onnxFile(doubling(2000))],
    [
      'of Concats of a thousand',
      onnxFile(
        [0, 1, 2].map((i) => [
          'Concat',
          Array<string>(1000).fill(i ? `v${i}` : 'x'),
          i === 2 ? 'y' : `v${i + 1}`,
          { axis: -1 },
        ]),
      ),
    ],
    ['of doubling Concats and a product', onnxFile(doubling(27, ['Mul', ['v27', 's'], 'y']), two)],
    ['of doubling Concats and a sum', onnxFile(doubling(27, ['Add', ['v27', 's'], 'y']), two)],
    ['of doubling Concats and a function', onnxFile(doubling(27, ['Relu', ['v27'], 'y']))],
    [
      'of doubling Concats and a norm',
      onnxFile(doubling(27, ['LayerNormalization', ['v27', 's'], 'y']), two),
    ],
    ['with an input of many features', onnxFile([['Mul', ['x', 's'], 'y']], two, { dims: [0, 2 ** 30] })],
    [
      'with a weight of no columns',
      onnxFile([['Gemm', ['x', 'w', 's'], 'y', { transB: 1 }]], { ...two, w: floats([2 ** 31, 0]) }),
    ],
    ['with a table of no columns', onnxFile([['Gather', ['w', 'x'], 'y']], { w: floats([2 ** 40, 0]) })],
  ])('%s is refused before memory is taken', async (_, file) => {
    expect(file.length).toBeLessThan(150_000);
    for (const loader of [loadOnnx, (bytes: Uint8Array) => load(bytes, { inFeatures: 2 })]) {
      const error = await cost(() => loader(file) as Promise<nn.Module>);
      expect(error).toBeInstanceOf(RangeError);
      expect(error?.message).toMatch(/^(loadOnnx|load): /);
    }
  });
});

describe('a safetensors file', () => {
  /** A file with this description of the layers, whatever tensors it has. */
  const described = (architecture: unknown, tensors = new Map()): Uint8Array => {
    const { metadata } = readSafetensors(encodeModel(new nn.ReLU()));
    return writeSafetensors(tensors, { ...metadata, 'wasmgrad/architecture': JSON.stringify(architecture) });
  };
  const identity = { type: 'Identity' };
  const twice = { type: 'Concat', branches: [identity, identity] };
  const linear = (inFeatures: number, outFeatures: number) => ({
    type: 'Linear',
    inFeatures,
    outFeatures,
    bias: true,
  });
  const times = (count: number, layer: unknown): unknown[] => Array.from({ length: count }, () => layer);
  const chain = (...layers: unknown[]) => ({ type: 'Sequential', layers });
  const embedding = { type: 'Embedding', numEmbeddings: 1, embeddingDim: 1000, paddingIdx: null };
  const nested = (depth: number): unknown =>
    depth === 0 ? twice : { type: 'Concat', branches: [nested(depth - 1)] };

  it.each<[string, unknown, RegExp]>([
    ['a layer that fits no memory', linear(65536, 65536), /more than the 4 GiB/],
    ['sizes that overflow', linear(2 ** 53 - 1, 2 ** 53 - 1), /more than the 4 GiB/],
    ['layers that fit one by one', chain(...times(5, linear(2 ** 14, 2 ** 14))), /up to 3\.weight take/],
    ['a table', { ...embedding, numEmbeddings: 2 ** 40 }, /more than the 4 GiB/],
    ['statistics', { type: 'Standardize', numFeatures: 2 ** 31 }, /more than the 4 GiB/],
    ['Concats that double', chain(...times(30, twice)), /numbers after this layer/],
    [
      'Concats that double in branches',
      { type: 'Concat', branches: times(2, chain(...times(22, twice))) },
      /numbers after this layer/,
    ],
    ['Concats in each other', chain(...times(30, nested(20))), /numbers after this layer/],
    [
      'Concats behind norms',
      chain({ type: 'Standardize', numFeatures: 1_000_000 }, ...times(4, twice)),
      /numbers after this layer/,
    ],
    [
      'Concats in a residual',
      { type: 'Residual', inner: chain(...times(30, twice)) },
      /numbers after this layer/,
    ],
  ])('%s: refused before memory is taken', async (_, architecture, message) => {
    const error = await cost(() => loadModel(described(architecture)));
    expect(error).toBeInstanceOf(RangeError);
    expect(error?.message).toMatch(message);
    expect(error?.message).toMatch(/^loadModel: /);
    const other = await cost(
      () => load(described(architecture) as Uint8Array<ArrayBuffer>, { inFeatures: 2 }) as never,
    );
    expect(other).toBeInstanceOf(RangeError);
    expect(other?.message).toMatch(/^load: /);
  });

  it('a header that claims more than there is', async () => {
    for (const claim of [2 ** 31, 2 ** 32 - 1, 99_999_999]) {
      const file = new Uint8Array(16);
      new DataView(file.buffer).setUint32(0, claim, true);
      file[8] = 0x7b;
      for (const run of [
        () => loadModel(file),
        () => load(file) as never,
        () => loadWeights(new nn.Linear(1, 1), file),
      ]) {
        expect(await cost(run)).toBeInstanceOf(RangeError);
      }
    }
  });

  it('what is large and fits is still read', async () => {
    const model = new nn.Sequential(new nn.Linear(1000, 1000), new nn.Concat(new nn.ReLU(), new nn.Tanh()));
    expect(Buffer.compare(encodeWeights(await loadModel(encodeModel(model))), encodeWeights(model))).toBe(0);
  });
});

describe('a LayersModel', () => {
  const file = (layers: unknown[], weights: unknown[]): Uint8Array =>
    new TextEncoder().encode(
      JSON.stringify({
        modelTopology: { class_name: 'Sequential', config: { layers } },
        weightsManifest: [{ paths: ['a'], weights }],
      }),
    );
  const dense = { class_name: 'Dense', config: { name: 'd', units: 1, use_bias: false } };
  const norm = { class_name: 'BatchNormalization', config: { name: 'n', scale: false } };
  const weight = (name: string, ...shape: number[]) => ({ name, shape, dtype: 'float32' });
  it.each<[string, Uint8Array]>([
    ['a kernel of many rows without columns', file([dense], [weight('d/kernel', 2 ** 53 - 1, 0)])],
    ['a kernel of many columns without rows', file([dense], [weight('d/kernel', 0, 2 ** 53 - 1)])],
    [
      'statistics without numbers',
      file([norm], [weight('n/moving_mean', 2 ** 31, 0), weight('n/moving_variance', 2 ** 31, 0)]),
    ],
    ['a kernel that is not there', file([dense], [weight('d/kernel', 2 ** 20, 2 ** 20)])],
  ])('%s: refused before memory is taken', async (_, json) => {
    const error = await cost(() => loadLayersModel(json, { weights: [new Uint8Array()] }));
    expect(error).toBeInstanceOf(RangeError);
    expect(error?.message).toMatch(/^loadLayersModel: /);
  });
});
