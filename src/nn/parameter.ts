import { readNumbers, type TensorLike } from '../tensor/numbers.js';
import { leaf, Tensor } from '../tensor/tensor.js';
import type { Shape } from '../tensor/layout.js';

/** A tensor that belongs to a module: found by name, moved by an optimizer, saved in the state. */
export class Parameter extends Tensor {
  /**
   * @param data initial numbers
   * @param shape their shape, needed for typed arrays of more than one dimension
   */
  constructor(data: TensorLike, shape?: Shape) {
    const numbers = readNumbers('Parameter', data, shape);
    const made = leaf(numbers.values, numbers.shape);
    super(numbers.shape, made.home, made.pointer(), true);
  }
}

/**
 * State of a module that no optimizer moves, such as running statistics: found by name and saved in the state beside the
 * parameters. Keep one in a field of a module.
 */
export class Buffer extends Tensor {
  /**
   * @param data initial numbers
   * @param shape their shape, needed for typed arrays of more than one dimension
   */
  constructor(data: TensorLike, shape?: Shape) {
    const numbers = readNumbers('Buffer', data, shape);
    const made = leaf(numbers.values, numbers.shape);
    super(numbers.shape, made.home, made.pointer(), false);
  }
}
