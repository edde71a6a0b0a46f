import { FLAG_DECOUPLED, Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, THIRD, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface AdamOptions {
  /** Learning rate; 0.001 by default. */
  lr?: number;
  /** How much of the means of the gradient and of its square is kept in a step; [0.9, 0.999] by default. */
  betas?: readonly [number, number];
  /** Added to the root, against division by zero; 1e-8 by default. */
  eps?: number;
  /** 0 by default, for AdamW 0.01. */
  weightDecay?: number;
  /** Divide by the largest mean of squares so far; false by default. */
  readonly amsgrad?: boolean;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'Adam',
  update: Update.ADAM,
  numbers: {
    lr: { ...COMMON.lr, initial: 0.001 },
    betas: { at: FIRST, initial: [0.9, 0.999], below: 1 },
    eps: { at: THIRD, initial: 1e-8 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['amsgrad', 'maximize'],
  flags: () => 0,
  buffers: ({ amsgrad }) => ['expAvg', 'expAvgSq', ...(amsgrad === true ? ['maxExpAvgSq'] : [])],
};

/**
 * Adam (Kingma and Ba, 2015) as PyTorch has it, in place: g ← gradient + weightDecay · p; m ← β₁ · m + (1 − β₁) · g;
 * v ← β₂ · v + (1 − β₂) · g²; p ← p − lr / (1 − β₁ᵗ) · m / (√(v / (1 − β₂ᵗ)) + eps). With amsgrad (Reddi et al., 2018) the
 * largest v so far takes its place. The weight decay is an L2 penalty; {@link AdamW} has the decoupled one.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new optim.Adam([w], { lr: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toArray(); // [0.9, -1.9]
 * ```
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    super(METHOD, parameters, options);
  }
}

const DECOUPLED: Method = {
  ...METHOD,
  name: 'AdamW',
  numbers: { ...METHOD.numbers, weightDecay: { ...COMMON.weightDecay, initial: 0.01 } },
  flags: () => FLAG_DECOUPLED,
};

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019), in place: p ← p − lr · weightDecay · p, then a step of
 * {@link Adam} along the gradient alone.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new optim.AdamW([w], { lr: 0.1, weightDecay: 0.5 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toArray(); // [0.85, -1.8]
 * ```
 */
export class AdamW extends Optimizer<AdamOptions> {
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions = {}) {
    super(DECOUPLED, parameters, options);
  }
}
