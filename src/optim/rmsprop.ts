import { Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, SECOND, THIRD, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface RMSpropOptions {
  /** Learning rate; 0.01 by default. */
  lr?: number;
  /** How much of the mean of the squared gradient is kept in a step; 0.99 by default. */
  alpha?: number;
  /** Added to the root, against division by zero; 1e-8 by default. */
  eps?: number;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
  /** Share of the last step's direction that is kept; 0 by default. */
  momentum?: number;
  /** Divide by the deviation of the gradient instead of its size; false by default. */
  readonly centered?: boolean;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'RMSprop',
  update: Update.RMSPROP,
  numbers: {
    lr: { ...COMMON.lr, initial: 0.01 },
    momentum: { at: FIRST, initial: 0 },
    alpha: { at: SECOND, initial: 0.99, below: 1 },
    eps: { at: THIRD, initial: 1e-8 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['centered', 'maximize'],
  flags: () => 0,
  buffers: ({ centered, momentum }) => [
    'squareAvg',
    centered === true ? 'gradAvg' : undefined,
    (momentum as number) > 0 ? 'momentumBuffer' : undefined,
  ],
};

/**
 * RMSprop (Tieleman and Hinton, 2012; centred: Graves, 2013) as PyTorch has it, in place: g ← gradient + weightDecay · p;
 * v ← α · v + (1 − α) · g²; d ← g / (√v + eps), or centred g / (√(v − m²) + eps) with the mean m of g;
 * b ← momentum · b + d; p ← p − lr · b.
 *
 * Where rounding makes v − m² negative it counts as 0, and the step is no NaN.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new optim.RMSprop([w], { lr: 0.01 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toArray(); // [0.9, -1.9]
 * ```
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(parameters: Parameters<RMSpropOptions>, options: RMSpropOptions = {}) {
    super(METHOD, parameters, options);
  }
}
