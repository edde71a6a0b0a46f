import { EPSILON } from '../support/numbers.js';

// How far the weights of 50 steps on digits may be from exact ones, whatever order a build sums in and whether or not it
// fuses. Both builds are that close to the same exact weights, so they are within twice that of each other.
//
// A step is θ ← G(θ) = θ − η ∇f(θ). An exact run gives θ(t+1) = G(θ(t)), a run in float32 θ̂(t+1) = G(θ̂(t)) + e(t).
// With d(t) = ‖θ̂(t) − θ(t)‖, and H the Hessian of f on the way from θ to θ̂,
//
//   d(t+1) ≤ ‖I − ηH‖ d(t) + ‖e(t)‖,   d(0) = 0.
//
// The Hessian. For a row x with x̃ = (x, 1), hidden units h = tanh(W₁x̃), h̃ = (h, 1), logits z = W₂h̃, p = softmax(z) and
// r = p − y, H is the mean over the batch of JᵀSJ + Σₖ rₖ ∇²zₖ, where J = ∂z/∂θ and S = diag(p) − ppᵀ ≤ ½.
//
// - The first part, the mean of JᵀSJ, is at least 0 and at most ½ mean ‖J‖², and ‖J‖² ≤ ‖W₂‖²‖x̃‖² + ‖h̃‖² as |tanh′| ≤ 1.
//   Where η times that is at most 2, which is checked, it moves nothing further apart: ‖I − η mean JᵀSJ‖ ≤ 1.
// - The second part, in the direction (U₁, U₂) with ‖U₁‖ = α, ‖U₂‖ = β, α² + β² = 1, is the mean of
//   rᵀW₂(tanh″ ∘ (U₁x̃)²) + 2 rᵀU₂(tanh′ ∘ U₁x̃). As |tanh″| ≤ 4/(3√3), the mean of the first is at most Aα² with
//   A = mean 4/(3√3) max|W₂ᵀr| ‖x̃‖². With tanh′ = 1 − h², that of the second is at most 2αβC with
//   C = ‖mean r x̃ᵀ‖ + mean max(h²) ‖r‖‖x̃‖. So its norm is at most A/2 + √(A²/4 + C²) =: R, and ‖I − ηH‖ ≤ 1 + ηR.
//
// All of that is taken at θ(t), and enlarged by what a step of length d(t) can change: h by ‖x̃‖d, r by ½‖J‖d, W by d.
//
// The roundings e(t). A sum of k products and a start is off by γ(k + 2) Σ|aᵢbᵢ| at most, γ(n) = nu / (1 − nu), u = 2⁻²⁴,
// in any order, fused or not. tanh and the softmax are off by what tests/assembly allows their kernels. These errors go
// through the step by absolute values: |δ(AB)| ≤ |δA||B| + |A||δB| + γ|A||B|, with |δ tanh| ≤ |δs|, and with
// |δp| ≤ p (e²ᵐ − 1) where the logits are off by m. The update itself rounds twice.

const u = EPSILON;
const gamma = (n: number): number => (n * u) / (1 - n * u);

/** Roundings that tests/assembly allows tanh: relative, and of 1. */
const TANH = { relative: 6, of1: 6 };
/** Roundings that tests/assembly allows a probability, relative to it, besides the number of classes. */
const SOFTMAX = 40;

export interface Network {
  /** [hidden, inputs] */
  readonly w1: Float64Array;
  readonly b1: Float64Array;
  /** [classes, hidden] */
  readonly w2: Float64Array;
  readonly b2: Float64Array;
}

export interface Batch {
  /** [rows, inputs] */
  readonly x: Float64Array;
  readonly labels: readonly number[];
}

const norm = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
};

/** Exact training, and how far a run in float32 may be from it: the distance, in the Euclidean norm of all weights. */
export class ExactRun {
  distance = 0;

  constructor(
    readonly network: Network,
    private readonly rate: number,
  ) {}

  step({ x, labels }: Batch): void {
    const { w1, b1, w2, b2 } = this.network;
    const { rate: eta, distance: d } = this;
    const hidden = b1.length;
    const classes = b2.length;
    const rows = labels.length;
    const inputs = x.length / rows;
    const grown = <T extends Float64Array>(values: T): Float64Array => values.map((v) => Math.abs(v) + d);
    // Bounds of absolute values near θ, and gradients (g) with bounds of their errors (e).
    const [m1, mb1, m2, mb2] = [w1, b1, w2, b2].map(grown);
    const g = { w1: w1.map(() => 0), b1: b1.map(() => 0), w2: w2.map(() => 0), b2: b2.map(() => 0) };
    const size = { w1: w1.map(() => 0), b1: b1.map(() => 0), w2: w2.map(() => 0), b2: b2.map(() => 0) };
    const e = { w1: w1.map(() => 0), b1: b1.map(() => 0), w2: w2.map(() => 0), b2: b2.map(() => 0) };

    // ‖W₂‖² ≤ ‖W₂W₂ᵀ‖ in the Frobenius norm.
    let gram = 0;
    for (let a = 0; a < classes; a++) {
      for (let b = 0; b < classes; b++) {
        let dot = 0;
        for (let j = 0; j < hidden; j++) dot += w2[a * hidden + j] * w2[b * hidden + j];
        gram += dot * dot;
      }
    }
    const w2Norm = Math.sqrt(Math.sqrt(gram)) + d;
    const mean = new Float64Array(classes * (inputs + 1));
    let jacobian = 0;
    let A = 0;
    let C = 0;

    const h = new Float64Array(hidden);
    const mh = new Float64Array(hidden);
    const eh = new Float64Array(hidden);
    const p = new Float64Array(classes);
    for (let i = 0; i < rows; i++) {
      const row = x.subarray(i * inputs, (i + 1) * inputs);
      const xNorm = Math.sqrt(1 + norm(row) ** 2);
      for (let j = 0; j < hidden; j++) {
        let s = b1[j];
        let ms = mb1[j];
        for (let k = 0; k < inputs; k++) {
          s += w1[j * inputs + k] * row[k];
          ms += m1[j * inputs + k] * Math.abs(row[k]);
        }
        h[j] = Math.tanh(s);
        mh[j] = Math.min(1, Math.abs(h[j]) + xNorm * d);
        eh[j] = gamma(inputs + 2) * ms + (TANH.relative * mh[j] + TANH.of1) * u;
      }
      const hNorm = Math.sqrt(1 + (norm(h) + xNorm * d) ** 2);
      let largest = -Infinity;
      let off = 0;
      for (let c = 0; c < classes; c++) {
        let z = b2[c];
        let mz = mb2[c];
        let ez = 0;
        for (let j = 0; j < hidden; j++) {
          z += w2[c * hidden + j] * h[j];
          mz += m2[c * hidden + j] * mh[j];
          ez += m2[c * hidden + j] * eh[j];
        }
        p[c] = z;
        largest = Math.max(largest, z);
        off = Math.max(off, gamma(hidden + 2) * (mz + ez) + ez);
      }
      let total = 0;
      for (let c = 0; c < classes; c++) total += p[c] = Math.exp(p[c] - largest);
      const jNorm = Math.sqrt((w2Norm * xNorm) ** 2 + hNorm ** 2);
      const rMoved = 0.5 * jNorm * d;
      const r = p.map((value, c) => value / total - (labels[i] === c ? 1 : 0));
      const rNorm = norm(r) + rMoved;

      let most = 0;
      let mostH = 0;
      for (let j = 0; j < hidden; j++) {
        let dh = 0;
        let mdh = 0;
        let edh = 0;
        let column = 0;
        for (let c = 0; c < classes; c++) {
          const dz = r[c] / rows;
          const mdz = (Math.abs(r[c]) + rMoved) / rows;
          const probability = Math.min(1, p[c] / total + rMoved);
          const edz = (probability * (Math.expm1(2 * off) + (classes + SOFTMAX) * u)) / rows + 3 * u * mdz;
          const at = c * hidden + j;
          column += w2[at] ** 2;
          dh += dz * w2[at];
          mdh += mdz * m2[at];
          edh += gamma(classes + 2) * (mdz + edz) * m2[at] + edz * m2[at];
          g.w2[at] += dz * h[j];
          size.w2[at] += mdz * mh[j];
          e.w2[at] += gamma(rows + 2) * (mdz + edz) * (mh[j] + eh[j]) + edz * (mh[j] + eh[j]) + mdz * eh[j];
          if (j > 0) continue;
          g.b2[c] += dz;
          size.b2[c] += mdz;
          e.b2[c] += gamma(rows + 2) * (mdz + edz) + edz;
        }
        most = Math.max(most, Math.abs(dh) * rows + d * rNorm + Math.sqrt(column) * rMoved);
        mostH = Math.max(mostH, mh[j]);
        const slope = 1 - h[j] * h[j];
        const ds = dh * slope;
        const eds = edh + mdh * (2 * mh[j] * eh[j] + eh[j] ** 2 + 4 * u);
        g.b1[j] += ds;
        size.b1[j] += mdh;
        e.b1[j] += gamma(rows + 2) * (mdh + eds) + eds;
        for (let k = 0; k < inputs; k++) {
          const ink = Math.abs(row[k]);
          if (ink === 0) continue;
          const at = j * inputs + k;
          g.w1[at] += ds * row[k];
          size.w1[at] += mdh * ink;
          e.w1[at] += (gamma(rows + 2) * (mdh + eds) + eds) * ink;
        }
      }
      jacobian += jNorm ** 2 / rows;
      A += ((4 / (3 * Math.sqrt(3))) * most * xNorm ** 2) / rows;
      C += (mostH ** 2 * rNorm * xNorm + rMoved * xNorm) / rows;
      for (let c = 0; c < classes; c++) {
        for (let k = 0; k <= inputs; k++)
          mean[c * (inputs + 1) + k] += (r[c] * (k < inputs ? row[k] : 1)) / rows;
      }
    }
    C += norm(mean);
    if (!(eta * 0.5 * jacobian <= 2))
      throw new Error(`the step is too long for this bound: ${eta * 0.5 * jacobian} > 2`);
    const growth = 1 + eta * (A / 2 + Math.sqrt(A ** 2 / 4 + C ** 2));
    let squares = 0;
    for (const key of ['w1', 'b1', 'w2', 'b2'] as const) {
      const weights = this.network[key];
      for (let i = 0; i < weights.length; i++) {
        const moved = eta * (size[key][i] + e[key][i]);
        squares += (eta * e[key][i] + 2 * u * (Math.abs(weights[i]) + d + moved)) ** 2;
        weights[i] -= eta * g[key][i];
      }
    }
    this.distance = growth * d + Math.sqrt(squares);
  }
}
