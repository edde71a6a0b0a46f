import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nn, tensor, type Tensor } from 'wasmgrad';
import {
  encodeCheckpoint,
  encodeModel,
  encodeOnnx,
  encodeWeights,
  loadModel,
  loadWeights,
  readSafetensors,
  readStateDict,
  writeSafetensors,
  type Dtype,
  type SafeTensor,
} from 'wasmgrad/io';
import { modelFromFile, modelToFile } from '../../src/io/modelFile.js';
import { toFloat32 } from '../../src/io/safetensors.js';
import { architectures, filled } from '../support/architectures.js';

/** A file with this header, whatever it says. */
function file(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(),
  claimed?: bigint,
): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const one = (dtype: string, shape: unknown, begin: number, end: number): string =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const floats = (...values: number[]) => bytesOf(Float32Array.from(values));

describe('models in safetensors', () => {
  it('come back with the same predictions, to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(
        architectures(),
        fc.constantFrom<nn.OutputKind>('raw', 'softmax', 'sigmoid'),
        fc.dictionary(
          fc.string().filter((name) => name !== 'format'),
          fc.string(),
        ),
        async ({ make, rows }, output, metadata) => {
          const model = make();
          model.output = output;
          const bytes = encodeModel(model, { metadata });
          const again = await loadModel(bytes);
          expect(again.predict(rows)).toEqual(model.predict(rows));
          expect(encodeModel(again, { metadata })).toEqual(bytes);
          expect(modelFromFile(bytes).metadata).toEqual(metadata);
        },
      ),
      { numRuns: 100, seed: 6 },
    );
  });

  it('are named and laid out as PyTorch’s state_dict', () => {
    const model = new nn.Sequential(
      new nn.Embedding(3, 2),
      new nn.Residual(new nn.Sequential(new nn.BatchNorm1d(2))),
      new nn.Concat(new nn.PReLU(2), new nn.Standardize(2)),
    );
    const { tensors, metadata } = readSafetensors(encodeModel(filled(model, 1)));
    expect([...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.join('×')}`)).toEqual([
      '1.inner.0.num_batches_tracked I64 ',
      '0.weight F32 3×2',
      '1.inner.0.bias F32 2',
      '1.inner.0.running_mean F32 2',
      '1.inner.0.running_var F32 2',
      '1.inner.0.weight F32 2',
      '2.0.weight F32 2',
      '2.1.mean F32 2',
      '2.1.scale F32 2',
    ]);
    expect(metadata.format).toBe('pt');
  });

  it('keep weights in 8 bits', () => {
    const state = new Map([
      [
        'weight',
        { shape: [2, 3], values: Int8Array.of(1, -2, 3, 4, 5, -128), scale: Float32Array.of(0.5, 0.25) },
      ],
      ['bias', { shape: [2], values: Float32Array.of(1, 2) }],
    ]);
    const architecture = { type: 'Linear', inFeatures: 3, outFeatures: 2, bias: true } as const;
    const stored = { architecture, state, output: 'raw', metadata: { from: 'here' } } as const;
    const again = modelFromFile(modelToFile(stored));
    expect(again).toEqual({ ...stored, state: new Map([...state].toReversed()) });
  });

  it('of a class of one’s own are weights', async () => {
    class Own extends nn.Module {
      running_mean = new nn.Buffer([7]);
      layers = [new nn.Linear(2, 2), new nn.BatchNorm1d(2)];
      override forward(x: Tensor): Tensor {
        return this.layers.reduce((value, layer) => layer.forward(value), x);
      }
    }
    const model = filled(new Own(), 2);
    expect(() => encodeModel(model)).toThrow(/class of your own, Own/);
    const bytes = encodeWeights(model, { metadata: { run: '7' } });
    expect(readSafetensors(bytes).tensors.has('layers.1.running_mean')).toBe(true);
    const again = new Own();
    await loadWeights(again, bytes);
    expect(encodeWeights(again, { metadata: { run: '7' } })).toEqual(bytes);
    await expect(loadModel(bytes)).rejects.toThrow(/loadModel: the file holds weights, .*loadWeights\(\)/);
  });

  it('refuse metadata that are no text, or that would hide their own', () => {
    const model = new nn.ReLU();
    expect(() => encodeModel(model, { metadata: { epochs: 3 } as never })).toThrow(
      /metadata epochs to be a string/,
    );
    expect(() => encodeModel(model, { metadata: { 'wasmgrad/output': 'raw' } })).toThrow(/cannot be called/);
  });

  it.each([
    new Date(),
    Promise.resolve(),
    new ArrayBuffer(2),
    /x/,
    new Map([['a', 'b']]),
    ['a'],
    new nn.ReLU(),
    'text',
    3,
    null,
  ])('refuse %o as metadata', (metadata) => {
    const given = metadata as never;
    const message = /^[a-zA-Z]+: expected metadata as an object of texts, got /;
    expect(() => encodeModel(new nn.ReLU(), { metadata: given })).toThrow(message);
    expect(() => encodeOnnx(new nn.Linear(1, 1), { metadata: given })).toThrow(message);
    expect(() => encodeCheckpoint({ model: new nn.ReLU(), metadata: given })).toThrow(message);
    expect(() => writeSafetensors(new Map(), given)).toThrow(message);
  });

  it('take NaN only where that is asked for', async () => {
    const model = new nn.Linear(2, 1, { bias: false });
    model.loadStateDict({ weight: [[1, NaN]] });
    const bytes = encodeModel(model);
    await expect(loadModel(bytes)).rejects.toThrow(
      /^loadModel: weight holds NaN at position 1; .*allowNonFinite/,
    );
    await expect(loadWeights(new nn.Linear(2, 1, { bias: false }), bytes)).rejects.toThrow(
      /weight holds NaN/,
    );
    await expect(readStateDict(bytes)).rejects.toThrow(/readStateDict: weight holds NaN/);
    const again = await loadModel(bytes, { allowNonFinite: true });
    expect(again.parameters()[0].data).toEqual(Float32Array.of(1, NaN));
  });
});

describe('weights by name', () => {
  const source = () => filled(new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3)), 5);
  const fresh = () => new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3));
  const renamed = (prefix: string) => {
    const { tensors } = readSafetensors(encodeWeights(source()));
    return writeSafetensors(new Map([...tensors].map(([name, one]) => [prefix + name, one])));
  };

  it('that do not fit are listed, and the way out with them', async () => {
    const model = fresh();
    const before = encodeWeights(model);
    await expect(loadWeights(model, renamed('model.net.'))).rejects.toThrow(
      /^loadWeights: missing 0\.weight, .*1\.num_batches_tracked; unknown model\.net\..*; all would fit with prefix: 'model\.net\.'$/,
    );
    await expect(loadWeights(new nn.Linear(2, 3), encodeWeights(source()))).rejects.toThrow(
      /missing weight, bias; unknown .*0\.weight/,
    );
    const other = new nn.Sequential(new nn.Linear(2, 4), new nn.BatchNorm1d(4));
    await expect(loadWeights(other, encodeWeights(source()))).rejects.toThrow(
      'loadWeights: expected 0.weight [4, 2], got [3, 2]',
    );
    expect(encodeWeights(model)).toEqual(before);
  });

  it('are found behind a prefix, and the others left alone', async () => {
    const { tensors } = readSafetensors(renamed('model.'));
    const more: [string, SafeTensor] = ['head.weight', { dtype: 'F32', shape: [1], bytes: floats(1) }];
    const model = fresh();
    await loadWeights(model, writeSafetensors(new Map([...tensors, more])), { prefix: 'model.' });
    expect(encodeWeights(model)).toEqual(encodeWeights(source()));
  });

  it('are given as tensors, too', async () => {
    const model = fresh();
    model.loadStateDict(await readStateDict(encodeWeights(source())));
    expect(encodeWeights(model)).toEqual(encodeWeights(source()));
  });
});

describe('the format', () => {
  const everything: [Dtype, ArrayBufferView, number[]][] = [
    ['F64', Float64Array.of(0.1, -2), [Math.fround(0.1), -2]],
    ['F32', Float32Array.of(0.1, -0), [Math.fround(0.1), -0]],
    [
      'F16',
      Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555, 0x8000),
      [1, -2, 2 ** -24, Infinity, 0.333251953125, -0],
    ],
    ['BF16', Uint16Array.of(0x3f80, 0xc000, 0x7f80), [1, -2, Infinity]],
    ['I64', BigInt64Array.of(-5n, 2n ** 24n + 1n), [-5, 2 ** 24]],
    ['U64', BigUint64Array.of(2n ** 63n), [2 ** 63]],
    ['I32', Int32Array.of(-7), [-7]],
    ['U32', Uint32Array.of(2 ** 32 - 256), [2 ** 32 - 256]],
    ['I16', Int16Array.of(-300), [-300]],
    ['U16', Uint16Array.of(65535), [65535]],
    ['I8', Int8Array.of(-128), [-128]],
    ['U8', Uint8Array.of(255), [255]],
    ['BOOL', Uint8Array.of(1, 0), [1, 0]],
  ];

  it.each(everything)('%s is read as float32', (dtype, array, expected) => {
    const shape = [expected.length];
    const bytes = writeSafetensors(new Map([['x', { dtype, shape, bytes: bytesOf(array) }]]));
    expect([...toFloat32(readSafetensors(bytes).tensors.get('x')!)]).toEqual(expected);
  });

  it('has no number of its own for NaN of 16 bits', () => {
    const read = (dtype: Dtype, ...bits: number[]) =>
      toFloat32({ dtype, shape: [bits.length], bytes: bytesOf(Uint16Array.from(bits)) });
    expect([...read('F16', 0x7c01, 0xfe00)]).toEqual([NaN, NaN]);
    expect([...read('BF16', 0x7fc0)]).toEqual([NaN]);
  });

  it('is read wherever its bytes lie, in the order of the header', () => {
    const header = `{"10":${one('U8', [1], 0, 1)},"9":${one('F32', [1, 1], 1, 5)},"__metadata__":{"2":"b","1":"a"},"e":${one('F64', [0, 7], 5, 5)}}`;
    const bytes = file(header, Uint8Array.of(3, ...floats(1.5)));
    for (const shift of [0, 1, 3]) {
      const larger = new Uint8Array(bytes.length + 8);
      larger.set(bytes, shift);
      const { tensors, metadata } = readSafetensors(larger.subarray(shift, shift + bytes.length));
      expect([...tensors.keys()]).toEqual(['10', '9', 'e']);
      expect([...toFloat32(tensors.get('9')!)]).toEqual([1.5]);
      expect(tensors.get('e')).toMatchObject({ shape: [0, 7], bytes: new Uint8Array() });
      expect(metadata).toEqual({ 1: 'a', 2: 'b' });
    }
    expect(readSafetensors(file('{}').buffer as ArrayBuffer).tensors.size).toBe(0);
    expect(readSafetensors(file(' {}'.trim().padEnd(16))).tensors.size).toBe(0);
  });

  it('is written so that every tensor begins where its numbers can be read in place', () => {
    const bytes = writeSafetensors(
      new Map<string, SafeTensor>([
        ['b', { dtype: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) }],
        ['2', { dtype: 'F32', shape: [1], bytes: floats(1) }],
        ['10', { dtype: 'F32', shape: [1], bytes: floats(2) }],
        ['"\n☃', { dtype: 'F64', shape: [], bytes: bytesOf(Float64Array.of(1)) }],
      ]),
    );
    const { tensors } = readSafetensors(bytes);
    expect([...tensors.keys()]).toEqual(['"\n☃', '10', '2', 'b']);
    for (const [, { dtype, bytes: own }] of tensors) {
      expect(own.byteOffset % { F64: 8, F32: 4, U8: 1 }[dtype as 'U8']).toBe(0);
    }
    expect(bytes.length).toBe(tensors.get('b')!.bytes.byteOffset + 3);
  });

  it('writes nothing that it would not read', () => {
    const write = (name: string, tensor: SafeTensor) => () => writeSafetensors(new Map([[name, tensor]]));
    expect(write('a', { dtype: 'F32', shape: [2], bytes: floats(1) })).toThrow(
      /expected a F32 \[2\] in 8 bytes, got 4/,
    );
    const good = { dtype: 'F32', shape: [1], bytes: floats(1) };
    const gone = floats(1);
    structuredClone(gone, { transfer: [gone.buffer] });
    const refused: [unknown, RegExp][] = [
      [{}, /expected a Map of tensors by name, got an Object$/],
      [[1], /expected a Map of tensors by name, got an Array$/],
      [null, /expected a Map of tensors by name, got null$/],
      [new Map([[1, good]]), /expected names of tensors to be strings, got 1$/],
      [new Map([[Symbol('s'), good]]), /expected names of tensors to be strings, got Symbol\(s\)$/],
      [new Map([['a', null]]), /expected the dtype of a to be one of .*, got undefined$/],
      [new Map([['a', { ...good, dtype: 'F31' }]]), /expected the dtype of a .*, got string "F31"$/],
      [new Map([['a', { ...good, dtype: 'toString' }]]), /expected the dtype of a .*, got string/],
      [new Map([['a', { ...good, shape: 1 }]]), /a: expected a shape of lengths .*, got 1$/],
      [new Map([['a', { ...good, shape: [-1] }]]), /a: expected a shape of lengths .*, got \[-1\]$/],
      [new Map([['a', { ...good, bytes: undefined }]]), /a: expected an ArrayBuffer or a typed array/],
      [new Map([['a', { ...good, bytes: [0, 0, 0, 0] }]]), /a: expected an ArrayBuffer or a typed array/],
      [new Map([['a', { ...good, bytes: gone }]]), /a: expected an ArrayBuffer .* a transferred one$/],
    ];
    for (const [tensors, message] of refused) {
      expect(() => writeSafetensors(tensors as never)).toThrow(message);
      expect(() => writeSafetensors(tensors as never)).toThrow(/^writeSafetensors: /);
    }
    expect(write('__metadata__', { dtype: 'F32', shape: [1], bytes: floats(1) })).toThrow(
      /no tensor can be called/,
    );
  });
});

describe('a damaged file', () => {
  const good = `{"a":${one('F32', [2], 0, 8)}}`;
  const two = (a: string, b: string) => `{"a":${a},"b":${b}}`;
  const data = floats(1, 2);
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(), /expected 8 bytes at least, got 0/],
    ['seven bytes', new Uint8Array(7), /got 7/],
    [
      'a header of 4 GB',
      file(good, data, 2n ** 32n),
      /the header claims 4294967296 bytes, more than 100000000/,
    ],
    ['a header of 2⁶⁴ bytes', file(good, data, 2n ** 64n - 1n), /more than 100000000/],
    ['a header longer than the file', file(good, data, 99_999_999n), /only \d+ follow: the file is cut off/],
    ['no header', file(''), /expected '\{' at character 0, got the end/],
    ['a space before it', file(' {}'), /expected '\{' at character 0/],
    ['a header that is not UTF-8', file(Uint8Array.of(0x7b, 0xff, 0x7d)), /not UTF-8/],
    ['a mark of byte order', file(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)), /expected '\{'/],
    ['half a header', file('{"a":{"dtype":"F32"'), /expected '\}' at character \d+, got the end/],
    ['more than a header', file('{} {}'), /expected the end of the header at character 3, got '\{\}'/],
    ['a list', file('[]'), /expected '\{'/],
    ['deep nesting', file(`{"a":${'['.repeat(100_000)}`), /expected '\{' at character 5/],
    [
      'deep metadata',
      file(`{"__metadata__":{"a":${'{"a":'.repeat(100_000)}`),
      /expected a string at character/,
    ],
    [
      'two equal names',
      file(
        two('', '').replace('"a":,"b":', `"a":${one('F32', [1], 0, 4)},"\\u0061":${one('F32', [1], 4, 8)}`),
        data,
      ),
      /'a' is there twice/,
    ],
    ['two metadata', file('{"__metadata__":{},"__metadata__":{}}'), /'__metadata__' is there twice/],
    ['two equal metadata', file('{"__metadata__":{"x":"1","x":"2"}}'), /'x' is there twice/],
    [
      'metadata that are no text',
      file('{"__metadata__":{"x":1}}'),
      /expected a string at character 21, got '1\}\}'/,
    ],
    [
      'an unknown key',
      file('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}'),
      /a has an unknown or repeated key 'x'/,
    ],
    ['a key twice', file('{"a":{"dtype":"F32","dtype":"F64"}}'), /repeated key 'dtype'/],
    [
      'a missing key',
      file('{"a":{"dtype":"F32","shape":[]}}'),
      /expected a to have a dtype, a shape and two data_offsets/,
    ],
    ['three offsets', file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}'), /two data_offsets/],
    ['a bad escape', file('{"\\x":1}'), /a string of JSON/],
    ['a line break in a string', file('{"\n":1}'), /a string of JSON/],
    ['a string without end', file('{"a'), /a string that ends/],
    [
      'a negative length',
      file(`{"a":${one('F32', [-2], 0, 8)}}`, data),
      /a non-negative integer at character \d+, got '-2/,
    ],
    ['a length of 1.5', file(`{"a":${one('F32', [1.5], 0, 8)}}`, data), /a non-negative integer/],
    [
      'a length of 1e1',
      file('{"a":{"dtype":"U8","shape":[1e1],"data_offsets":[0,8]}}', data),
      /a non-negative integer/,
    ],
    [
      'a length of 01',
      file('{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,8]}}', data),
      /a non-negative integer/,
    ],
    ['a length that is text', file(`{"a":${one('F32', ['2'], 0, 8)}}`, data), /a non-negative integer/],
    [
      'a length of 2⁶⁴',
      file('{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,8]}}', data),
      /larger than any file/,
    ],
    [
      'lengths that overflow',
      file(`{"a":${one('F32', [2 ** 31, 2 ** 31, 4], 0, 8)}}`, data),
      /a: shape .* is larger than any file/,
    ],
    ['overflow to nothing', file(`{"a":${one('F32', [2 ** 50, 2 ** 50, 0], 0, 0)}}`), /larger than any file/],
    [
      'a shape of other length',
      file(`{"a":${one('F32', [3], 0, 8)}}`, data),
      /F32 \[3\] takes 12 bytes, but data_offsets \[0, 8\] say 8/,
    ],
    ['offsets in disorder', file(`{"a":${one('F32', [2], 8, 0)}}`, data), /data_offsets \[8, 0\] say -8/],
    [
      'offsets behind the end',
      file(`{"a":${one('F32', [4], 0, 16)}}`, data),
      /end behind the data's 8 bytes/,
    ],
    [
      'a hole',
      file(`{"a":${one('F32', [1], 4, 8)}}`, data),
      /a: begins at byte 4, but the tensor before it ends at 0/,
    ],
    [
      'an overlap',
      file(two(one('F32', [2], 0, 8), one('F32', [1], 4, 8)), data),
      /b: begins at byte 4, but .* ends at 8/,
    ],
    [
      'twice the same bytes',
      file(two(one('F32', [2], 0, 8), one('F32', [2], 0, 8)), data),
      /holes and overlaps/,
    ],
    [
      'bytes behind the last tensor',
      file(`{"a":${one('F32', [1], 0, 4)}}`, data),
      /the tensors end at byte 4 of 8/,
    ],
    [
      'a dtype of 8 bits',
      file(`{"a":${one('F8_E4M3', [8], 0, 8)}}`, data),
      /a: dtype 'F8_E4M3' is not supported \(known: F64, /,
    ],
    ['a dtype that every object has', file(`{"a":${one('toString', [8], 0, 8)}}`, data), /dtype 'toString'/],
  ])('with %s is refused, and says why', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
    expect(() => readSafetensors(bytes)).toThrow(/^readSafetensors: /);
  });

  it('is refused wherever it is cut off', async () => {
    const bytes = encodeModel(filled(new nn.Sequential(new nn.Linear(2, 3), new nn.BatchNorm1d(3)), 1));
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readSafetensors(bytes.subarray(0, length)), String(length)).toThrow(RangeError);
    }
    expect(readSafetensors(bytes).tensors.size).toBe(7);
  });

  it('that is none is a TypeError', () => {
    expect(() => readSafetensors('file' as never)).toThrow(
      /expected an ArrayBuffer or a typed array, got 'file'/,
    );
    expect(() => readSafetensors([1, 2] as never)).toThrow(TypeError);
  });

  it('with names that are those of objects is read like any other', async () => {
    const bytes = file(`{"__proto__":${one('F32', [1], 0, 4)},"constructor":${one('F32', [1], 4, 8)}}`, data);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['__proto__', 'constructor']);
    const state = await readStateDict(bytes);
    expect(Object.keys(state)).toEqual(['__proto__', 'constructor']);
    const small = new nn.Sequential();
    await expect(loadWeights(small, bytes)).rejects.toThrow('loadWeights: unknown __proto__, constructor');
    expect(tensor(1).item()).toBe(1);
  });
});
