import { sizeOf, type Shape } from '../tensor/layout.js';
import { asTensor, type Tensor } from '../tensor/tensor.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module } from './module.js';

/** [batch, …] becomes [batch, features]. */
export class Flatten extends Module {
  override $row(after?: Shape): Shape | undefined {
    return after && [-Math.abs(sizeOf(after))];
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'Flatten');
    return x.reshape(
      x.shape[0] ?? 1,
      x.shape.slice(1).reduce((product, length) => product * length, 1),
    );
  }
}
