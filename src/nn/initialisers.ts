import { shown } from '../core/shown.js';
import { defaultGenerator, floatUpTo, type Generator } from '../core/random.js';
import { formatShape } from '../tensor/layout.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from '../tensor/tensor.js';
import { overwrite } from '../tensor/writes.js';
import { orthonormalRows } from './orthonormal.js';
import { truncated } from './truncated.js';

// Each function overwrites a leaf with numbers from the generator of manualSeed() and returns it.

/** Functions with a recommended gain. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

export interface KaimingOptions {
  /** Slope of the leaky ReLU below zero; 0 by default. */
  a?: number;
  /** Keep the variance of the forward pass (`'fanIn'`, by default) or of the backward pass. */
  mode?: 'fanIn' | 'fanOut';
  /** What follows the layer; `'leakyRelu'` by default, which with a = 0 is ReLU. */
  nonlinearity?: Nonlinearity;
}

export interface GainOptions {
  /** A factor of the result; 1 by default. */
  gain?: number;
}

/**
 * The factor by which weights before a function should be larger than before none, as PyTorch recommends it: 1 for
 * linear and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + a²)) for leakyRelu, 3/4 for selu.
 *
 * @param slope of leakyRelu below zero
 * @throws TypeError on a slope that is no finite number, RangeError on an unknown function
 */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  checkFinite('calculateGain', { slope });
  const gains: Record<Nonlinearity, number> = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + slope ** 2)),
    selu: 3 / 4,
  };
  if (!Object.hasOwn(gains, nonlinearity)) {
    const known = Object.keys(gains).join(', ');
    throw new RangeError(`calculateGain: unknown nonlinearity '${nonlinearity}' (known: ${known})`);
  }
  return gains[nonlinearity];
}

/**
 * Uniform in [−b, b), b = gain · √(3 / fan) (He et al., "Delving Deep into Rectifiers", 2015). The weight is
 * [out, in, …]: fanIn = in · …, fanOut = out · ….
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const layer = new nn.Linear(6, 100);
 * nn.init.kaimingUniform(layer.weight); // bound √(6 / 6)
 * Math.max(...layer.weight.data) <= 1; // true
 * ```
 */
export function kaimingUniform<T extends Tensor>(parameter: T, options: KaimingOptions = {}): T {
  return spread('kaimingUniform', parameter, kaimingDeviation('kaimingUniform', parameter, options));
}

/**
 * Normal with deviation gain / √fan (He et al., 2015); options and fans as {@link kaimingUniform} has them.
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 */
export function kaimingNormal<T extends Tensor>(parameter: T, options: KaimingOptions = {}): T {
  const deviation = kaimingDeviation('kaimingNormal', parameter, options);
  return fill('kaimingNormal', parameter, (random) => random.normal(0, deviation));
}

/**
 * Uniform in [−b, b), b = gain · √(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010).
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const layer = new nn.Linear(3, 3);
 * nn.init.xavierUniform(layer.weight, { gain: nn.init.calculateGain('tanh') });
 * nn.init.zeros(layer.bias!).toArray(); // [0, 0, 0]
 * ```
 */
export function xavierUniform<T extends Tensor>(parameter: T, options: GainOptions = {}): T {
  return spread('xavierUniform', parameter, xavierDeviation('xavierUniform', parameter, options));
}

/**
 * Normal with deviation gain · √(2 / (fanIn + fanOut)) (Glorot and Bengio, 2010).
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 */
export function xavierNormal<T extends Tensor>(parameter: T, options: GainOptions = {}): T {
  const deviation = xavierDeviation('xavierNormal', parameter, options);
  return fill('xavierNormal', parameter, (random) => random.normal(0, deviation));
}

/**
 * Uniform in [−b, b), b = √(3 / fanIn) (LeCun et al., "Efficient BackProp", 1998): what SELU wants.
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 */
export function lecunUniform<T extends Tensor>(parameter: T): T {
  return spread('lecunUniform', parameter, 1 / Math.sqrt(fans('lecunUniform', parameter).fanIn));
}

/**
 * Normal with deviation 1 / √fanIn (LeCun et al., 1998), not truncated.
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 */
export function lecunNormal<T extends Tensor>(parameter: T): T {
  const deviation = 1 / Math.sqrt(fans('lecunNormal', parameter).fanIn);
  return fill('lecunNormal', parameter, (random) => random.normal(0, deviation));
}

/**
 * gain · Q with orthonormal rows, or columns where there are more rows than columns, drawn uniformly among all such
 * matrices (Saxe et al., 2014). Dimensions after the first count as one.
 *
 * @throws TypeError on anything but a leaf, RangeError where it has fewer than two dimensions
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const { weight } = new nn.Linear(8, 4);
 * nn.init.orthogonal(weight);
 * weight.slice(0, 0, 1).square().sum().item(); // 1
 * ```
 */
export function orthogonal<T extends Tensor>(parameter: T, options: GainOptions = {}): T {
  checkOptions('orthogonal', options, ['gain']);
  const { gain = 1 } = options;
  checkFinite('orthogonal', { gain });
  fans('orthogonal', parameter);
  const rows = parameter.shape[0];
  const columns = rows === 0 ? 0 : parameter.size / rows;
  const wide = rows <= columns;
  const random = defaultGenerator();
  const q = orthonormalRows(Math.min(rows, columns), Math.max(rows, columns), () => random.normal());
  let i = 0;
  return fill('orthogonal', parameter, () => {
    const [row, column] = [Math.floor(i / columns), i++ % columns];
    return gain * (wide ? q[row][column] : q[column][row]);
  });
}

/**
 * Normal, limited to [a, b]: what is left of the distribution there, however far from the mean.
 *
 * @throws TypeError on anything but a leaf and finite numbers, RangeError if std is not positive, a is not below b, or no
 * float32 lies between them
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const { weight } = new nn.Linear(9, 9);
 * nn.init.truncNormal(weight, { std: 0.02, a: -0.04, b: 0.04 });
 * Math.max(...weight.data) <= 0.04; // true
 * ```
 */
export function truncNormal<T extends Tensor>(
  parameter: T,
  options: { mean?: number; std?: number; a?: number; b?: number } = {},
): T {
  checkOptions('truncNormal', options, ['mean', 'std', 'a', 'b']);
  const { mean = 0, std = 1, a = -2, b = 2 } = options;
  checkFinite('truncNormal', { mean, std, a, b });
  if (!(std > 0)) throw new RangeError(`truncNormal: expected std to be above 0, got ${shown(std)}`);
  const [least, most] = [-floatUpTo(-a), floatUpTo(b)];
  if (!(a < b)) throw new RangeError(`truncNormal: expected a < b, got ${shown(a)} and ${shown(b)}`);
  if (least > most) throw new RangeError(`truncNormal: there is no float32 number from ${a} to ${b}`);
  return fill('truncNormal', parameter, (random) =>
    Math.min(most, Math.max(least, truncated(random, mean, std, a, b))),
  );
}

/**
 * Uniform in [a, b), [0, 1) by default; a everywhere if a = b.
 *
 * @throws TypeError on anything but a leaf and finite numbers, RangeError if a is above b
 */
export function uniform<T extends Tensor>(parameter: T, options: { a?: number; b?: number } = {}): T {
  checkOptions('uniform', options, ['a', 'b']);
  const { a = 0, b = 1 } = options;
  checkFinite('uniform', { a, b });
  if (!(a <= b)) throw new RangeError(`uniform: expected a ≤ b, got ${shown(a)} and ${shown(b)}`);
  return fillUniform('uniform', parameter, a, b);
}

/**
 * Normal, with mean 0 and deviation 1 by default. What is beyond float32 becomes its largest number.
 *
 * @throws TypeError on anything but a leaf and finite numbers, RangeError if std is below 0
 */
export function normal<T extends Tensor>(parameter: T, options: { mean?: number; std?: number } = {}): T {
  checkOptions('normal', options, ['mean', 'std']);
  const { mean = 0, std = 1 } = options;
  checkFinite('normal', { mean, std });
  if (!(std >= 0)) throw new RangeError(`normal: expected std to be at least 0, got ${shown(std)}`);
  return fill('normal', parameter, (random) => random.normal(mean, std));
}

/**
 * One value everywhere.
 *
 * @throws TypeError on anything but a leaf and a finite number
 */
export function constant<T extends Tensor>(parameter: T, value: number): T {
  if (typeof value !== 'number') throw new TypeError(`constant: expected a number, got ${shown(value)}`);
  checkFinite('constant', { value });
  return fill('constant', parameter, () => value);
}

/** 0 everywhere. */
export function zeros<T extends Tensor>(parameter: T): T {
  return constant(parameter, 0);
}

/** 1 everywhere. */
export function ones<T extends Tensor>(parameter: T): T {
  return constant(parameter, 1);
}

/** The largest float32. */
const LARGEST = floatUpTo(Number.MAX_VALUE);

/** What is drawn is kept within float32. */
function fill<T extends Tensor>(name: string, parameter: T, draw: (random: Generator) => number): T {
  checkLeaf(name, parameter);
  const random = defaultGenerator();
  const values = Float32Array.from({ length: parameter.size }, () =>
    Math.min(LARGEST, Math.max(-LARGEST, draw(random))),
  );
  return put(name, parameter, values);
}

function fillUniform<T extends Tensor>(name: string, parameter: T, low: number, high: number): T {
  checkLeaf(name, parameter);
  const values = new Float32Array(parameter.size);
  defaultGenerator().fillUniform(values, low, high);
  return put(name, parameter, values);
}

function put<T extends Tensor>(name: string, parameter: T, values: Float32Array): T {
  overwrite(name, parameter, values);
  return parameter;
}

/** Uniform with this deviation. */
function spread<T extends Tensor>(name: string, parameter: T, deviation: number): T {
  const bound = Math.sqrt(3) * deviation;
  return fillUniform(name, parameter, -bound, bound);
}

/** Refuses what is no number, or none that float32 has. */
function checkFinite(name: string, values: Readonly<Record<string, number>>): void {
  for (const [option, value] of Object.entries(values)) {
    if (typeof value === 'number' && Math.abs(Math.fround(value)) < Infinity) continue;
    const Kind = typeof value === 'number' ? RangeError : TypeError;
    throw new Kind(`${name}: expected ${option} to be a finite float32 number, got ${shown(value)}`);
  }
}

function checkLeaf(name: string, parameter: Tensor): void {
  if (!(parameter instanceof Tensor)) {
    throw new TypeError(`${name}: expected a parameter, got ${shown(parameter)}`);
  }
  if (!parameter.isLeaf || parameter.source) {
    throw new TypeError(`${name}: expected a parameter, got a computed or constant tensor`);
  }
}

function fans(name: string, parameter: Tensor): { fanIn: number; fanOut: number } {
  checkLeaf(name, parameter);
  const { shape } = parameter;
  if (shape.length < 2) {
    throw new RangeError(`${name}: expected a weight [out, in, …], got shape ${formatShape(shape)}`);
  }
  const field = shape.slice(2).reduce((product, length) => product * length, 1);
  // An empty weight has no values to spread.
  return { fanIn: Math.max(1, shape[1] * field), fanOut: Math.max(1, shape[0] * field) };
}

function kaimingDeviation(name: string, parameter: Tensor, options: KaimingOptions): number {
  checkOptions(name, options, ['a', 'mode', 'nonlinearity']);
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options;
  checkFinite(name, { a });
  if (mode !== 'fanIn' && mode !== 'fanOut') {
    throw new RangeError(`${name}: expected mode 'fanIn' or 'fanOut', got ${shown(mode)}`);
  }
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(name, parameter)[mode]);
}

function xavierDeviation(name: string, parameter: Tensor, options: GainOptions): number {
  checkOptions(name, options, ['gain']);
  const { gain = 1 } = options;
  checkFinite(name, { gain });
  const { fanIn, fanOut } = fans(name, parameter);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}
