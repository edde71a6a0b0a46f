import type { StateDict } from '../nn/module.js';

/** The loss became NaN or infinite. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';

  constructor(
    readonly loss: number,
    /** Counted from 1. */
    readonly epoch: number,
    /** Counted from 1. */
    readonly batch: number,
    /** The weights as the last whole epoch left them (before the first one: as they were), for loadStateDict(). */
    readonly lastGoodState: StateDict,
  ) {
    super(
      `fit: the loss became ${loss} in epoch ${epoch}, batch ${batch}; lower the learning rate or scale the inputs. ` +
        'The weights of the last good epoch are in error.lastGoodState',
    );
  }
}
