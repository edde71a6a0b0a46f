import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe as suite, expect, it } from 'vitest';
import { nn, tensor } from 'wasmgrad';
import { numbersOf } from '../../../src/forward/numbersOf.js';
import { build, describe } from '../../../src/io/architecture.js';
import { encodeOnnx, loadOnnx, saveOnnx } from '../../../src/io/foreignModels.js';
import { readModel } from '../../../src/io/onnx/messages.js';
import { readOnnx } from '../../../src/io/onnx/readOnnx.js';
import { writeOnnx } from '../../../src/io/onnx/writeOnnx.js';
import type { StoredModel, StoredTensor } from '../../../src/io/storedModel.js';
import { filled } from '../../support/architectures.js';
import { bounded } from '../../support/errorBounds.js';
import { root } from '../../support/files.js';
import { runOnnx } from '../../support/onnxRuntime.js';
import { random } from '../../support/random.js';

/** Models with a shape of row each, for ONNX Runtime, and for tests/reference/checkOnnx.py. */
const models: Record<string, { model: nn.Module; row: number[]; inputShape?: number[]; whole?: boolean }> = {
  classifier: {
    model: new nn.Sequential(new nn.Linear(5, 8), new nn.ReLU(), new nn.Linear(8, 3)),
    row: [5],
  },
  'every layer': {
    model: new nn.Sequential(
      new nn.Standardize(6),
      new nn.Linear(6, 8, { bias: false }),
      new nn.BatchNorm1d(8),
      new nn.GELU(),
      new nn.Dropout(0.5),
      new nn.Residual(new nn.Sequential(new nn.LayerNorm(8), new nn.Linear(8, 8), new nn.SiLU())),
      new nn.Concat(new nn.Tanh(), new nn.Mish(), new nn.Softplus(2, 1), new nn.Identity()),
      new nn.RMSNorm(32),
      new nn.Linear(32, 4),
      new nn.PReLU(4),
      new nn.Hardtanh(-2, 0.5),
      new nn.SELU(),
      new nn.ELU(0.3),
      new nn.LeakyReLU(),
      new nn.Sigmoid(),
      new nn.LogSoftmax(),
    ),
    row: [6],
  },
  embedding: {
    model: new nn.Sequential(new nn.Embedding(9, 3), new nn.Flatten(), new nn.Linear(12, 2)),
    row: [4],
    whole: true,
  },
  'embedding alone': { model: new nn.Embedding(9, 3), row: [4], whole: true },
  signals: {
    model: new nn.Sequential(new nn.BatchNorm1d(3), new nn.PReLU(3), new nn.Softmax(-1), new nn.Flatten()),
    row: [3, 4],
    inputShape: [3, 4],
  },
  images: {
    model: new nn.Sequential(new nn.LayerNorm([3, 4]), new nn.Flatten(), new nn.Linear(12, 2)),
    row: [3, 4],
  },
  nothing: { model: new nn.Sequential(new nn.Dropout(0.1)), row: [3] },
};
const folder = join(root, 'build/onnx');
mkdirSync(folder, { recursive: true });

suite('files that this library writes', () => {
  it.each(Object.entries(models))('run in ONNX Runtime at any batch size: %s', async (name, entry) => {
    const { model, row, inputShape, whole } = entry;
    filled(model, 7).eval();
    const stored = describe(model);
    const file = encodeOnnx(model, inputShape && { inputShape });
    writeFileSync(join(folder, `${name}.onnx`), file);
    const size = row.reduce((a, b) => a * b, 1);
    for (const batch of [1, 2, 17]) {
      const draw = random(batch);
      const rows = Float32Array.from({ length: batch * size }, () =>
        whole ? Math.floor(draw() * 9) : draw() * 4 - 2,
      );
      const result = await runOnnx(file, rows, [batch, ...row]);
      const own = model.forward(tensor(rows, { shape: [batch, ...row] }));
      expect(result.shape).toEqual(own.shape);
      const width = own.size / batch;
      for (let i = 0; i < batch; i++) {
        // Of rows of one dimension there are bounds; of the others, whose layers are two or three, a few roundings.
        const numbers = [...rows.subarray(i * size, (i + 1) * size)];
        const errors = row.length === 1 ? bounded(stored, numbers).error : undefined;
        for (let j = i * width; j < (i + 1) * width; j++) {
          const limit = errors ? 2 * errors[j % width] : 2e-6 * Math.max(1, Math.abs(own.data[j]));
          expect(Math.abs(result.data[j] - own.data[j])).toBeLessThanOrEqual(limit);
        }
      }
    }
  });

  it('say opset 13, IR version 7, any batch, and PyTorch’s names', () => {
    const model = new nn.Sequential(
      new nn.Linear(3, 2),
      new nn.BatchNorm1d(2),
      new nn.Residual(new nn.Linear(2, 2)),
    );
    const file = encodeOnnx(model, { metadata: { author: 'me' }, inputName: 'rows', outputName: 'scores' });
    // ModelProto.ir_version is the first field.
    expect([...file.subarray(0, 2)]).toEqual([8, 7]);
    const { graph, opset, metadata } = readModel(file);
    expect(opset).toBe(13);
    expect(metadata).toEqual({ author: 'me' });
    expect(graph.inputs).toEqual([{ name: 'rows', dims: [undefined, 3] }]);
    expect(graph.outputs).toEqual([{ name: 'scores', dims: [undefined, 2] }]);
    expect(graph.initializers.map(({ name }) => name)).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '1.running_mean',
      '1.running_var',
      '2.inner.weight',
      '2.inner.bias',
    ]);
    expect(graph.initializers[0].dims).toEqual([2, 3]);
    expect(graph.nodes[0]).toMatchObject({
      op: 'Gemm',
      name: '/0/Gemm',
      inputs: ['rows', '0.weight', '0.bias'],
    });
    expect(readOnnx(file).metadata).toEqual({ author: 'me' });
  });

  it('keep every option of a layer', async () => {
    const model = new nn.Sequential(
      new nn.Linear(2, 3, { bias: false }),
      new nn.BatchNorm1d(3, { eps: 0.002, momentum: 0.3 }),
      new nn.Softplus(2, 1),
      new nn.Softplus(1, 5),
      new nn.Softplus(0.5),
      new nn.LayerNorm(3, { eps: 1e-4, bias: false }),
      new nn.RMSNorm(3, { eps: 0 }),
      new nn.LeakyReLU(0.15),
      new nn.ELU(0.7),
      new nn.Hardtanh(-3, 0.1),
      new nn.PReLU(3),
      new nn.LogSoftmax(0),
    );
    expect(readOnnx(encodeOnnx(model)).architecture).toEqual(describe(model).architecture);
    // Above the threshold the sum itself, far from what the curve is there.
    const straight = await runOnnx(encodeOnnx(new nn.Softplus(2, 1)), Float32Array.of(0.75, 0.25), [1, 2]);
    expect([...straight.data].map((value) => value.toFixed(4))).toEqual(['0.7500', '0.4870']);
  });

  it('end in probabilities where predict() does, or not', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3));
    const rows = Float32Array.of(1, 2);
    for (const output of ['softmax', 'sigmoid'] as const) {
      model.output = output;
      const [with_, without] = [encodeOnnx(model), encodeOnnx(model, { probabilities: false })];
      const probabilities = await runOnnx(with_, rows, [1, 2]);
      model.predict(rows).forEach((p, i) => expect(probabilities.data[i]).toBeCloseTo(p, 6));
      const logits = await runOnnx(without, rows, [1, 2]);
      model
        .forward(tensor([[1, 2]]))
        .data.forEach((value, i) => expect(logits.data[i]).toBeCloseTo(value, 6));
      expect([readOnnx(with_).output, readOnnx(without).output]).toEqual([output, 'raw']);
    }
  });

  it('hold weights of 8 bits as such, and give them back', async () => {
    const description = describe(
      filled(new nn.Sequential(new nn.Embedding(5, 2), new nn.Flatten(), new nn.Linear(4, 3)), 1),
    );
    const quantized = new Map<string, StoredTensor>(
      [...description.state].map(([name, one]) => {
        if (!name.endsWith('weight')) return [name, one];
        const width = one.shape[1];
        const scale = Float32Array.from({ length: one.shape[0] }, (_, i) => {
          return Math.max(...one.values.subarray(i * width, (i + 1) * width).map(Math.abs)) / 127;
        });
        const values = Int8Array.from(one.values, (value, i) =>
          Math.round(value / scale[Math.floor(i / width)]),
        );
        return [name, { shape: one.shape, values, scale }];
      }),
    );
    const stored: StoredModel = { ...description, state: quantized };
    const file = writeOnnx(stored);
    expect(readOnnx(file).state).toEqual(quantized);
    const plain = new Map(
      [...quantized].map(([name, one]) => [name, { shape: one.shape, values: numbersOf(one) }]),
    );
    const wanted = build({ ...stored, state: plain }).predict([[1, 4]]) as number[][];
    const result = await runOnnx(file, Float32Array.of(1, 4), [1, 2]);
    wanted[0].forEach((value, i) => expect(result.data[i]).toBeCloseTo(value, 5));
    // Weights over 1 in 4 bytes would not fit.
    const large = new Map([
      ['weight', { shape: [64, 64], values: new Int8Array(4096), scale: new Float32Array(64) }],
    ]);
    const linear = { type: 'Linear', inFeatures: 64, outFeatures: 64, bias: false } as const;
    expect(writeOnnx({ ...stored, architecture: linear, state: large }).length).toBeLessThan(5000);
  });

  it('are saved and loaded by path', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh());
    const path = join(folder, 'saved.onnx');
    await saveOnnx(model, path);
    const again = await loadOnnx(path);
    expect(again.predict([1, 2])).toEqual(model.predict([1, 2]));
    expect(again.training).toBe(false);
  });

  it('are not written of what ONNX has nothing like', () => {
    const untracked = new nn.Sequential(new nn.BatchNorm1d(2, { trackRunningStats: false }));
    expect(() => encodeOnnx(untracked)).toThrow(/encodeOnnx: 0: BatchNorm1d without running statistics/);
    const wrong = new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(2, 3));
    expect(() => encodeOnnx(wrong)).toThrow(
      /encodeOnnx: 1: Linear takes rows of 2 features, and is given \[batch, 3\]/,
    );
    class Own extends nn.Linear {}
    expect(() => encodeOnnx(new Own(1, 1))).toThrow(TypeError);
    expect(() => encodeOnnx(wrong, { opset: 9 } as object)).toThrow(/opset/);
  });
});
