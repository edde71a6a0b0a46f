import { defaultGenerator } from '../core/random.js';

/** Fills `values` uniformly from [−bound, bound). */
export function uniform(values: Float32Array, bound: number): Float32Array {
  defaultGenerator().fillUniform(values, -bound, bound);
  return values;
}

/**
 * Kaiming-uniform with a = √5, PyTorch's choice for Linear (He et al., 2015): the bound is
 * √(6 / ((1 + a²) · fanIn)) = 1 / √fanIn.
 */
export function kaimingUniform(values: Float32Array, fanIn: number): Float32Array {
  return uniform(values, fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}
