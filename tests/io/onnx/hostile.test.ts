import fc from 'fast-check';
import { describe as suite, expect, it } from 'vitest';
import { build, describe } from '../../../src/io/architecture.js';
import { loadOnnx } from '../../../src/io/foreignModels.js';
import { ProtoWriter } from '../../../src/io/onnx/protobuf.js';
import { readOnnx } from '../../../src/io/onnx/readOnnx.js';
import { writeOnnx } from '../../../src/io/onnx/writeOnnx.js';
import { architectures } from '../../support/architectures.js';
import { FORMATS, hostile, random, tryFile } from '../../support/fuzz.js';
import { floats, onnxFile, type TestNode, type TestTensor } from '../../support/onnxGraph.js';

const weight = floats([2, 2], 1, 2, 3, 4);
const gemm: TestNode = ['Gemm', ['x', 'w'], 'y', { transB: 1 }];
const relu = (from: string, to: string): TestNode => ['Relu', [from], to];
const message = (fields: ProtoWriter): Uint8Array => fields.finish();
const chain = (count: number, op = 'Relu'): TestNode[] =>
  Array.from({ length: count }, (_, i) => [
    op,
    [i === 0 ? 'x' : `v${i}`],
    i === count - 1 ? 'y' : `v${i + 1}`,
  ]);

/** x + (x + (x + …)), each inside the other. */
function nested(depth: number): TestNode[] {
  const nodes: TestNode[] = [];
  for (let i = 0; i < depth; i++) nodes.push(relu(i === 0 ? 'x' : `r${i}`, `r${i + 1}`));
  for (let i = depth; i > 0; i--) {
    nodes.push([
      'Add',
      [i === 1 ? 'x' : `r${i - 1}`, i === depth ? `r${depth}` : `a${i + 1}`],
      i === 1 ? 'y' : `a${i}`,
    ]);
  }
  return nodes;
}

suite('graphs that cannot be read', () => {
  it.each<[string, TestNode[], Record<string, TestTensor>, RegExp]>([
    [
      'an operator that is not known',
      [['Conv', ['x', 'w'], 'y']],
      { w: weight },
      /node 'n0' \(Conv\): there is no layer for the operator Conv/,
    ],
    ['one that is called like a method', [['constructor', ['x'], 'y']], {}, /for the operator constructor/],
    [
      'a circle',
      [relu('b', 'a'), relu('a', 'b'), relu('b', 'y')],
      {},
      /'n0' \(Relu\) uses 'b', which is no input/,
    ],
    ['a value twice', [relu('x', 'y'), relu('x', 'y')], {}, /'y' is given twice/],
    ['no weight', [gemm], {}, /'n0' \(Gemm\) uses 'w', which is no input, no initializer/],
    [
      'a weight that is computed',
      [relu('x', 'w'), gemm],
      {},
      /'n1' \(Gemm\): expected input 1 to be an initializer/,
    ],
    [
      'a weight of three dimensions',
      [gemm],
      { w: floats([1, 2, 2], 1, 2, 3, 4) },
      /weight of two dimensions, got \[1, 2, 2\]/,
    ],
    ['too few numbers', [gemm], { w: floats([2, 2], 1, 2, 3) }, /w \[2, 2\]: expected 4 numbers, got 3/],
    [
      'sizes that overflow',
      [gemm],
      { w: floats([2 ** 40, 2 ** 40], 1) },
      /w \[1099511627776, 1099511627776\]: expected 1\.2.*e\+24 numbers, got 1/,
    ],
    ['a size below 0', [gemm], { w: floats([-2, -2], 1, 2, 3, 4) }, /w \[-2, -2\]: expected NaN numbers/],
    ['texts for numbers', [gemm], { w: { dims: [2, 2], type: 8 } }, /w \[2, 2\]: numbers of type 8/],
    [
      'whole numbers',
      [gemm],
      { w: { dims: [2, 2], type: 3, raw: new Uint8Array(4) } },
      /w: expected numbers with a fraction, got type 3/,
    ],
    [
      'numbers in another file',
      [gemm],
      { w: { dims: [2, 2], external: 'model.onnx.data' } },
      /w \[2, 2\]: its numbers are in 'model\.onnx\.data'/,
    ],
    [
      'a factor that is not 1',
      [['Gemm', ['x', 'w'], 'y', { alpha: 0.5 }]],
      { w: weight },
      /alpha and beta to be 1, got 0\.5/,
    ],
    [
      'a product of values',
      [relu('x', 'a'), ['Tanh', ['x'], 'b'], ['Mul', ['a', 'b'], 'y']],
      {},
      /'n2' \(Mul\): a product of two values/,
    ],
    // Found by fuzzing: what is left out twice is not the same value.
    [
      'a product of one',
      [
        ['Sigmoid', ['', 'x'], 's'],
        ['Mul', ['', 's'], 'y'],
      ],
      {},
      /'n1' \(Mul\): a product of/,
    ],
    [
      'a sum of branches',
      [relu('x', 'a'), ['Tanh', ['x'], 'b'], ['Add', ['a', 'b'], 'y']],
      {},
      /'n2' \(Add\): a sum of two branches/,
    ],
    [
      'a branch in two',
      [
        relu('x', 'a'),
        ['Tanh', ['a'], 'b'],
        ['Elu', ['a'], 'c'],
        ['Concat', ['b', 'x', 'c'], 'y', { axis: -1 }],
      ],
      {},
      /'n0' \(Relu\): is used by more than one branch/,
    ],
    [
      'another axis',
      [['Concat', ['x', 'x'], 'y', { axis: 0 }]],
      {},
      /'n0' \(Concat\): expected the last axis, got 0/,
    ],
    ['nested without end', nested(80), {}, /64 deep/],
    ['no end of nodes', chain(10_001), {}, /at most 10000 nodes, got 10001/],
    ['nothing of the input', [['Relu', ['w'], 'y']], { w: weight }, /'n0' \(Relu\) depends on no input/],
    ['rows that are mixed', [['Flatten', ['x'], 'y', { axis: 0 }]], {}, /expected axis 1, got 0/],
    [
      'a reshape of rows',
      [['Reshape', ['x', 's'], 'y']],
      { s: { dims: [2], type: 7, raw: new Uint8Array(BigInt64Array.of(-1n, 7n).buffer) } },
      /'n0' \(Reshape\): expected a shape/,
    ],
  ])('%s: an error says what and where', (_, nodes, tensors, wanted) => {
    const file = onnxFile(nodes, tensors);
    expect(() => readOnnx(file)).toThrow(wanted);
    expect(() => readOnnx(file)).toThrow(RangeError);
  });

  it('NaN among the weights: an error at the position, unless it is allowed', async () => {
    const file = onnxFile([gemm], { w: floats([2, 2], 1, 2, NaN, 4) });
    await expect(loadOnnx(file)).rejects.toThrow(/loadOnnx: 0\.weight holds NaN at position 2/);
    expect((await loadOnnx(file, { allowNonFinite: true })).predict([1, 1])).toEqual([3, NaN]);
  });

  it('several outputs: an error lists them, and one can be said', () => {
    const nodes: TestNode[] = [relu('x', 'a'), ['Tanh', ['x'], 'b']];
    const file = onnxFile(nodes, {}, { outputs: ['a', 'b'] });
    expect(() => readOnnx(file)).toThrow(/expected one output, got a, b/);
    expect(readOnnx(file, { output: 'b' }).architecture).toEqual({
      type: 'Sequential',
      layers: [{ type: 'Tanh' }],
    });
    expect(() => readOnnx(file, { output: 'c' })).toThrow(/no output 'c', but a, b/);
  });

  it('operators of another domain: the error has it', () => {
    expect(() => readOnnx(onnxFile(chain(1), {}, { domain: 'com.example' }))).toThrow(
      /operator com\.example\.Relu/,
    );
  });

  it('the same numbers in thousands of layers', () => {
    const nodes = chain(2000, 'Gemm').map(([op, [from], to]): TestNode => [
      op,
      [from, 'w'],
      to,
      { transB: 1 },
    ]);
    const file = onnxFile(nodes, { w: floats([100, 100], ...new Array<number>(10_000).fill(1)) });
    expect(() => readOnnx(file)).toThrow(/many times the numbers that the file holds/);
  });

  it('names of a megabyte: the error is short', () => {
    const file = onnxFile([['Relu', ['n'.repeat(1e6)], 'y']]);
    let problem = '';
    try {
      readOnnx(file);
    } catch (error) {
      problem = (error as Error).message;
    }
    expect(problem).toMatch(/uses 'nnn/);
    expect(problem.length).toBeLessThan(400);
  });
});

suite('files that are none', () => {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  it.each<[string, Uint8Array, RegExp]>([
    ['empty', bytes(), /holds no graph/],
    ['text', new TextEncoder().encode('hello, this is no model'), /the model: /],
    ['an integer that does not end', bytes(8, ...new Array<number>(11).fill(255)), /more than 10 bytes/],
    [
      'a length beyond the end',
      bytes(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1),
      /the model: expected 4294967295 bytes, got the 1 that are left/,
    ],
    [
      'a length of 2⁶³',
      bytes(0x3a, ...new Array<number>(9).fill(0x80), 1),
      /expected -9223372036854776000 bytes/,
    ],
    ['a type that there is not', bytes(0x3e, 1), /field 7 has wire type 6/],
    ['the field 0', bytes(2, 0), /field number 0/],
    ['a graph that is a number', bytes(0x38, 1), /field 7 has wire type 0 instead of 2/],
    [
      'no end of messages',
      message(
        new ProtoWriter().raw(
          7,
          new Uint8Array(500_000).map((_, i) => (i % 2 ? 0 : 0x2a)),
        ),
      ),
      /more than 200000 messages/,
    ],
  ])('%s', (_, file, wanted) => {
    expect(() => readOnnx(file)).toThrow(wanted);
  });
});

suite('what others may write', () => {
  const wanted = [3, 7];
  it('numbers packed or one by one, dimensions too, and initializers that are inputs', () => {
    const dims = new ProtoWriter().raw(1, Uint8Array.of(2, 2)).int(2, 1).string(8, 'w').raw(9, weight.raw!);
    const graph = new ProtoWriter()
      .message(
        1,
        new ProtoWriter()
          .string(1, 'x')
          .string(1, 'w')
          .string(2, 'y')
          .string(4, 'Gemm')
          .message(5, new ProtoWriter().string(1, 'transB').int(3, 1)),
      )
      .message(5, dims)
      .message(11, new ProtoWriter().string(1, 'x'))
      .message(12, new ProtoWriter().string(1, 'y'))
      // Fields that are not known, of each wire type.
      .int(1000, 5)
      .float(1001, 1)
      .string(1002, 'later');
    const files = [
      onnxFile([gemm], { w: weight }),
      onnxFile([gemm], { w: { dims: [2, 2], floats: [1, 2, 3, 4] } }),
      onnxFile([gemm], { w: { dims: [2, 2], floats: [1, 2, 3, 4], packed: true } }),
      onnxFile([gemm], { w: weight }, { inputs: ['x', 'w'] }),
      new ProtoWriter().message(7, graph).finish(),
    ];
    for (const file of files) expect(build(readOnnx(file)).predict([1, 1])).toEqual(wanted);
  });

  it('weights the other way round', () => {
    const turned = floats([2, 2], 1, 3, 2, 4);
    const files = [
      onnxFile([['Gemm', ['x', 'w'], 'y']], { w: turned }),
      onnxFile([['MatMul', ['x', 'w'], 'y']], { w: turned }),
      onnxFile(
        [
          ['Transpose', ['w'], 't', { perm: [1, 0] }],
          ['Gemm', ['x', 't'], 'y', { transB: 1 }],
        ],
        { w: turned },
      ),
    ];
    for (const file of files) expect(build(readOnnx(file)).predict([1, 1])).toEqual(wanted);
  });

  it('numbers of 16 and 64 bits', () => {
    const half = new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400).buffer);
    const brain = new Uint8Array(Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080).buffer);
    const double = new Uint8Array(Float64Array.of(1, 2, 3, 4).buffer);
    for (const [type, raw] of [
      [10, half],
      [16, brain],
      [11, double],
    ] as const) {
      const file = onnxFile([gemm], { w: { dims: [2, 2], type, raw } });
      expect(build(readOnnx(file)).predict([1, 1])).toEqual(wanted);
    }
  });
});

suite('damaged files', () => {
  it('of random models, and cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(architectures(), fc.nat(), async ({ make }, seed) => {
        const file = writeOnnx(describe(make()));
        const draw = random(seed);
        for (let i = 0; i < 20; i++) await tryFile(FORMATS.onnx, hostile(FORMATS.onnx, [file], draw));
        const graph = file.length - 8;
        expect(() => readOnnx(file.slice(0, seed % graph))).toThrow(RangeError);
      }),
      { numRuns: 60 },
    );
  });
});
