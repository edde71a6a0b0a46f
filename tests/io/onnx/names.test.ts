import { describe, expect, it } from 'vitest';
import { nn } from 'wasmgrad';
import { encodeOnnx, loadOnnx, quantize, type SaveOnnxOptions } from 'wasmgrad/io';
import { load } from 'wasmgrad/infer';
import { readModel } from '../../../src/io/onnx/messages.js';
import { filled } from '../../support/architectures.js';
import { runOnnx } from '../../support/onnxRuntime.js';

const rows = [
  [0.5, -1],
  [2, 0.25],
  [-3, 1],
];
const flat = Float32Array.from(rows.flat());

/** That every name in a graph is given once, and no value has an empty one. */
function expectNames(file: Uint8Array): { input: string; output: string } {
  const { graph } = readModel(file);
  const [{ name: input }] = graph.inputs;
  const [{ name: output }] = graph.outputs;
  const values = [
    input,
    ...graph.initializers.map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ];
  expect(values).not.toContain('');
  expect(new Set(values).size).toBe(values.length);
  expect(values).toContain(output);
  const nodes = graph.nodes.map(({ name }) => name);
  expect(new Set(nodes).size).toBe(nodes.length);
  return { input, output };
}

async function expectSame(model: nn.Module, file: Uint8Array, digits = 5): Promise<void> {
  const { data } = await runOnnx(file, flat, [3, 2]);
  (model.predict(rows) as number[][])
    .flat()
    .forEach((value, i) => expect(data[i]).toBeCloseTo(value, digits));
}

describe('names of a graph', () => {
  const models: Record<string, () => nn.Module> = {
    'a layer by itself': () => new nn.Linear(2, 3),
    layers: () =>
      new nn.Sequential(new nn.Linear(2, 4), new nn.Softplus(2), new nn.Softplus(2), new nn.Linear(4, 1)),
    nothing: () => new nn.Identity(),
    'a norm by itself': () => new nn.BatchNorm1d(2, { affine: false }),
    branches: () => new nn.Concat(new nn.LayerNorm(2), new nn.Residual(new nn.GELU())),
    'a quantized layer': () => quantize(filled(new nn.Linear(2, 3), 5), rows),
  };
  const names: [string, SaveOnnxOptions][] = [
    ['by default', {}],
    ['empty', { inputName: '', outputName: '' }],
    ['the same', { inputName: 'x', outputName: 'x' }],
    ['exchanged', { inputName: 'output', outputName: 'input' }],
    ['of the output alone', { inputName: 'output' }],
    ['of weights', { inputName: 'weight', outputName: 'bias' }],
    ['of weights of layers', { inputName: '0.weight', outputName: '0.bias' }],
    ['of weights in 8 bits', { inputName: 'weight_quantized', outputName: 'weight_scale' }],
    ['of nodes', { inputName: '//Gemm', outputName: '/0/Gemm' }],
    ['of the last node', { outputName: '/3/Gemm', inputName: '//Identity' }],
    ['of scalars', { inputName: '/1/beta', outputName: '/1/Softplus' }],
    ['of statistics', { inputName: '.weight', outputName: 'running_mean' }],
    ['of dimensions', { inputName: 'batch', outputName: 'columns' }],
    ['with blanks and other scripts', { inputName: ' ', outputName: '漢 字/"\\' }],
  ];
  const all = Object.keys(models).flatMap((model) =>
    names.map(([kind, options]) => ({ model, kind, options })),
  );
  it.each(all)('$model, names $kind', async ({ model: name, options }) => {
    const model = models[name]();
    const file = encodeOnnx(model, options);
    const { input, output } = expectNames(file);
    if (options.inputName) expect(input).toBe(options.inputName);
    if (options.outputName && options.outputName !== options.inputName)
      expect(output).toBe(options.outputName);
    await expectSame(model, file, name.includes('quantized') ? 2 : 5);
  });

  it.each<[string, unknown, RegExp]>([
    ['a number as a name', { inputName: 7 }, /^encodeOnnx: expected inputName to be a text, got 7/],
    ['a list as a name', { outputName: ['y'] }, /^encodeOnnx: expected outputName to be a text, got a list/],
    ['a shape that is none', { inputShape: 'wide' }, /^encodeOnnx: expected inputShape as a list/],
    ['a shape of nothing', { inputShape: [0] }, /^encodeOnnx: expected inputShape as a list/],
    ['a shape of parts', { inputShape: [1.5] }, /^encodeOnnx: expected inputShape as a list/],
    [
      'metadata that are none',
      { metadata: 'text' },
      /^encodeOnnx: expected metadata as an object of texts, got string "text"/,
    ],
    [
      'metadata that are numbers',
      { metadata: { a: 1 } },
      /^encodeOnnx: expected metadata a to be a string, got number/,
    ],
    [
      'metadata in a Map',
      { metadata: new Map([['a', 'b']]) },
      /^encodeOnnx: expected metadata as an object of texts/,
    ],
  ])('%s: an error', (_, options, message) => {
    expect(() => encodeOnnx(new nn.Linear(2, 1), options as SaveOnnxOptions)).toThrow(message);
  });
});

describe('a quantized model as ONNX', () => {
  const models: Record<string, () => nn.Module> = {
    'a layer': () => new nn.Linear(2, 3),
    'without a bias': () => new nn.Linear(2, 3, { bias: false }),
    'layers and norms': () =>
      new nn.Sequential(new nn.Linear(2, 8), new nn.BatchNorm1d(8), new nn.ReLU(), new nn.Linear(8, 3)),
    'a block': () =>
      new nn.Sequential(
        new nn.Residual(new nn.Sequential(new nn.Linear(2, 2), new nn.Tanh())),
        new nn.Linear(2, 1),
      ),
    branches: () => new nn.Concat(new nn.Linear(2, 2), new nn.Linear(2, 3)),
  };
  it.each(Object.keys(models))('%s: predicts what it predicts, and stays in 8 bits', async (name) => {
    for (const kind of ['raw', 'softmax', 'sigmoid'] as const) {
      const model = filled(models[name](), 3);
      model.output = kind;
      const quantized = quantize(model, rows);
      const file = encodeOnnx(quantized, { metadata: { made: 'here' } });
      expectNames(file);
      expect(
        readModel(file).graph.nodes.filter(({ op }) => op === 'DequantizeLinear').length,
      ).toBeGreaterThan(0);
      // Activations are rounded to 15 bits here, and not there.
      await expectSame(quantized, file, 2);
      const expected = (quantized.predict(rows) as number[][]).flat();
      for (const reader of [loadOnnx, load] as ((file: Uint8Array) => Promise<nn.Module>)[]) {
        const again = await reader(file);
        (again.predict(rows) as number[][])
          .flat()
          .forEach((value, i) => expect(value).toBeCloseTo(expected[i], 2));
      }
    }
  });

  it('of an embedding too', async () => {
    const model = filled(new nn.Sequential(new nn.Embedding(5, 3), new nn.Flatten(), new nn.Linear(6, 2)), 4);
    const words = [
      [0, 4],
      [3, 1],
      [2, 2],
    ];
    const quantized = quantize(model, words);
    const { data } = await runOnnx(encodeOnnx(quantized), Float32Array.from(words.flat()), [3, 2]);
    (quantized.predict(words) as number[][])
      .flat()
      .forEach((value, i) => expect(data[i]).toBeCloseTo(value, 2));
  });
});
