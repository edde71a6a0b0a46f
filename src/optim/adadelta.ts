import { Update } from '../../assembly/opcodes.js';
import { COMMON, SECOND, THIRD, type Method } from './method.js';
import { Optimizer, type Parameters } from './optimizer.js';

export interface AdadeltaOptions {
  /** Factor of every step; 1 by default. */
  lr?: number;
  /** How much of both means is kept in a step; 0.9 by default. */
  rho?: number;
  /** Added under the roots; 1e-6 by default. */
  eps?: number;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
  /** Climb instead of descending; false by default. */
  readonly maximize?: boolean;
}

const METHOD: Method = {
  name: 'Adadelta',
  update: Update.ADADELTA,
  numbers: {
    lr: { ...COMMON.lr, initial: 1 },
    rho: { at: SECOND, initial: 0.9, below: 1 },
    eps: { at: THIRD, initial: 1e-6 },
    weightDecay: COMMON.weightDecay,
  },
  switches: ['maximize'],
  flags: () => 0,
  buffers: () => ['squareAvg', 'accDelta'],
};

/**
 * Adadelta (Zeiler, 2012) as PyTorch has it, in place: g ← gradient + weightDecay · p; v ← ρ · v + (1 − ρ) · g²;
 * d ← √(u + eps) / √(v + eps) · g; u ← ρ · u + (1 − ρ) · d²; p ← p − lr · d.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor(1, { requiresGrad: true });
 * const optimizer = new optim.Adadelta([w]);
 * w.square().backward();
 * optimizer.step();
 * w.item() < 1; // true
 * ```
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(parameters: Parameters<AdadeltaOptions>, options: AdadeltaOptions = {}) {
    super(METHOD, parameters, options);
  }
}
