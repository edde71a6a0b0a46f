import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe as suite, expect, it } from 'vitest';
import { data, fit, nn, optim, tensor } from 'wasmgrad';
import { loadLayersModel } from '../../src/io/foreignModels.js';
import { parseLayersModel, readLayersModel } from '../../src/io/layersModel/readLayersModel.js';
import type { StoredModel } from '../../src/io/storedModel.js';
import reference from '../reference/layersModels.json' with { type: 'json' };
import { bounded } from '../support/errorBounds.js';

interface Numbers {
  shape: number[];
  data: number[];
}
interface Case {
  json: { weightsManifest: { paths: string[] }[] };
  weights: string[];
  rows: Numbers;
  output: Numbers;
}
const cases = Object.entries(reference as unknown as Record<string, Case>);
const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
const bytesOf = (weights: readonly string[]): Uint8Array[] =>
  weights.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
const read = ({ json, weights }: Pick<Case, 'json' | 'weights'>): StoredModel =>
  readLayersModel(parseLayersModel(encode(json)), bytesOf(weights));
const typesOf = ({ architecture }: StoredModel): string[] =>
  architecture.type === 'Sequential' ? architecture.layers.map(({ type }) => type) : [];

suite('models of TensorFlow.js', () => {
  it.each(cases)('predict what they did: %s', async (_, one) => {
    const stored = read(one);
    const model = await loadLayersModel(encode(one.json), { weights: bytesOf(one.weights) });
    const rows = tensor(Float32Array.from(one.rows.data), { shape: one.rows.shape });
    const own = model.predict(rows) as number[][];
    const [count, width] = one.output.shape;
    const size = one.rows.data.length / count;
    expect(own.map((row) => row.length)).toEqual(Array.from({ length: count }, () => width));
    own.forEach((row, i) => {
      const { value, error } = bounded(stored, one.rows.data.slice(i * size, (i + 1) * size));
      row.forEach((number, j) => {
        expect(Math.abs(number - value[j])).toBeLessThanOrEqual(error[j]);
        expect(Math.abs(one.output.data[i * width + j] - value[j])).toBeLessThanOrEqual(error[j]);
        expect(error[j]).toBeLessThan(0.002);
      });
    });
  });

  it('keep their layers and options', () => {
    const stored = read(reference['a classifier'] as unknown as Case);
    expect(typesOf(stored).join(' ')).toBe('Linear ReLU Dropout BatchNorm1d Linear BatchNorm1d Tanh Linear');
    expect(stored.output).toBe('softmax');
    expect(stored.architecture).toMatchObject({
      layers: [
        { inFeatures: 5, outFeatures: 8, bias: true },
        {},
        { p: 0.2 },
        { numFeatures: 8, eps: 0.002, momentum: 0.1 },
        { inFeatures: 8, outFeatures: 6, bias: false },
        { eps: 0.001, momentum: 0.01, affine: true },
        {},
        { inFeatures: 6, outFeatures: 3 },
      ],
    });
    // Without a shift there is one that changes nothing.
    expect([...stored.state.get('5.bias')!.values]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('are found in a folder, with their weights', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'layersModel-'));
    try {
      const one = reference['as converted from Keras, quantized'] as unknown as Case;
      writeFileSync(join(folder, 'model.json'), encode(one.json));
      const paths = one.json.weightsManifest.flatMap((group) => group.paths);
      bytesOf(one.weights).forEach((bytes, i) => writeFileSync(join(folder, paths[i]), bytes));
      const models: nn.Module[] = [
        await loadLayersModel(join(folder, 'model.json')),
        await loadLayersModel(new URL(`file://${folder}/model.json`)),
        await loadLayersModel(encode(one.json), { weights: bytesOf(one.weights) }),
      ];
      const [first, ...others] = models.map((model) => model.predict([1, 2, 3, 4, 5]));
      for (const other of others) expect(other).toEqual(first);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('can be trained on', async () => {
    const one = reference['a classifier'] as unknown as Case;
    const model = await loadLayersModel(encode(one.json), { weights: bytesOf(one.weights) });
    const rows = Array.from({ length: 60 }, (_, i) => [0, 1, 2, 3, 4].map((j) => Math.sin(i * (j + 1))));
    const labels = rows.map(([a, b]) => (a > b ? 1 : 0));
    const history = await fit(model, {
      data: new data.DataLoader(new data.TensorDataset(rows, labels), {
        batchSize: 20,
        shuffle: true,
        seed: 1,
      }),
      loss: new nn.CrossEntropyLoss(),
      optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }),
      epochs: 30,
    });
    expect(history.epochs.at(-1)!.loss).toBeLessThan(0.6 * history.epochs[0].loss);
  });
});

const dense = (config: object = {}): object => ({
  class_name: 'Dense',
  config: { name: 'dense', units: 1, use_bias: false, activation: 'linear', ...config },
});
const kernel = { name: 'dense/kernel', shape: [2, 1], dtype: 'float32' };
const json = (layers: unknown, weights: unknown = [kernel], paths: unknown = ['w.bin']): unknown => ({
  modelTopology: { class_name: 'Sequential', config: { name: 'm', layers } },
  weightsManifest: [{ paths, weights }],
});
const eight = [new Uint8Array(Float32Array.of(1, 2).buffer)];
const readJson = (value: unknown, shards: Uint8Array[] = eight): StoredModel =>
  readLayersModel(parseLayersModel(encode(value)), shards);

suite('what is no such model, or damaged', () => {
  it('is read where it is right', () => {
    expect(readJson(json([dense()])).state.get('0.weight')).toEqual({
      shape: [1, 2],
      values: Float32Array.of(1, 2),
    });
    // As the first versions of Keras wrote it, and as Keras 3 does.
    const old = { modelTopology: { class_name: 'Sequential', config: [dense()] } };
    expect(readJson({ ...(json([]) as object), ...old }).state.size).toBe(1);
    const call = (name: string): unknown => [
      { args: [{ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }], kwargs: {} },
    ];
    const layers = [
      {
        class_name: 'InputLayer',
        name: 'x',
        config: { name: 'x', batch_shape: [null, 2] },
        inbound_nodes: [],
      },
      { ...dense(), name: 'dense', inbound_nodes: call('x') },
    ];
    const functional = {
      class_name: 'Functional',
      config: { name: 'm', layers, input_layers: ['x', 0, 0], output_layers: ['dense', 0, 0] },
    };
    expect(readJson({ ...(json([]) as object), modelTopology: functional }).state.size).toBe(1);
  });

  const conv = { class_name: 'Conv2D', config: { name: 'conv', filters: 3 } };
  const big = { ...kernel, shape: [2 ** 40, 2 ** 20] };
  const branches = {
    class_name: 'Model',
    config: {
      layers: [
        { class_name: 'InputLayer', name: 'x', config: { name: 'x' }, inbound_nodes: [] },
        {
          class_name: 'Add',
          name: 'sum',
          config: {},
          inbound_nodes: [
            [
              ['x', 0, 0, {}],
              ['x', 0, 0, {}],
            ],
          ],
        },
      ],
      input_layers: [['x', 0, 0]],
      output_layers: [['sum', 0, 0]],
    },
  };
  const circle = structuredClone(branches);
  circle.config.layers[1] = {
    class_name: 'ReLU',
    name: 'sum',
    config: {},
    inbound_nodes: [[['sum', 0, 0, {}]]],
  } as never;
  const nested = (depth: number): unknown =>
    depth === 0 ? dense() : { class_name: 'Sequential', config: { layers: [nested(depth - 1)] } };
  const manifest = (json([]) as { weightsManifest: unknown }).weightsManifest;

  it.each<[string, unknown, RegExp]>([
    ['a layer that is not known', json([conv]), /layer 'conv' \(Conv2D\): there is no layer/],
    [
      'an activation',
      json([dense({ activation: 'hard_sigmoid' })]),
      /'dense' \(Dense\).* activation 'hard_sigmoid'/,
    ],
    [
      'a weight that is not there',
      json([dense({ name: 'other' })]),
      /layer 'other': no weight 'other\/kernel'/,
    ],
    [
      'a file that is too short',
      json([dense()], [kernel, { ...kernel, name: 'b/kernel' }]),
      /b\/kernel takes 8 bytes.* 0/,
    ],
    ['a file that is too long', json([dense()], []), /weights take 0 bytes, and their files have 8/],
    ['sizes that overflow', json([dense()], [big]), /dense\/kernel takes .* bytes/],
    [
      'a size that is no number',
      json([dense()], [{ ...kernel, shape: [-1, 2] }]),
      /expected name, shape and dtype/,
    ],
    [
      'another type of numbers',
      json([dense()], [{ ...kernel, dtype: 'complex64' }]),
      /numbers of type 'complex64'/,
    ],
    [
      'a kernel of three dimensions',
      json([dense()], [{ ...kernel, shape: [1, 2, 1] }]),
      /kernel of two dimensions/,
    ],
    [
      'a quantization without scale',
      json([dense()], [{ ...kernel, shape: [8, 1], quantization: { dtype: 'uint8' } }]),
      /scale and min/,
    ],
    ['rows of two dimensions', json([dense({ batch_input_shape: [null, 3, 2] })]), /only after Flatten/],
    ['a layer twice', json([dense(), dense()]), /two layers 'dense'/],
    [
      'a path above the folder',
      json([dense()], [kernel], ['../w.bin']),
      /folder of the model, got '\.\.\/w\.bin'/,
    ],
    ['a path elsewhere', json([dense()], [kernel], ['https://x.test/w.bin']), /folder of the model/],
    ['models nested without end', { modelTopology: nested(80), weightsManifest: manifest }, /64 deep/],
    [
      'branches',
      { modelTopology: branches, weightsManifest: manifest },
      /'sum': expected one layer before it, got 2/,
    ],
    ['a circle', { modelTopology: circle, weightsManifest: manifest }, /'sum' is used more than once/],
    ['a graph model', { format: 'graph-model', modelTopology: {} }, /graph model; convert/],
    ['no manifest', { modelTopology: {} }, /weightsManifest as a list, got undefined/],
    ['another JSON', [1, 2], /expected an object/],
  ])('%s: an error says so', (_, value, message) => {
    expect(() => readJson(value)).toThrow(message);
    expect(() => readJson(value)).toThrow(RangeError);
  });

  it('a Keras file: how to convert it', () => {
    const h5 = Uint8Array.of(0x89, 0x48, 0x44, 0x46, 1);
    expect(() => parseLayersModel(h5)).toThrow(/\.h5 file; convert it with: tensorflowjs_converter/);
    expect(() => parseLayersModel(Uint8Array.of(0x50, 0x4b, 3, 4))).toThrow(/\.keras file/);
    expect(() => parseLayersModel(new TextEncoder().encode('{'))).toThrow(/got no JSON/);
  });

  it('a weight that is NaN, and what is not told: where the weights are', async () => {
    const weights = [new Uint8Array(Float32Array.of(1, NaN).buffer)];
    await expect(loadLayersModel(encode(json([dense()])), { weights })).rejects.toThrow(
      /0\.weight.*NaN.*position 1/,
    );
    await expect(loadLayersModel(encode(json([dense()])))).rejects.toThrow(/expected \{ weights: \[w\.bin/);
    await expect(loadLayersModel(encode(json([dense()])), { weights: [] })).rejects.toThrow(
      /1 files of weights, got 0/,
    );
  });
});
