import type { Tensor } from '../tensor/tensor.js';

/** A function of predictions and targets to be made small. */
export interface Loss {
  /** What the model's outputs mean to this loss; predict() turns them into it. */
  readonly output?: 'raw' | 'softmax' | 'sigmoid';
  /** The loss as a tensor of one element. */
  forward(prediction: Tensor, target: Tensor): Tensor;
}
