import type { StoredModel } from './storedModel.js';

/** Whether a value says what `predict` makes of the last layer's output. */
export function isOutput(value: unknown): value is StoredModel['output'] {
  return value === 'raw' || value === 'softmax' || value === 'sigmoid';
}
