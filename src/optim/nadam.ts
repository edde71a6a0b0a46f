import { Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, FOURTH, THIRD, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface NAdamOptions {
  /** Learning rate; 0.002 by default. */
  lr?: number;
  /** How much of the means of the gradient and of its square is kept in a step; [0.9, 0.999] by default. */
  betas?: readonly [number, number];
  /** Added to the root, against division by zero; 1e-8 by default. */
  eps?: number;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
  /** How fast the momentum grows towards β₁; 0.004 by default. */
  momentumDecay?: number;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'NAdam',
  update: Update.NADAM,
  numbers: {
    lr: { ...COMMON.lr, initial: 0.002 },
    betas: { at: FIRST, initial: [0.9, 0.999], below: 1 },
    eps: { at: THIRD, initial: 1e-8 },
    weightDecay: COMMON.weightDecay,
    momentumDecay: { at: FOURTH, initial: 0.004 },
  },
  switches: ['maximize'],
  flags: () => 0,
  buffers: () => ['expAvg', 'expAvgSq'],
  hasProduct: true,
};

/**
 * Adam with Nesterov momentum (Dozat, 2016), in place: m and v as {@link Adam} has them,
 * μₜ = β₁ · (1 − ½ · 0.96^(t · momentumDecay)), Mₜ = μ₁ · … · μₜ;
 * p ← p − lr · (μₜ₊₁ · m / (1 − Mₜ₊₁) + (1 − μₜ) · g / (1 − Mₜ)) / (√(v / (1 − β₂ᵗ)) + eps).
 *
 * The same as PyTorch 2; version 1.13 multiplied Mₜ₊₁ by μₜ once more, against its own documentation.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor(1, { requiresGrad: true });
 * const optimizer = new optim.NAdam([w], { lr: 0.1 });
 * w.square().backward();
 * optimizer.step();
 * w.item() < 1; // true
 * ```
 */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(parameters: Parameters<NAdamOptions>, options: NAdamOptions = {}) {
    super(METHOD, parameters, options);
  }
}
