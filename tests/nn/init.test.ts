import { describe, expect, it } from 'vitest';
import { getRandomState, manualSeed, nn, tensor, type Tensor } from 'wasmgrad';
import { Generator } from '../../src/core/random.js';
import { EPSILON } from '../support/numbers.js';

const { init } = nn;
const OUT = 60;
const IN = 150;
const SIZE = OUT * IN;

const weight = (): Tensor => tensor(new Float32Array(SIZE), { shape: [OUT, IN], requiresGrad: true });

/** How many deviations a sampled figure may be off: more in one of 10⁷ runs. */
const SIGMAS = 5.3;

interface Moments {
  mean?: number;
  deviation: number;
  /** Fourth moment over the squared variance: 3 for normal, 9/5 for uniform values. */
  kurtosis: number;
}

function expectMoments(values: Float32Array, { mean = 0, deviation, kurtosis }: Moments): void {
  const n = values.length;
  const average = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
  expect(Math.abs(average - mean)).toBeLessThanOrEqual((SIGMAS * deviation) / Math.sqrt(n));
  const spread = deviation ** 2 * Math.sqrt((kurtosis - 1) / n);
  expect(Math.abs(variance - deviation ** 2)).toBeLessThanOrEqual(SIGMAS * spread);
}

const uniforms: [string, (w: Tensor) => Tensor, bound: number][] = [
  ['kaimingUniform', (w) => init.kaimingUniform(w), Math.sqrt(6 / IN)],
  ['kaimingUniform, a', (w) => init.kaimingUniform(w, { a: Math.sqrt(5) }), 1 / Math.sqrt(IN)],
  [
    'kaimingUniform, fanOut',
    (w) => init.kaimingUniform(w, { mode: 'fanOut', nonlinearity: 'tanh' }),
    (5 / 3) * Math.sqrt(3 / OUT),
  ],
  ['xavierUniform', (w) => init.xavierUniform(w), Math.sqrt(6 / (IN + OUT))],
  ['xavierUniform, gain', (w) => init.xavierUniform(w, { gain: 2 }), 2 * Math.sqrt(6 / (IN + OUT))],
  ['lecunUniform', (w) => init.lecunUniform(w), Math.sqrt(3 / IN)],
];

describe.each(uniforms)('%s', (_, fill, bound) => {
  it('is uniform up to its bound', () => {
    const { data } = fill(weight());
    expectMoments(data, { deviation: bound / Math.sqrt(3), kurtosis: 9 / 5 });
    const largest = Math.max(...data.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(bound * (1 + EPSILON));
    // All values below 0.998 of it: (0.998)^9000 < 10⁻⁷.
    expect(largest).toBeGreaterThan(0.998 * bound);
  });
});

const normals: [string, (w: Tensor) => Tensor, deviation: number, mean?: number][] = [
  ['kaimingNormal', (w) => init.kaimingNormal(w), Math.sqrt(2 / IN)],
  [
    'kaimingNormal, linear',
    (w) => init.kaimingNormal(w, { mode: 'fanOut', nonlinearity: 'linear' }),
    1 / Math.sqrt(OUT),
  ],
  ['xavierNormal', (w) => init.xavierNormal(w, { gain: 3 }), 3 * Math.sqrt(2 / (IN + OUT))],
  ['lecunNormal', (w) => init.lecunNormal(w), 1 / Math.sqrt(IN)],
  ['normal', (w) => init.normal(w, { mean: 2, std: 0.5 }), 0.5, 2],
  // So wide that nothing is cut off but one value in 10⁹.
  ['truncNormal, wide', (w) => init.truncNormal(w, { mean: 1, std: 0.5, a: -2, b: 4 }), 0.5, 1],
];

describe.each(normals)('%s', (_, fill, deviation, mean = 0) => {
  it('is normal with its deviation', () => {
    const { data } = fill(weight());
    expectMoments(data, { mean, deviation, kurtosis: 3 });
    // 4.55 % of normal values are more than two deviations away.
    const share = data.filter((value) => Math.abs(value - mean) > 2 * deviation).length / SIZE;
    expect(Math.abs(share - 0.0455)).toBeLessThanOrEqual(SIGMAS * Math.sqrt((0.0455 * 0.9545) / SIZE));
  });
});

describe('truncNormal', () => {
  it.each([
    // Mean and deviation of a normal variable in [a, b]: integrals of x φ(x) and x² φ(x), Simpson's rule.
    [0, 1, -2, 2],
    [0, 1, -0.25, 0.5],
    [0, 1, 1, 3],
    [1, 0.1, 2, 2.5],
    [0, 1, 4, 1e6],
    [0, 1, 10, 11],
    [0, 1, -11, -10],
    [3, 2, -40, -36],
    [0, 1, 0, 1],
    [0, 1, 0, 9],
    [0, 1, 0.01, 9],
    [0, 1, 0.5, 1.5],
    [0, 1, -1, 30],
    [0, 1, 30, 30.01],
    [0, 1, 100, 1e9],
  ])('mean %d, std %d, in [%d, %d]', (mean, std, a, b) => {
    const near = Math.min(b, Math.max(a, mean));
    const steep = 16 / Math.max(1, Math.abs(near - mean) / std / 4);
    const [bottom, top] = [Math.max(a, near - std * steep), Math.min(b, near + std * steep)];
    const density = (x: number): number =>
      Math.exp((-((x - mean) ** 2) + (near - mean) ** 2) / (2 * std ** 2));
    const integral = (f: (x: number) => number): number => {
      const n = 20_000;
      let sum = 0;
      for (let i = 0; i <= n; i++) {
        const x = bottom + ((top - bottom) * i) / n;
        sum += f(x) * density(x) * (i === 0 || i === n ? 1 : i % 2 === 1 ? 4 : 2);
      }
      return sum;
    };
    const mass = integral(() => 1);
    const exact = integral((x) => x) / mass;
    const moment = (k: number): number => integral((x) => (x - exact) ** k) / mass;
    const { data } = init.truncNormal(weight(), { mean, std, a, b });
    expectMoments(data, {
      mean: exact,
      deviation: Math.sqrt(moment(2)),
      kurtosis: moment(4) / moment(2) ** 2,
    });
    expect(data.every((value) => value >= a && value <= b)).toBe(true);
  });
});

describe('bounds', () => {
  /** Bounds that float32 has, and such as it has not; narrow ones, and such as no other number than the first is between. */
  it.each([
    [0, 1],
    [0.1, 0.2],
    [-0.1, -0.05],
    [0.7, 0.7000001],
    [1, 1 + 2 ** -23],
    [1 - 2 ** -24, 1],
    [-1 - 2 ** -23, -1],
    [-(2 ** -149), 2 ** -149],
    [0, 2 ** -149],
    [16777216, 16777220],
    [-3e38, 3.4e38],
    [5, 5],
  ])('uniform keeps within [%d, %d)', (a, b) => {
    const { data } = init.uniform(weight(), { a, b });
    expect(data.every((value) => value >= a && (value < b || a === b))).toBe(true);
  });

  it('are kept where the largest and the smallest numbers are drawn', () => {
    const drawn = [2 ** 32 - 1, 0, 2 ** 32 - 128, 2 ** 31];
    class Edges extends Generator {
      override uint32(): number {
        return drawn[0];
      }
      protected override draw(values: Uint32Array, count: number): void {
        for (let i = 0; i < count; i++) values[i] = drawn[i % drawn.length];
      }
    }
    const edges = new Edges(0);
    for (const [low, high] of [
      [0, 1],
      [-1 / Math.sqrt(3), 1 / Math.sqrt(3)],
      [0.1, 0.2],
      [1, 1 + 2 ** -23],
      [-2, -1],
      [-1, 0],
      [16777216, 16777217],
      [-(2 ** -149), 0],
    ]) {
      const values = new Float32Array(8);
      edges.fillUniform(values, low, high);
      expect(
        [...values].every((value) => value >= low && value < high),
        `[${low}, ${high}): ${values}`,
      ).toBe(true);
    }
    for (const number of drawn) {
      drawn[0] = number;
      expect(Number.isFinite(edges.normal())).toBe(true);
    }
  });

  it.each([
    [-2, 2, 0, 1],
    [0.1, 0.2, 0.15, 1e-3],
    [0.1, 0.2, 5, 1e-3],
    [0.1, 0.2, -5, 1e3],
    [1e10, 1e10 + 4096, 0, 1],
    [1, 1 + 2 ** -22, 0, 1],
    [1, 2, 0, 1e-300],
    [1, 2, 1, 1e-30],
    [1, 2, 2, 5e-324],
    [-3e38, -2e38, 3e38, 1e-30],
    [-1e-40, 1e-40, 0, 3e38],
    [0, 3e38, 0, 1e-20],
  ])('truncNormal ends, in [%d, %d] with mean %d and std %d', (a, b, mean, std) => {
    const { data } = init.truncNormal(weight(), { mean, std, a, b });
    expect(data.every((value) => value >= a && value <= b)).toBe(true);
  });
});

describe('arguments', () => {
  const fills: Record<string, (value: number) => Tensor> = {
    'uniform a': (a) => init.uniform(weight(), { a, b: 3 }),
    'uniform b': (b) => init.uniform(weight(), { b }),
    'normal mean': (mean) => init.normal(weight(), { mean }),
    'normal std': (std) => init.normal(weight(), { std }),
    'constant value': (value) => init.constant(weight(), value),
    'orthogonal gain': (gain) => init.orthogonal(tensor([[1, 2]], { requiresGrad: true }), { gain }),
    'xavierUniform gain': (gain) => init.xavierUniform(weight(), { gain }),
    'xavierNormal gain': (gain) => init.xavierNormal(weight(), { gain }),
    'kaimingUniform a': (a) => init.kaimingUniform(weight(), { a }),
    'kaimingNormal a': (a) => init.kaimingNormal(weight(), { a }),
    'truncNormal mean': (mean) => init.truncNormal(weight(), { mean }),
    'truncNormal std': (std) => init.truncNormal(weight(), { std }),
    'truncNormal a': (a) => init.truncNormal(weight(), { a }),
    'truncNormal b': (b) => init.truncNormal(weight(), { b }),
  };

  describe.each(Object.entries(fills))('%s', (name, fill) => {
    const [call, option] = name.split(' ');

    it.each([NaN, Infinity, -Infinity, 1e39])('is not %d', (value) => {
      expect(() => fill(value)).toThrow(RangeError);
      expect(() => fill(value)).toThrow(
        `${call}: expected ${option} to be a finite float32 number, got ${value}`,
      );
    });

    it.each(['1', null, [1], true])('is not %j', (value) => {
      expect(() => fill(value as never)).toThrow(TypeError);
      expect(() => fill(value as never)).toThrow(`${call}: expected`);
    });
  });

  it('leave everything as it was where they are refused', () => {
    const parameter = tensor([[1, 2]], { requiresGrad: true });
    expect(() => init.truncNormal(parameter, { a: 0.1, b: 0.1 + 1e-12 })).toThrow(
      'truncNormal: there is no float32 number from 0.1 to 0.100000000001',
    );
    expect(() => init.calculateGain('leakyRelu', NaN)).toThrow(
      'calculateGain: expected slope to be a finite',
    );
    expect(parameter.toArray()).toEqual([[1, 2]]);
  });
});

describe('a layer that cannot be', () => {
  const layers: Record<string, () => nn.Module> = {
    Linear: () => new nn.Linear(100_000, 100_000),
    'Linear by far': () => new nn.Linear(2 ** 40, 2 ** 40),
    Embedding: () => new nn.Embedding(2 ** 20, 2 ** 12),
    LayerNorm: () => new nn.LayerNorm([2 ** 16, 2 ** 16]),
    RMSNorm: () => new nn.RMSNorm(2 ** 31),
    BatchNorm1d: () => new nn.BatchNorm1d(2 ** 31),
    PReLU: () => new nn.PReLU(2 ** 31),
  };

  it.each(Object.entries(layers))('%s is refused before a number is drawn', (name, make) => {
    const state = getRandomState();
    const begun = performance.now();
    expect(make).toThrow(RangeError);
    expect(make).toThrow(
      new RegExp(`^${name.split(' ')[0]}: .* numbers take \\d.* bytes, WebAssembly has \\d+ here`),
    );
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(getRandomState()).toEqual(state);
  });
});

describe('orthogonal', () => {
  it.each([
    [4, 4],
    [3, 17],
    [17, 3],
    [1, 5],
    [40, 40],
  ])('[%i, %i] has orthonormal rows or columns', (rows, columns) => {
    const gain = 1.5;
    const { data } = init.orthogonal(
      tensor(new Float32Array(rows * columns), { shape: [rows, columns], requiresGrad: true }),
      { gain },
    );
    const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
    const at = (i: number, k: number): number =>
      rows <= columns ? data[i * columns + k] : data[k * columns + i];
    for (let i = 0; i < short; i++) {
      for (let j = 0; j < short; j++) {
        let product = 0;
        for (let k = 0; k < long; k++) product += at(i, k) * at(j, k);
        // Two roundings of values whose products add up to gain² at most.
        expect(Math.abs(product - (i === j ? gain ** 2 : 0))).toBeLessThanOrEqual(3 * EPSILON * gain ** 2);
      }
    }
  });

  it('prefers no direction', () => {
    const values = Float32Array.from(
      { length: 4000 },
      () =>
        init.orthogonal(
          tensor(
            [
              [0, 0],
              [0, 0],
            ],
            { requiresGrad: true },
          ),
        ).data[0],
    );
    // The cosine of a uniform angle.
    expectMoments(values, { deviation: Math.SQRT1_2, kurtosis: 1.5 });
  });
});

describe('all of them', () => {
  const all: Record<string, (w: Tensor) => Tensor> = Object.fromEntries(
    Object.entries(init).flatMap(([name, fill]) =>
      name === 'calculateGain' ? [] : [[name, fill as (w: Tensor) => Tensor]],
    ),
  );
  all.constant = (w) => init.constant(w, 3);

  it.each(Object.keys(all))('%s fills in place and follows the seed', (name) => {
    const run = (seed: number): Float32Array => {
      manualSeed(seed);
      const parameter = new nn.Linear(9, 7).weight;
      expect(all[name](parameter)).toBe(parameter);
      return parameter.data;
    };
    expect(run(1)).toEqual(run(1));
    if (['constant', 'zeros', 'ones'].includes(name)) expect(new Set(run(1)).size).toBe(1);
    else expect(run(2)).not.toEqual(run(1));
    expect(() => all[name](tensor([[1, 2]]))).toThrow(
      new RegExp(`: expected a parameter, got a computed or constant tensor`),
    );
    expect(() => all[name](3 as never)).toThrow(/expected a parameter, got 3/);
  });

  it('are a dozen', () => expect(Object.keys(all)).toHaveLength(13));

  it('leave the default of Linear alone', () => {
    manualSeed(8);
    const layer = new nn.Linear(IN, OUT);
    manualSeed(8);
    expect(init.kaimingUniform(weight(), { a: Math.sqrt(5) }).data.map(Math.abs)).toEqual(
      layer.weight.data.map(Math.abs),
    );
  });

  it.each([
    [
      () => init.kaimingUniform(tensor([1], { requiresGrad: true })),
      /kaimingUniform: expected a weight \[out, in, …\], got shape \[1\]/,
    ],
    [
      () => init.kaimingNormal(weight(), { mode: 'fan_in' as never }),
      /mode 'fanIn' or 'fanOut', got string "fan_in"/,
    ],
    [
      () => init.kaimingNormal(weight(), { nonlinearity: 'gelu' as never }),
      /unknown nonlinearity 'gelu' \(known: linear/,
    ],
    [() => init.xavierUniform(weight(), { gian: 1 } as never), /unknown option 'gian'/],
    [() => init.truncNormal(weight(), { a: 1, b: 1 }), /expected a < b, got 1 and 1/],
    [() => init.truncNormal(weight(), { std: 0 }), /std to be above 0/],
    [() => init.uniform(weight(), { a: 2 }), /expected a ≤ b, got 2 and 1/],
    [() => init.normal(weight(), { std: -1 }), /std to be at least 0/],
    [() => init.constant(weight(), 'x' as never), /expected a number, got string "x"/],
  ])('%s', (action, message) => expect(action).toThrow(message));
});

describe('numbers beyond float32 are drawn as its largest', () => {
  const most = (2 - 2 ** -23) * 2 ** 127;
  const { weight: layer } = new nn.Linear(64, 64);
  it.each([
    ['normal', () => init.normal(layer, { std: 1.2e38 })],
    ['normal around a large mean', () => init.normal(layer, { mean: 3e38, std: 3e38 })],
    ['normal below 0', () => init.normal(layer, { mean: -most, std: 1e38 })],
    ['xavierNormal', () => init.xavierNormal(layer, { gain: 3.4e38 })],
    ['xavierUniform', () => init.xavierUniform(layer, { gain: 3.4e38 })],
    ['orthogonal', () => init.orthogonal(layer, { gain: most })],
    ['uniform', () => init.uniform(layer, { a: -most, b: most })],
    ['truncNormal', () => init.truncNormal(layer, { std: most, a: -most, b: most })],
  ])('%s', (_, draw) => {
    manualSeed(1);
    const { data } = draw();
    expect(data.every(Number.isFinite)).toBe(true);
    expect(Math.max(...data.map(Math.abs))).toBeGreaterThan(1e37);
  });

  it('and others are as they were', () => {
    manualSeed(3);
    const random = new Generator(3);
    expect([...init.normal(layer, { std: 2 }).data].slice(0, 9)).toEqual(
      Array.from({ length: 9 }, () => Math.fround(random.normal(0, 2))),
    );
  });
});
