import { checkNumber } from '../core/checks.js';
import { cosPi, logOfShare } from '../core/elementary.js';
import { defaultGenerator } from '../core/random.js';
import { embedding } from '../tensor/operations/embedding.js';
import { checkOptions } from '../core/options.js';
import type { Shape } from '../tensor/layout.js';
import { asTensor, call, type Tensor } from '../tensor/tensor.js';
import { type TensorLike } from '../tensor/numbers.js';
import { checkSizes } from './checks.js';
import { Module, Parameter } from './module.js';

export interface EmbeddingOptions {
  /** An index that stands for nothing: its row begins as zeros and gets no gradient. */
  paddingIdx?: number;
}

/**
 * A table of vectors, looked up by index: indices of any shape […] give […, embeddingDim]. The vectors begin as draws
 * from the normal distribution with mean 0 and variance 1, as in PyTorch. Gradients of an index that occurs more than
 * once are added up in the order of the indices, whatever the number of threads.
 *
 * weight [numEmbeddings, embeddingDim]
 *
 * @throws RangeError where an index is not an integer in [0, numEmbeddings)
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const letters = new nn.Embedding(26, 4);
 * letters.forward(tensor([[7, 4, 11], [11, 14, 0]])).shape; // [2, 3, 4]
 * ```
 */
export class Embedding extends Module {
  /** [numEmbeddings, embeddingDim] */
  readonly weight: Parameter;
  readonly paddingIdx: number | undefined;

  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    options: EmbeddingOptions = {},
    ...surplus: never[]
  ) {
    super(...surplus);
    checkOptions('Embedding', options, ['paddingIdx']);
    checkSizes('Embedding', { numEmbeddings, embeddingDim });
    const { paddingIdx } = options;
    if (paddingIdx !== undefined) {
      checkNumber('Embedding', 'paddingIdx', paddingIdx, { least: 0, below: numEmbeddings, whole: true });
    }
    this.paddingIdx = paddingIdx;
    const values = normal(new Float32Array(numEmbeddings * embeddingDim));
    if (paddingIdx !== undefined) values.fill(0, paddingIdx * embeddingDim, (paddingIdx + 1) * embeddingDim);
    this.weight = new Parameter(values, [numEmbeddings, embeddingDim]);
  }

  override $row(after: Shape = []): Shape {
    const { embeddingDim } = this;
    const indices = -after[0] / embeddingDim;
    // They become flat, whatever their shape is.
    if (indices > 0) return Number.isInteger(indices) ? [-indices] : [];
    // What follows is given […, embeddingDim].
    return after.at(-1) === embeddingDim ? after.slice(0, -1) : after;
  }

  override forward(indices: Tensor | TensorLike): Tensor {
    return call(embedding, [this.weight, asTensor(indices, 'Embedding')], this.paddingIdx ?? NaN);
  }
}

/** Draws from the normal distribution (Box and Muller, 1958). */
function normal(values: Float32Array): Float32Array {
  const generator = defaultGenerator();
  for (let i = 0; i < values.length; i += 2) {
    const radius = Math.sqrt(-2 * logOfShare(1 - generator.uniform()));
    const turn = 2 * generator.uniform();
    values[i] = radius * cosPi(turn);
    if (i + 1 < values.length) values[i + 1] = radius * cosPi(turn - 0.5);
  }
  return values;
}
