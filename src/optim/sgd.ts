import { FLAG_NESTEROV, Update } from '../../assembly/opcodes.js';
import { COMMON, FIRST, SECOND, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface SGDOptions {
  /** Learning rate: how far a step goes along the gradient. */
  lr: number;
  /** Share of the last step's direction that is kept; 0 by default. */
  momentum?: number;
  /** Share of the new gradient that momentum leaves out; 0 by default. */
  dampening?: number;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
  /** Nesterov momentum; needs momentum and no dampening. */
  readonly nesterov?: boolean;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'SGD',
  update: Update.SGD,
  numbers: {
    lr: COMMON.lr,
    momentum: { at: FIRST, initial: 0 },
    dampening: { at: SECOND, initial: 0 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['nesterov', 'maximize'],
  flags: ({ nesterov }) => (nesterov === true ? FLAG_NESTEROV : 0),
  buffers: ({ momentum }) => ((momentum as number) > 0 ? ['momentumBuffer'] : []),
  check({ nesterov, momentum, dampening }) {
    if (nesterov === true && ((momentum as number) <= 0 || dampening !== 0)) {
      throw new RangeError('SGD: nesterov needs momentum above 0 and dampening 0');
    }
  },
};

/**
 * Stochastic gradient descent with momentum, PyTorch's update, in place:
 * g ← gradient + weightDecay · p; b ← momentum · b + (1 − dampening) · g (the first time b ← g);
 * p ← p − lr · (nesterov ? g + momentum · b : b).
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor(1, { requiresGrad: true });
 * const optimizer = new optim.SGD([w], { lr: 0.1 });
 * w.square().backward();
 * optimizer.step();
 * w.item(); // 0.8
 * ```
 */
export class SGD extends Optimizer<SGDOptions> {
  constructor(parameters: Parameters<SGDOptions>, options: SGDOptions) {
    super(METHOD, parameters, options);
  }
}
