import { Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, SECOND, THIRD, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface AdagradOptions {
  /** Learning rate; 0.01 by default. */
  lr?: number;
  /** How fast the learning rate falls with the steps; 0 by default. */
  lrDecay?: number;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
  /** What the sum of squares begins with; 0 by default. */
  initialAccumulatorValue?: number;
  /** Added to the root, against division by zero; 1e-10 by default. */
  eps?: number;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'Adagrad',
  update: Update.ADAGRAD,
  numbers: {
    lr: { ...COMMON.lr, initial: 0.01 },
    lrDecay: { at: FIRST, initial: 0 },
    // Where UPDATE looks for nothing.
    initialAccumulatorValue: { at: SECOND, initial: 0 },
    eps: { at: THIRD, initial: 1e-10 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['maximize'],
  flags: () => 0,
  buffers: () => ['sum'],
  initial: ({ initialAccumulatorValue }) => initialAccumulatorValue as number,
};

/**
 * Adagrad (Duchi et al., 2011) as PyTorch has it, in place: g ← gradient + weightDecay · p; s ← s + g²;
 * p ← p − lr / (1 + (t − 1) · lrDecay) · g / (√s + eps).
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, -2], { requiresGrad: true });
 * const optimizer = new optim.Adagrad([w], { lr: 0.1 });
 * w.square().sum().backward();
 * optimizer.step();
 * w.toArray(); // [0.9, -1.9]
 * ```
 */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(parameters: Parameters<AdagradOptions>, options: AdagradOptions = {}) {
    super(METHOD, parameters, options);
  }
}
