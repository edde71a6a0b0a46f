import { describe as suite, expect, it } from 'vitest';
import { data, fit, nn, optim, tensor } from 'wasmgrad';
import { build } from '../../../src/io/architecture.js';
import { readOnnx } from '../../../src/io/onnx/readOnnx.js';
import reference from '../../reference/onnxModels.json' with { type: 'json' };
import { bounded } from '../../support/errorBounds.js';

interface Stored {
  shape: number[];
  data: number[];
}
const cases = Object.entries(reference as Record<string, { file: string; rows: Stored; output: Stored }>);
const fileOf = (name: string): Uint8Array =>
  Uint8Array.from(Buffer.from(cases.find(([key]) => key === name)![1].file, 'base64'));
const typesOf = (name: string): string => {
  const { architecture } = readOnnx(fileOf(name));
  return architecture.type === 'Sequential' ? architecture.layers.map(({ type }) => type).join(' ') : '';
};

suite('files by others', () => {
  it.each(cases)('%s', (_, { file, rows, output }) => {
    const stored = readOnnx(Uint8Array.from(Buffer.from(file, 'base64')));
    const model = build(stored);
    const own = model.predict(tensor(Float32Array.from(rows.data), { shape: rows.shape })) as number[][];
    const [count, width] = output.shape;
    expect(own.length).toBe(count);
    const size = rows.data.length / count;
    for (let i = 0; i < count; i++) {
      expect(own[i].length).toBe(width);
      const { value, error } = bounded(stored, rows.data.slice(i * size, (i + 1) * size));
      for (let j = 0; j < width; j++) {
        // scikit-learn computes in float64, of numbers that the file holds in float32: twice the error of float32.
        const wanted = output.data[i * width + j];
        expect(Math.abs(own[i][j] - value[j])).toBeLessThanOrEqual(error[j]);
        expect(Math.abs(wanted - value[j])).toBeLessThanOrEqual(2 * error[j] + 1e-8);
        expect(error[j]).toBeLessThan(0.002);
      }
    }
  });

  it('become the layers that they were', () => {
    const layers =
      'Linear BatchNorm1d GELU LayerNorm SiLU Mish Softplus Hardtanh PReLU LeakyReLU ELU SELU Linear LayerNorm PReLU';
    for (const opset of [11, 13, 16]) {
      expect(typesOf(`PyTorch, opset ${opset}: layers`)).toBe(`${layers} LogSoftmax`);
    }
    expect(typesOf('PyTorch, opset 14: blocks')).toBe('Linear Residual Concat RMSNorm Linear');
    expect(typesOf('newer PyTorch, opset 17')).toBe('Linear LayerNorm GELU Linear');
    expect(typesOf('PyTorch, opset 13: embedding')).toBe('Embedding Flatten Linear ReLU Linear');
    expect(typesOf('scikit-learn: three classes, scaled, ZipMap')).toBe(
      'Standardize Linear ReLU Linear ReLU Linear',
    );
  });

  it('keep what their layers were told, as it was written', () => {
    const { architecture } = readOnnx(fileOf('PyTorch, opset 13: layers'));
    expect(architecture).toMatchObject({
      layers: expect.arrayContaining([
        {
          type: 'BatchNorm1d',
          numFeatures: 8,
          eps: 0.001,
          momentum: 0.2,
          affine: true,
          trackRunningStats: true,
        },
        { type: 'LayerNorm', normalizedShape: [8], eps: 1e-5, elementwiseAffine: true, bias: true },
        { type: 'LayerNorm', normalizedShape: [4], eps: 1e-5, elementwiseAffine: false, bias: false },
        { type: 'Softplus', beta: 2, threshold: 20 },
        { type: 'Hardtanh', min: -0.5, max: 1.5 },
        { type: 'LeakyReLU', negativeSlope: 0.2 },
        { type: 'ELU', alpha: 0.7 },
      ]) as unknown,
    });
  });

  it('give logits and say what predict() makes of them', () => {
    expect(readOnnx(fileOf('scikit-learn: three classes, scaled, ZipMap')).output).toBe('softmax');
    expect(readOnnx(fileOf('scikit-learn: two classes')).output).toBe('sigmoid');
    expect(readOnnx(fileOf('PyTorch, opset 14: blocks')).output).toBe('sigmoid');
    expect(readOnnx(fileOf('PyTorch, opset 13: mlp')).output).toBe('raw');
  });

  it.each([
    'PyTorch, opset 16: layers',
    'PyTorch, opset 14: blocks',
    'scikit-learn: three classes, scaled, ZipMap',
  ])('can be trained on: %s', async (name) => {
    const model = build(readOnnx(fileOf(name)));
    const raw = model.output;
    const width = name.startsWith('scikit') ? 4 : 6;
    const rows = Array.from({ length: 64 }, (_, i) =>
      Array.from({ length: width }, (_unused, j) => Math.sin(i * (j + 1)) + (width === 4 ? j : 0)),
    );
    const outputs = (model.predict(rows.slice(0, 1)) as number[][])[0].length;
    const targets =
      raw === 'sigmoid'
        ? rows.map(([a]) => [a > 0 ? 1 : 0])
        : rows.map(([a, b]) => (a > b ? 1 : 0) % outputs);
    const loss =
      raw === 'sigmoid'
        ? new nn.BCEWithLogitsLoss()
        : raw === 'softmax'
          ? new nn.CrossEntropyLoss()
          : new nn.NLLLoss();
    const history = await fit(model, {
      data: new data.DataLoader(new data.TensorDataset(rows, targets), {
        batchSize: 16,
        shuffle: true,
        seed: 1,
      }),
      loss,
      optimizer: new optim.Adam(model.parameters(), { lr: 0.01 }),
      epochs: 30,
    });
    expect(history.epochs.at(-1)!.loss).toBeLessThan(0.6 * history.epochs[0].loss);
  });
});
