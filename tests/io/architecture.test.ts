import fc from 'fast-check';
import { describe as suite, expect, it } from 'vitest';
import { getRandomState, nn, type Tensor } from 'wasmgrad';
import { build, describe } from '../../src/io/architecture.js';
import { LAYERS } from '../../src/io/layers.js';
import { MODULES } from '../../src/io/modules.js';
import type { LayerDescription, StoredModel, StoredTensor } from '../../src/io/storedModel.js';
import { architectures, filled } from '../support/architectures.js';

const stored = (
  architecture: unknown,
  state: Record<string, { shape: number[]; values?: Float32Array }> = {},
  output = 'raw',
): StoredModel => ({
  architecture: architecture as LayerDescription,
  state: new Map(
    Object.entries(state).map(([name, { shape, values }]): [string, StoredTensor] => [
      name,
      { shape, values: values ?? new Float32Array(shape.reduce((a, b) => a * b, 1)) },
    ]),
  ),
  output: output as 'raw',
  metadata: {},
});

class Own extends nn.Module {
  inner = new nn.Linear(2, 2);
  override forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

suite('the table of layers', () => {
  it('has every module that nn exports', () => {
    const exported = Object.entries(nn).filter(
      ([name, value]) =>
        typeof value === 'function' &&
        value.prototype instanceof nn.Module &&
        name !== 'Module' &&
        !name.endsWith('Loss'),
    );
    expect(Object.keys(MODULES).toSorted()).toEqual(exported.map(([name]) => name).toSorted());
    expect(Object.keys(LAYERS).toSorted()).toEqual(Object.keys(MODULES).toSorted());
    for (const [name, value] of exported) expect(MODULES[name as keyof typeof MODULES], name).toBe(value);
  });
});

suite('describe and build', () => {
  it('give back random models, to the bit', () => {
    fc.assert(
      fc.property(architectures(), fc.constantFrom('raw', 'softmax', 'sigmoid'), ({ make, rows }, output) => {
        const model = make();
        model.output = output as 'raw';
        const description = describe(model);
        const again = build({
          ...description,
          architecture: JSON.parse(JSON.stringify(description.architecture)) as LayerDescription,
        });
        expect(describe(again)).toEqual(description);
        expect(again.predict(rows)).toEqual(model.predict(rows));
      }),
      { numRuns: 150, seed: 6 },
    );
  });

  it('keep options that are not the defaults', () => {
    const model = new nn.Sequential(
      new nn.Linear(4, 3, { bias: false }),
      new nn.BatchNorm1d(3, { eps: 0.5, momentum: null, affine: false, trackRunningStats: false }),
      new nn.LayerNorm([3], { eps: 0.25, elementwiseAffine: true, bias: false }),
      new nn.Embedding(5, 2, { paddingIdx: 4 }),
      new nn.Hardtanh(-Infinity, 3),
    );
    const { architecture } = describe(model);
    expect(architecture).toEqual({
      type: 'Sequential',
      layers: [
        { type: 'Linear', inFeatures: 4, outFeatures: 3, bias: false },
        {
          type: 'BatchNorm1d',
          numFeatures: 3,
          eps: 0.5,
          momentum: null,
          affine: false,
          trackRunningStats: false,
        },
        { type: 'LayerNorm', normalizedShape: [3], eps: 0.25, elementwiseAffine: true, bias: false },
        { type: 'Embedding', numEmbeddings: 5, embeddingDim: 2, paddingIdx: 4 },
        { type: 'Hardtanh', min: -Infinity, max: 3 },
      ],
    });
    const again = build(describe(model)) as nn.Sequential;
    expect((again.layers[1] as nn.BatchNorm1d).momentum).toBeNull();
    expect((again.layers[3] as nn.Embedding).paddingIdx).toBe(4);
    expect(again.training).toBe(false);
  });

  it('leave the random numbers of the program alone', () => {
    const description = describe(filled(new nn.Linear(3, 3), 1));
    const before = getRandomState();
    build(description);
    expect(getRandomState()).toEqual(before);
  });

  it('read weights kept in 8 bits', () => {
    const { architecture } = describe(new nn.Linear(2, 2, { bias: false }));
    const weight: StoredTensor = {
      shape: [2, 2],
      values: Int8Array.of(1, -2, 3, 127),
      scale: Float32Array.of(0.5, 2),
    };
    const model = build({ architecture, state: new Map([['weight', weight]]), output: 'raw', metadata: {} });
    expect((model as nn.Linear).weight.toArray()).toEqual([
      [0.5, -1],
      [6, 254],
    ]);
  });

  it('say what to do with a class of the user’s own', () => {
    expect(() => describe(new nn.Sequential(new nn.ReLU(), new Own()))).toThrow(
      /1 is a class of your own, Own, .*saveWeights\(\).*loadWeights\(\)/,
    );
    class Net extends nn.Sequential {}
    expect(() => describe(new Net())).toThrow(/the model is a class of your own, Net/);
  });

  it('refuse weights that are used twice, and take layers without any', () => {
    const layer = new nn.Linear(2, 2);
    expect(() => describe(new nn.Sequential(layer, new nn.Residual(layer)))).toThrow(
      /1\.inner\.weight is 0\.weight once more/,
    );
    const relu = new nn.ReLU();
    expect(describe(new nn.Sequential(relu, relu)).state.size).toBe(0);
  });
});

suite('a hostile description', () => {
  const nested = (depth: number): unknown => {
    let layer: unknown = { type: 'ReLU' };
    for (let i = 0; i < depth; i++) layer = { type: 'Residual', inner: layer };
    return layer;
  };
  const batchNorm = {
    type: 'BatchNorm1d',
    numFeatures: 2,
    eps: 1e-5,
    momentum: 0.1,
    affine: true,
    trackRunningStats: true,
  };
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /the model: expected a layer, got undefined/],
    ['null in a list', { type: 'Sequential', layers: [null] }, /: 0: expected a layer, got null/],
    [
      'an unknown type',
      { type: 'Sequential', layers: [{ type: 'Residual', inner: { type: 'Conv2d' } }] },
      /: 0\.inner: unknown type of layer 'Conv2d' \(known: Linear, /,
    ],
    ['a name of every object', { type: 'constructor' }, /unknown type of layer 'constructor'/],
    ['a type that is no text', { type: ['ReLU'] }, /unknown type of layer a list of 1/],
    [
      'no size',
      { type: 'Linear', inFeatures: '3', outFeatures: 3, bias: true },
      /inFeatures to be a positive integer, got '3'/,
    ],
    ['a size of 1.5', { type: 'Standardize', numFeatures: 1.5 }, /numFeatures .* got 1\.5/],
    [
      'a missing option',
      { type: 'Linear', inFeatures: 3, outFeatures: 3 },
      /bias to be true or false, got undefined/,
    ],
    [
      'an inherited option',
      Object.setPrototypeOf({ type: 'Dropout' }, { p: 0.5 }),
      /p to be a number in \[0, 1\)/,
    ],
    ['an unknown option', { type: 'ReLU', inplace: true }, /ReLU: unknown option 'inplace'/],
    ['a wrong probability', { type: 'Dropout', p: 1 }, /p to be a number in \[0, 1\), got 1/],
    ['a wrong momentum', { ...batchNorm, momentum: 2 }, /momentum to be a number in \[0, 1\] or null, got 2/],
    [
      'an infinite slope',
      { type: 'LeakyReLU', negativeSlope: Infinity },
      /negativeSlope to be a finite number, got Infinity/,
    ],
    ['an infinite alpha', { type: 'ELU', alpha: -Infinity }, /alpha to be a finite number, got -Infinity/],
    [
      'an infinite beta',
      { type: 'Softplus', beta: Infinity, threshold: 20 },
      /beta to be a finite number above 0, got Infinity/,
    ],
    ['an eps that is none', { ...batchNorm, eps: NaN }, /eps to be a finite number ≥ 0, got NaN/],
    [
      'no dimensions',
      { type: 'RMSNorm', normalizedShape: [], eps: 0, elementwiseAffine: false },
      /list of 1 to 16/,
    ],
    [
      'limits in disorder',
      { type: 'Hardtanh', min: 1, max: 1 },
      /Hardtanh: expected min below max, got 1 and 1/,
    ],
    [
      'an index outside',
      { type: 'Embedding', numEmbeddings: 2, embeddingDim: 1, paddingIdx: 2 },
      /paddingIdx below 2, got 2/,
    ],
    ['no branches', { type: 'Concat', branches: [] }, /at least one branch, got none/],
    [
      'layers that are no list',
      { type: 'Sequential', layers: { 0: {} } },
      /layers to be a list of layers, got an object/,
    ],
    ['a hole', { type: 'Residual' }, /inner: expected a layer, got undefined/],
    ['depth', nested(65), /inner: layers are nested more than 64 deep/],
    ['depth without end', nested(50_000), /nested more than 64 deep/],
  ])('with %s is refused by name', (_, architecture, message) => {
    expect(() => build(stored(architecture), 'loadModel')).toThrow(message);
    expect(() => build(stored(architecture), 'loadModel')).toThrow(/^loadModel: /);
  });

  it('of the deepest model that can be written is read', () => {
    expect(describe(build(stored(nested(64)))).architecture).toEqual(nested(64));
    expect(() => describe(new nn.Residual(build(stored(nested(64)))))).toThrow(/more than 64 deep/);
  });

  it('that claims tensors which are not there costs nothing', () => {
    const huge = { type: 'Linear', inFeatures: 2 ** 40, outFeatures: 2 ** 12, bias: true };
    expect(() => build(stored(huge))).toThrow('build: missing weight, bias');
    expect(() => build(stored(huge, { weight: { shape: [2, 2] }, bias: { shape: [2] } }))).toThrow(
      'build: expected weight [4096, 1099511627776], got [2, 2]',
    );
    const claimed = {
      weight: { shape: [4096, 2 ** 40], values: new Float32Array(4) },
      bias: { shape: [4096] },
    };
    expect(() => build(stored(huge, claimed))).toThrow(
      /weight does not have as many numbers as its shape says/,
    );
  });

  it('with tensors that nobody wants, or numbers that are none, is refused', () => {
    const linear = { type: 'Linear', inFeatures: 1, outFeatures: 2, bias: false };
    const weight = { shape: [2, 1] };
    expect(() => build(stored(linear, { weight, 'fc.weight': weight }))).toThrow('build: unknown fc.weight');
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`t${i}`, { shape: [1] }]));
    expect(() => build(stored(linear, { weight, ...many }))).toThrow(/unknown t0, .*t7 and 4 more$/);
    const bad = { weight: { shape: [2, 1], values: Float32Array.of(1, NaN) } };
    expect(() => build(stored(linear, bad))).toThrow(
      /weight holds NaN at position 1; .*allowNonFinite: true/,
    );
    expect((build(stored(linear, bad), 'build', { allowNonFinite: true }) as nn.Linear).weight.data).toEqual(
      Float32Array.of(1, NaN),
    );
    expect(() => build(stored({ type: 'ReLU' }, {}, 'argmax'))).toThrow(
      /raw, softmax or sigmoid, got 'argmax'/,
    );
  });
});
