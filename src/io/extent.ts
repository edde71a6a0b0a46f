import { sizeOf } from '../tensor/layout.js';
import { childrenOf } from './layers.js';
import { stateOf } from './layerTensors.js';
import type { LayerDescription } from './storedModel.js';

/** What linear memory can hold, in float32. */
const MOST_NUMBERS = 2 ** 30;

/** Concatenations have no weights, and each can double what came before: some lines of a file ask for any memory. */
const MOST_OF_ROW = 2 ** 22;

/** Throws a RangeError if the tensors of a checked description fit no memory, or a row grows without bounds in it. */
export function checkExtent(operation: string, architecture: LayerDescription): void {
  let numbers = 0;
  for (const [name, shape] of stateOf(architecture)) {
    numbers += sizeOf(shape);
    if (numbers <= MOST_NUMBERS) continue;
    throw new RangeError(
      `${operation}: the layers up to ${name} take ${numbers * 4} bytes, more than the 4 GiB of WebAssembly's memory`,
    );
  }
  widthAfter(operation, architecture, '', 1);
}

/** How many numbers a row of `width` has after a layer; a width that nothing has told yet counts for 1. */
function widthAfter(operation: string, layer: LayerDescription, path: string, width: number): number {
  const bounded = (after: number): number => {
    if (after <= MOST_OF_ROW) return after;
    throw new RangeError(
      `${operation}: ${path || 'the model'}: a row has ${after} numbers after this layer; at most ${MOST_OF_ROW} are read`,
    );
  };
  const inside = (from: number): number[] =>
    childrenOf(layer).map(([name, child]) =>
      widthAfter(operation, child, path ? `${path}.${name}` : name, from),
    );
  switch (layer.type) {
    case 'Linear':
      return layer.outFeatures;
    case 'Embedding':
      return bounded(width * layer.embeddingDim);
    case 'Concat':
      return bounded(inside(width).reduce((sum, one) => sum + one, 0));
    case 'Residual':
      inside(width);
      return width;
    case 'Sequential':
      return layer.layers.reduce(
        (now, child, i) => widthAfter(operation, child, path ? `${path}.${i}` : `${i}`, now),
        width,
      );
    case 'BatchNorm1d':
    case 'Standardize':
      return Math.max(width, layer.numFeatures);
    default:
      return width;
  }
}
