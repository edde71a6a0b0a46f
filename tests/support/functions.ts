import { Binary, Unary } from '../../assembly/opcodes.js';
import { erfc, fround } from './numbers.js';

/** A function of one number in float64, its derivative, and how many roundings its float32 version may differ by. */
export interface UnaryReference {
  readonly fn: Unary;
  readonly f: (x: number, s0: number, s1: number) => number;
  readonly derivative: (x: number, s0: number, s1: number) => number;
  readonly roundings: number;
  /** Errors relative to 1 instead of to the result, where cancellation costs digits. */
  readonly floor?: number;
  readonly parameters?: readonly [number, number];
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** x · weight in the limit: 0 where the weight is 0. */
const weigh = (x: number, weight: number): number => (weight === 0 ? 0 : x * weight);
const phi = (x: number): number => erfc(-x / Math.SQRT2) / 2;
const mishTanh = (x: number): number => Math.tanh(Math.log1p(Math.exp(Math.min(x, 40))));
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Every function of one number, by the name of its opcode. The roundings were counted in the kernel's arithmetic. */
export const unaryReferences: Record<string, UnaryReference> = {
  NEGATE: { fn: Unary.NEGATE, f: (x) => -x, derivative: () => -1, roundings: 0 },
  EXP: { fn: Unary.EXP, f: Math.exp, derivative: Math.exp, roundings: 4 },
  LOG: { fn: Unary.LOG, f: Math.log, derivative: (x) => 1 / x, roundings: 4 },
  SQRT: { fn: Unary.SQRT, f: Math.sqrt, derivative: (x) => 0.5 / Math.sqrt(x), roundings: 3 },
  ABS: { fn: Unary.ABS, f: Math.abs, derivative: Math.sign, roundings: 0 },
  SQUARE: { fn: Unary.SQUARE, f: (x) => x * x, derivative: (x) => 2 * x, roundings: 2 },
  RELU: { fn: Unary.RELU, f: (x) => Math.max(x, 0), derivative: (x) => (x > 0 ? 1 : 0), roundings: 0 },
  LEAKY_RELU: {
    fn: Unary.LEAKY_RELU,
    f: (x, s) => (x < 0 ? s * x : x),
    derivative: (x, s) => (x > 0 ? 1 : s),
    roundings: 2,
    parameters: [0.2, 0],
  },
  SIGMOID: {
    fn: Unary.SIGMOID,
    f: sigmoid,
    derivative: (x) => sigmoid(x) * sigmoid(-x),
    roundings: 8,
    floor: 2,
  },
  TANH: { fn: Unary.TANH, f: Math.tanh, derivative: (x) => 1 - Math.tanh(x) ** 2, roundings: 6, floor: 6 },
  GELU: {
    fn: Unary.GELU,
    f: (x) => weigh(x, phi(x)),
    derivative: (x) => phi(x) + weigh(x, density(x)),
    roundings: 16,
    floor: 8,
  },
  SILU: {
    fn: Unary.SILU,
    f: (x) => weigh(x, sigmoid(x)),
    derivative: (x) => sigmoid(x) + weigh(weigh(x, sigmoid(x)), sigmoid(-x)),
    roundings: 12,
    floor: 8,
  },
  SOFTPLUS: {
    fn: Unary.SOFTPLUS,
    f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    derivative: sigmoid,
    roundings: 10,
    parameters: [1, 20],
  },
  'SOFTPLUS with beta 2, threshold 3': {
    fn: Unary.SOFTPLUS,
    f: (x, beta, threshold) =>
      beta * x > threshold ? x : (Math.max(beta * x, 0) + Math.log1p(Math.exp(-Math.abs(beta * x)))) / beta,
    derivative: (x, beta, threshold) => (beta * x > threshold ? 1 : sigmoid(beta * x)),
    roundings: 12,
    parameters: [2, 3],
  },
  CLAMP: {
    fn: Unary.CLAMP,
    f: (x, low, high) => (Number.isNaN(x) ? x : Math.min(Math.max(x, low), high)),
    derivative: (x, low, high) => (x >= low && x <= high ? 1 : 0),
    roundings: 0,
    parameters: [fround(-0.7), fround(0.9)],
  },
  ELU: {
    fn: Unary.ELU,
    f: (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
    derivative: (x, alpha) => (x > 0 ? 1 : alpha * Math.exp(x)),
    roundings: 10,
    parameters: [0.75, 0],
  },
  HARDTANH: {
    fn: Unary.HARDTANH,
    f: (x, low, high) => (Number.isNaN(x) ? x : Math.min(Math.max(x, low), high)),
    derivative: (x, low, high) => (x > low && x < high ? 1 : 0),
    roundings: 0,
    parameters: [fround(-0.7), fround(0.9)],
  },
  MISH: {
    fn: Unary.MISH,
    f: (x) => weigh(x, mishTanh(x)),
    derivative: (x) => mishTanh(x) + weigh(weigh(x, sigmoid(x)), 1 - mishTanh(x) ** 2),
    roundings: 14,
    floor: 8,
  },
  HUBER: {
    fn: Unary.HUBER,
    f: (x, delta) => (Math.abs(x) < delta ? (x * x) / 2 : delta * (Math.abs(x) - delta / 2)),
    derivative: (x, delta) => Math.min(Math.max(x, -delta), delta),
    roundings: 5,
    parameters: [fround(0.8), 1],
  },
  'HUBER divided by its delta': {
    fn: Unary.HUBER,
    f: (x, delta) => (Math.abs(x) < delta ? (x * x) / 2 / delta : Math.abs(x) - delta / 2),
    derivative: (x, delta) => Math.min(Math.max(x / delta, -1), 1),
    roundings: 5,
    parameters: [fround(0.8), fround(0.8)],
  },
  POWER: {
    fn: Unary.POWER,
    f: (x, s) => x ** s,
    derivative: (x, s) => s * x ** (s - 1),
    roundings: 4,
    parameters: [3, 0],
  },
};

export interface BinaryReference {
  readonly fn: Binary;
  readonly f: (a: number, b: number) => number;
  /** ∂f/∂a and ∂f/∂b. */
  readonly derivatives: readonly [(a: number, b: number) => number, (a: number, b: number) => number];
  readonly roundings: number;
  /** Errors relative to 1 instead of to the result, where cancellation costs digits. */
  readonly floor?: number;
  /** What the first operand may be. */
  readonly positive?: boolean;
  /** Both operands are probabilities. */
  readonly share?: boolean;
  /** The second operand is to be 0 here and there. */
  readonly zeros?: boolean;
}

const limitedLog = (x: number): number => Math.max(Math.log(x), -100);
const share = (x: number, y: number): number => (x > y ? 1 : x === y ? 0.5 : 0);

export const binaryReferences: Record<string, BinaryReference> = {
  ADD: { fn: Binary.ADD, f: (a, b) => a + b, derivatives: [() => 1, () => 1], roundings: 1 },
  SUBTRACT: { fn: Binary.SUBTRACT, f: (a, b) => a - b, derivatives: [() => 1, () => -1], roundings: 1 },
  MULTIPLY: { fn: Binary.MULTIPLY, f: (a, b) => a * b, derivatives: [(_, b) => b, (a) => a], roundings: 2 },
  DIVIDE: {
    fn: Binary.DIVIDE,
    f: (a, b) => a / b,
    derivatives: [(_, b) => 1 / b, (a, b) => -a / b / b],
    roundings: 5,
  },
  POWER: {
    fn: Binary.POWER,
    f: (a, b) => a ** b,
    derivatives: [(a, b) => b * a ** (b - 1), (a, b) => a ** b * Math.log(a)],
    roundings: 8,
    positive: true,
  },
  MAXIMUM: { fn: Binary.MAXIMUM, f: Math.max, derivatives: [share, (a, b) => share(b, a)], roundings: 1 },
  MINIMUM: {
    fn: Binary.MINIMUM,
    f: Math.min,
    derivatives: [(a, b) => share(b, a), (a, b) => share(a, b)],
    roundings: 1,
  },
  WEIGH: { fn: Binary.WEIGH, f: weigh, derivatives: [(_, b) => b, (a) => a], roundings: 2 },
  SQUARED_DIFFERENCE: {
    fn: Binary.SQUARED_DIFFERENCE,
    f: (a, b) => (a - b) ** 2,
    derivatives: [(a, b) => 2 * (a - b), (a, b) => 2 * (b - a)],
    roundings: 5,
  },
  CROSS_ENTROPY: {
    fn: Binary.CROSS_ENTROPY,
    f: (a, b) => -b * limitedLog(a) - (1 - b) * limitedLog(1 - a),
    derivatives: [
      (a, b) => (1 - b) / Math.max(1 - a, 1e-12) - b / Math.max(a, 1e-12),
      (a) => limitedLog(1 - a) - limitedLog(a),
    ],
    roundings: 12,
    floor: 16,
    share: true,
  },
  LOGIT_CROSS_ENTROPY: {
    fn: Binary.LOGIT_CROSS_ENTROPY,
    f: (a, b) => weigh(Math.abs(a), a < 0 ? b : 1 - b) + Math.log1p(Math.exp(-Math.abs(a))),
    derivatives: [(a, b) => sigmoid(a) - b, (a) => -a],
    roundings: 12,
    floor: 24,
  },
  KEEP: {
    fn: Binary.KEEP,
    f: (a, b) => (b === 0 ? 0 : a),
    derivatives: [(_, b) => (b === 0 ? 0 : 1), () => 0],
    roundings: 1,
    zeros: true,
  },
};
