import { FLAG_DECOUPLED, Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface LionOptions {
  /** Learning rate; 0.0001 by default, three to ten times smaller than AdamW's. */
  lr?: number;
  /** How much of the mean of the gradient a step looks at, and how much is kept; [0.9, 0.99] by default. */
  betas?: readonly [number, number];
  /** Decoupled weight decay; 0 by default. */
  weightDecay?: number;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'Lion',
  update: Update.LION,
  numbers: {
    lr: { ...COMMON.lr, initial: 0.0001 },
    betas: { at: FIRST, initial: [0.9, 0.99], below: 1 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['maximize'],
  flags: () => FLAG_DECOUPLED,
  buffers: () => ['expAvg'],
};

/**
 * Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023), in place: every step has the same size.
 * p ← p − lr · (sign(β₁ · m + (1 − β₁) · gradient) + weightDecay · p); m ← β₂ · m + (1 − β₂) · gradient.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new optim.Lion([w], { lr: 0.01 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toArray(); // [0.99, -1.99]
 * ```
 */
export class Lion extends Optimizer<LionOptions> {
  constructor(parameters: Parameters<LionOptions>, options: LionOptions = {}) {
    super(METHOD, parameters, options);
  }
}
