import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nn } from 'wasmgrad';
import { load } from 'wasmgrad/infer';
import {
  encodeModel,
  encodeOnnx,
  encodeWeights,
  exportWasm,
  loadModel,
  quantize,
  writeSafetensors,
} from 'wasmgrad/io';
import { HEADER_BYTES } from '../../assembly/forward/format.js';
import { compile } from '../../src/forward/compile.js';
import { DATA, sectionsOf } from '../../src/forward/sections.js';
import { describe as described } from '../../src/io/architecture.js';
import { architectures, filled } from '../support/architectures.js';
import { random } from '../support/random.js';
import { expectSamePredictions } from '../support/forward.js';

const small = (): nn.Sequential =>
  filled(
    new nn.Sequential(new nn.Linear(4, 6), new nn.BatchNorm1d(6), new nn.ReLU(), new nn.Linear(6, 3)),
    1,
  );
const ROWS = [
  [1, -2, 0.5, 3],
  [0, 1, 2, -1],
  [4, 4, -4, 0.25],
  [1, 1, 1, 1],
];

describe('load', () => {
  it('gives what random models predict, from safetensors and model.wasm', async () => {
    const outputs = fc.constantFrom('raw' as const, 'softmax' as const, 'sigmoid' as const);
    const property = fc.asyncProperty(architectures(), outputs, async ({ make, rows }, output) => {
      const model = make();
      model.output = output;
      const inFeatures = rows[0].length;
      for (const file of [encodeModel(model), exportWasm(model, { inFeatures })]) {
        const loaded = await load(file, { inFeatures });
        expect(loaded.inFeatures).toBe(inFeatures);
        expectSamePredictions(model, loaded.predict(rows), rows);
      }
    });
    await fc.assert(property, { numRuns: 150 });
  });

  it('reads ONNX', async () => {
    const model = new nn.Sequential(new nn.Linear(4, 6), new nn.ReLU(), new nn.Linear(6, 3));
    model.output = 'softmax';
    const loaded = await load(encodeOnnx(model));
    expectSamePredictions(model, loaded.predict(ROWS), ROWS);
  });

  it("reads TensorFlow.js' LayersModel", async () => {
    const dense = {
      class_name: 'Dense',
      config: { name: 'dense', units: 1, use_bias: false, activation: 'relu' },
    };
    const json = {
      modelTopology: { class_name: 'Sequential', config: { layers: [dense] } },
      weightsManifest: [
        { paths: ['w.bin'], weights: [{ name: 'dense/kernel', shape: [2, 1], dtype: 'float32' }] },
      ],
    };
    const weights = [new Uint8Array(Float32Array.of(1, 2).buffer)];
    const loaded = await load(new TextEncoder().encode(JSON.stringify(json)), { weights });
    expect(loaded.predict([3, 4])).toEqual([11]);
  });

  it('reads models in 8 bits with the bits of the model that wrote them', async () => {
    const quantized = quantize(small(), ROWS);
    const expected = quantized.predict(ROWS);
    for (const file of [encodeModel(quantized), exportWasm(quantized)]) {
      expect((await load(file)).predict(ROWS)).toEqual(expected);
    }
    expect((await loadModel(encodeModel(quantized))).predict(ROWS)).toEqual(expected);
  });

  it('takes what readFile() gives: a view of bytes, wherever they lie in memory', async () => {
    const model = small();
    for (const file of [encodeModel(model), exportWasm(model), encodeOnnx(model)]) {
      const expected = (await load(file)).predict(ROWS);
      for (const shift of [0, 1]) {
        const buffer = Buffer.alloc(file.length + shift);
        buffer.set(file, shift);
        expect((await load(buffer.subarray(shift))).predict(ROWS)).toEqual(expected);
      }
    }
  });

  it('keeps what the file says beside the model', async () => {
    const metadata = { labels: 'a,b,c' };
    expect((await load(encodeModel(small(), { metadata }))).metadata).toEqual(metadata);
  });

  it('does not change a model that is loaded by loading another', async () => {
    const first = await load(encodeModel(small()));
    const before = first.predict(ROWS);
    const second = await load(exportWasm(filled(new nn.Linear(4, 3), 9)));
    second.predict(ROWS);
    expect(first.predict(ROWS)).toEqual(before);
  });

  it('says what a file lacks', async () => {
    await expect(load(encodeWeights(small()))).rejects.toThrow('not the layers that they belong to');
    await expect(load(new Uint8Array(5))).rejects.toThrow(RangeError);
    await expect(load(new Uint8Array(0))).rejects.toThrow(RangeError);
    const other = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(WebAssembly.Module.exports(other)).toEqual([]);
    await expect(load(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))).rejects.toThrow(
      'not one that exportWasm() wrote',
    );
  });
});

describe('a damaged file', () => {
  const files = {
    safetensors: encodeModel(small()),
    'safetensors in 8 bits': encodeModel(quantize(small(), ROWS)),
    'model.wasm': exportWasm(small()),
    'model.wasm in 8 bits': exportWasm(quantize(small(), ROWS)),
  };

  describe.each(Object.entries(files))('%s', (_, file) => {
    it('is refused wherever it is cut off', async () => {
      for (let length = 0; length < file.length; length += length < 64 ? 1 : 97) {
        await expect(load(file.slice(0, length)), `${length} bytes`).rejects.toThrow(RangeError);
      }
    });

    it('predicts or is refused with flipped bits, and never anything else', async () => {
      const draw = random(file.length);
      let refused = 0;
      for (let i = 0; i < 1500; i++) {
        const damaged = file.slice();
        const flips = 1 + Math.floor(draw() * 3);
        for (let j = 0; j < flips; j++)
          damaged[Math.floor(draw() * file.length)] ^= 1 << Math.floor(draw() * 8);
        try {
          const loaded = await load(damaged);
          loaded.predict(new Float32Array(loaded.inFeatures));
        } catch (error) {
          refused++;
          if (!(error instanceof RangeError)) throw error;
        }
      }
      expect(refused).toBeGreaterThan(50);
    });
  });

  it('with numbers that are not finite is refused, and says where', async () => {
    const model = small();
    const weight = model.stateDict()['0.weight'].data;
    weight[5] = NaN;
    model.loadStateDict({ ...model.stateDict(), '0.weight': weight });
    await expect(load(encodeModel(model))).rejects.toThrow('0.weight holds NaN at position 5');
    await expect(load(exportWasm(model))).rejects.toThrow(/the number at byte \d+ of the data is not finite/);
  });

  it('with tensors that overlap is refused before they take memory', async () => {
    const tensors = Array.from(
      { length: 1000 },
      (_, i) => `"${i}.bias":{"dtype":"F32","shape":[25000],"data_offsets":[0,100000]}`,
    );
    const architecture = JSON.stringify(JSON.stringify({ type: 'ReLU' }));
    const header = `{"__metadata__":{"wasmgrad/architecture":${architecture},"wasmgrad/output":"raw"},${tensors.join(',')}}`;
    const file = new Uint8Array(8 + header.length + 100_000);
    new DataView(file.buffer).setUint32(0, header.length, true);
    file.set(new TextEncoder().encode(header), 8);
    await expect(load(file)).rejects.toThrow('longer together than the file');
  });

  it('with layers nested without end is refused', async () => {
    const deep = '{"type":"Sequential","layers":['.repeat(50_000) + ']}'.repeat(50_000);
    const file = writeSafetensors(new Map(), { 'wasmgrad/architecture': deep, 'wasmgrad/output': 'raw' });
    await expect(load(file)).rejects.toThrow(RangeError);
  });

  it('that says another module is one is refused: only numbers are taken from a model.wasm', async () => {
    const file = exportWasm(small());
    const at = (text: string): number => Buffer.from(file).indexOf(text);
    const renamed = file.slice();
    renamed.set(new TextEncoder().encode('wasmgraX'), at('wasmgrad'));
    await expect(load(renamed)).rejects.toThrow('not one that exportWasm() wrote');
    const wider = file.slice();
    wider.set(new TextEncoder().encode('["Linear",4,7'), at('["Linear",4,6'));
    await expect(load(wider)).rejects.toThrow(RangeError);
    const other = file.slice();
    other.set(new TextEncoder().encode('"version":1'), at('"version":2'));
    await expect(load(other)).rejects.toThrow('expected version 2, got 1');
  });

  it('whose list of layers has some with others inside is refused: repeated, they could become any number', async () => {
    const softmax = [new nn.Softmax(-1), new nn.Softmax(-1)];
    const file = Buffer.from(exportWasm(new nn.Sequential(new nn.Linear(4, 6), ...softmax)));
    file.set(Buffer.from('["Concat",[0]]'), file.indexOf('["Softmax",-1]'));
    await expect(load(file)).rejects.toThrow('Concat: expected branches to be a list of layers');
  });

  it('has a program that is not believed', async () => {
    // Standardize has two of the four vectors that its step can have.
    const made = filled(new nn.Sequential(new nn.Standardize(4), new nn.Linear(4, 3)), 2);
    const file = exportWasm(made);
    const model = await load(file);
    const expected = model.predict(ROWS);
    // Header and steps of the image, before and behind the constants: every byte of them set to something wild.
    const { architecture, output } = described(made);
    const { constants, size } = compile('test', architecture, { output, eight: new Set() });
    const wild = file.slice();
    const { contents } = sectionsOf('test', wild).find(({ id }) => id === DATA)!;
    const begin = contents.length - size;
    const last = constants.at(-1)!;
    contents.fill(0xff, begin, begin + HEADER_BYTES);
    contents.fill(0xff, begin + last.at + last.bytes);
    expect((await load(wild)).predict(ROWS)).toEqual(expected);
  });
});
