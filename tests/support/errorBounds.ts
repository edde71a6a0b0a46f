import { SELU_ALPHA, SELU_SCALE } from '../../src/tensor/selu.js';
import type { LayerDescription, StoredModel } from '../../src/io/storedModel.js';

/** What a row becomes in exact arithmetic, and how far float32 may be from it. */
export interface Bounded {
  readonly value: number[];
  readonly error: number[];
}

const UNIT = 2 ** -24;
/** Rounding of an approximated function (exp, tanh, erf), relative to the larger of 1 and its value. */
const APPROXIMATED = 16 * UNIT;

/**
 * The output of a model for one row, computed in float64, with a bound on the error of any float32 implementation: each
 * layer passes on what it is given times its slope, and adds its own rounding.
 */
export function bounded(model: StoredModel, row: readonly number[]): Bounded {
  const output = layerOf(model, model.architecture, '', {
    value: row.map(Math.fround),
    error: row.map(() => 0),
  });
  if (model.output === 'softmax') return softmax(output);
  return model.output === 'sigmoid' ? curve(output, sigmoid, () => 0.25) : output;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** erf by its series and its continued fraction (Abramowitz and Stegun, 7.1.6 and 7.1.14). */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let term = z;
    let total = z;
    for (let n = 1; n < 200; n++) {
      term *= (2 * z * z) / (2 * n + 1);
      total += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (z + fraction) / Math.sqrt(Math.PI));
}

/** A function of one number whose slope is nowhere steeper than `slope`. */
function curve(
  { value, error }: Bounded,
  f: (x: number, i: number) => number,
  slope: (i: number) => number,
): Bounded {
  const result = value.map(f);
  return {
    value: result,
    error: error.map((e, i) => slope(i) * e + APPROXIMATED * Math.max(1, Math.abs(result[i]))),
  };
}

function softmax({ value, error }: Bounded): Bounded {
  const most = Math.max(...value);
  const powers = value.map((x) => Math.exp(x - most));
  const total = sum(powers);
  const p = powers.map((power) => power / total);
  const spread = Math.expm1(2 * Math.max(...error)) + (value.length + 2) * APPROXIMATED;
  return { value: p, error: p.map((one) => one * spread + UNIT) };
}

/** d / √(mean(d²) + eps) */
function divided({ value, error }: Bounded, eps: number): Bounded {
  const n = value.length;
  const deviation = Math.sqrt(sum(value.map((d) => d * d)) / n + eps);
  // The root mean square moves no further than that of the errors.
  const moved = Math.sqrt(sum(error.map((e) => e * e)) / n) + (n + 8) * UNIT * deviation;
  const least = Math.max(deviation - moved, Math.sqrt(eps) * (1 - 4 * UNIT));
  const result = value.map((d) => d / deviation);
  return {
    value: result,
    error: error.map((e, i) => (e + Math.abs(result[i]) * moved) / least + 4 * UNIT * Math.abs(result[i])),
  };
}

/** x · factor + shift, feature by feature; of more than one dimension those of the last. */
function scaled({ value, error }: Bounded, factors?: readonly number[], shifts?: readonly number[]): Bounded {
  const factor = (i: number): number => factors?.[i % factors.length] ?? 1;
  const shift = (i: number): number => shifts?.[i % shifts.length] ?? 0;
  return {
    value: value.map((x, i) => x * factor(i) + shift(i)),
    error: error.map((e, i) => {
      const size = Math.abs(value[i] * factor(i)) + Math.abs(shift(i));
      return (e * Math.abs(factor(i)) + 4 * UNIT * size) * (1 + UNIT);
    }),
  };
}

function layerOf(model: StoredModel, layer: LayerDescription, prefix: string, x: Bounded): Bounded {
  const numbers = (name: string): number[] => {
    const { values, scale, shape } = model.state.get(prefix + name)!;
    const width = values.length / shape[0];
    return Array.from(values, (value, i) => value * (scale?.[Math.floor(i / width)] ?? 1));
  };
  const inner = (child: LayerDescription, name: string, from = x): Bounded =>
    layerOf(model, child, `${prefix}${name}.`, from);
  const { value, error } = x;
  switch (layer.type) {
    case 'Linear': {
      const { inFeatures: k, outFeatures } = layer;
      const weight = numbers('weight');
      const bias = layer.bias ? numbers('bias') : [];
      const rows = Array.from({ length: outFeatures }, (_, i) => weight.slice(i * k, (i + 1) * k));
      return {
        value: rows.map((row, i) => sum(row.map((w, j) => w * value[j])) + (bias[i] ?? 0)),
        error: rows.map((row, i) => {
          const size = sum(row.map((w, j) => Math.abs(w * value[j]))) + Math.abs(bias[i] ?? 0);
          const given = sum(row.map((w, j) => Math.abs(w) * error[j]));
          return (given + (k + 2) * UNIT * size) * (1 + (k + 2) * UNIT);
        }),
      };
    }
    case 'Embedding': {
      const table = numbers('weight');
      const rows = value.flatMap((i) => table.slice(i * layer.embeddingDim, (i + 1) * layer.embeddingDim));
      return { value: rows, error: rows.map(() => 0) };
    }
    case 'BatchNorm1d': {
      const [mean, variance] = [numbers('runningMean'), numbers('runningVar')];
      const centred = scaled(
        x,
        undefined,
        mean.map((m) => -m),
      );
      const normal = scaled(
        centred,
        variance.map((v) => 1 / Math.sqrt(v + layer.eps)),
      );
      return layer.affine ? scaled(normal, numbers('weight'), numbers('bias')) : normal;
    }
    case 'Standardize': {
      const centred = scaled(
        x,
        undefined,
        numbers('mean').map((m) => -m),
      );
      return scaled(
        centred,
        numbers('scale').map((s) => 1 / s),
      );
    }
    case 'LayerNorm': {
      const n = value.length;
      const mean = sum(value) / n;
      const size = sum(value.map(Math.abs)) / n;
      const centred = {
        value: value.map((v) => v - mean),
        error: error.map((e, i) => e + sum(error) / n + (n + 2) * UNIT * (size + Math.abs(value[i]))),
      };
      const normal = divided(centred, layer.eps);
      if (!layer.elementwiseAffine) return normal;
      return scaled(normal, numbers('weight'), layer.bias ? numbers('bias') : undefined);
    }
    case 'RMSNorm': {
      const normal = divided(x, layer.eps);
      return layer.elementwiseAffine ? scaled(normal, numbers('weight')) : normal;
    }
    case 'PReLU': {
      const weight = numbers('weight');
      const slope = (i: number): number => weight[i % weight.length];
      return curve(
        x,
        (v, i) => (v > 0 ? v : slope(i) * v),
        (i) => Math.max(1, Math.abs(slope(i))),
      );
    }
    case 'Softmax':
      return softmax(x);
    case 'LogSoftmax': {
      const most = Math.max(...value);
      const total = most + Math.log(sum(value.map((v) => Math.exp(v - most))));
      const spread = Math.max(...error) + (value.length + 2) * APPROXIMATED;
      const result = value.map((v) => v - total);
      return {
        value: result,
        error: error.map((e, i) => e + spread + 4 * UNIT * (Math.abs(result[i]) + most)),
      };
    }
    case 'Sequential':
      return layer.layers.reduce((from, child, i) => inner(child, `${i}`, from), x);
    case 'Residual': {
      const y = inner(layer.inner, 'inner');
      const result = value.map((v, i) => v + y.value[i]);
      return { value: result, error: error.map((e, i) => e + y.error[i] + 2 * UNIT * Math.abs(result[i])) };
    }
    case 'Concat': {
      const all = layer.branches.map((branch, i) => inner(branch, `${i}`));
      return { value: all.flatMap((one) => one.value), error: all.flatMap((one) => one.error) };
    }
    case 'Identity':
    case 'Flatten':
    case 'Dropout':
    case 'AlphaDropout':
      return x;
    case 'ReLU':
      return curve(
        x,
        (v) => Math.max(v, 0),
        () => 1,
      );
    case 'LeakyReLU':
      return curve(
        x,
        (v) => (v > 0 ? v : layer.negativeSlope * v),
        () => Math.max(1, layer.negativeSlope),
      );
    case 'ELU':
      return curve(
        x,
        (v) => (v > 0 ? v : layer.alpha * Math.expm1(v)),
        () => Math.max(1, layer.alpha),
      );
    case 'SELU':
      return curve(
        x,
        (v) => SELU_SCALE * (v > 0 ? v : SELU_ALPHA * Math.expm1(v)),
        () => 1.76,
      );
    case 'GELU':
      return curve(
        x,
        (v) => (v * (1 + erf(v * Math.SQRT1_2))) / 2,
        () => 1.13,
      );
    case 'SiLU':
      return curve(
        x,
        (v) => v * sigmoid(v),
        () => 1.1,
      );
    case 'Mish':
      return curve(
        x,
        (v) => v * Math.tanh(softplus(v)),
        () => 1.09,
      );
    case 'Sigmoid':
      return curve(x, sigmoid, () => 0.25);
    case 'Tanh':
      return curve(x, Math.tanh, () => 1);
    case 'Hardtanh':
      return curve(
        x,
        (v) => Math.min(Math.max(v, layer.min), layer.max),
        () => 1,
      );
    case 'Softplus': {
      const { beta, threshold } = layer;
      const jump = softplus(-threshold) / beta;
      const soft = curve(
        x,
        (v) => (v * beta > threshold ? v : softplus(v * beta) / beta),
        () => 1,
      );
      return { value: soft.value, error: soft.error.map((e) => e / Math.min(beta, 1) + jump) };
    }
  }
}
