import type { LayerDescription, StoredModel } from './storedModel.js';

/**
 * What a last layer means by its output: training wants logits, so softmax and sigmoid become what `predict` does with them
 * instead of a layer.
 */
export function outputOf(last: LayerDescription | undefined): StoredModel['output'] {
  if (last?.type === 'Sigmoid') return 'sigmoid';
  return last?.type === 'Softmax' && last.dim === -1 ? 'softmax' : 'raw';
}
