import { sizeOf } from '../tensor/layout.js';
import type { LayerDescription } from '../io/storedModel.js';

/** What a layer says of the rows it takes: their shape; 'any' where it takes and keeps any; undefined where it is unknown. */
type Wanted = readonly number[] | 'any' | undefined;

/** Shape of one row that a model takes, where one of its layers says it. */
export function rowShape(layer: LayerDescription): readonly number[] | undefined {
  const wanted = wantedBy([layer]);
  return wanted === 'any' ? undefined : wanted;
}

/** What layers one after the other want. */
function wantedBy(layers: readonly LayerDescription[]): Wanted {
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    const rest = layers.slice(i + 1);
    if (layer.type === 'Sequential') return wantedBy([...layer.layers, ...rest]);
    if (layer.type === 'Embedding') return indicesWanted(rest, layer.embeddingDim);
    const own = wantedByOne(layer);
    if (own !== 'any') return own;
  }
  return 'any';
}

function wantedByOne(layer: LayerDescription): Wanted {
  switch (layer.type) {
    case 'Linear':
      return [layer.inFeatures];
    case 'BatchNorm1d':
    case 'Standardize':
      return [layer.numFeatures];
    case 'LayerNorm':
    case 'RMSNorm':
      return layer.normalizedShape;
    case 'PReLU':
      return layer.numParameters > 1 ? [layer.numParameters] : 'any';
    case 'Residual':
      return wantedBy([layer.inner]);
    case 'Concat':
      // It does not keep the width, so that what comes behind says nothing.
      return layer.branches.map((branch) => wantedBy([branch])).find((wanted) => wanted !== 'any');
    default:
      return 'any';
  }
}

/** How many indices a row has, from what follows an embedding: [indices, dim] goes into these layers. */
function indicesWanted(layers: readonly LayerDescription[], dim: number): Wanted {
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    const rest = layers.slice(i + 1);
    if (layer.type === 'Sequential') return indicesWanted([...layer.layers, ...rest], dim);
    if (layer.type === 'BatchNorm1d') return [layer.numFeatures];
    if (layer.type === 'PReLU' && layer.numParameters > 1) return [layer.numParameters];
    if (layer.type !== 'Flatten') continue;
    const wanted = wantedBy(rest);
    if (wanted === 'any' || wanted === undefined || sizeOf(wanted) % dim !== 0) return undefined;
    return [sizeOf(wanted) / dim];
  }
  return undefined;
}
