/**
 * A model as files hold it: what its layers are, and the numbers of its state. Readers of every format give one and
 * writers take one, so that a format knows nothing of modules, and `infer` needs none.
 */
export interface StoredModel {
  readonly architecture: LayerDescription;
  /** Parameters and buffers, named as `Module.stateDict()` names them: `0.weight`, `1.runningMean`, …. */
  readonly state: ReadonlyMap<string, StoredTensor>;
  /** What `predict` makes of the last layer's output. */
  readonly output: 'raw' | 'softmax' | 'sigmoid';
  /** What else the file says; strings that mean something to whoever wrote them. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoredTensor {
  readonly shape: readonly number[];
  /** Row-major; with `scale`, what each number is to be multiplied by. */
  readonly values: Float32Array | Int8Array;
  /** [shape[0]], of tensors kept in 8 bits: value = values · scale of the row. */
  readonly scale?: Float32Array;
}

/** A layer with its parameters and buffers, by their names in it. */
export interface StoredLayer {
  readonly layer: LayerDescription;
  readonly tensors?: Readonly<Record<string, StoredTensor>>;
}

/** A layer, by the name of its module and what its constructor took, defaults filled in. */
export type LayerDescription =
  | {
      readonly type: 'Linear';
      readonly inFeatures: number;
      readonly outFeatures: number;
      readonly bias: boolean;
    }
  | {
      readonly type: 'BatchNorm1d';
      readonly numFeatures: number;
      readonly eps: number;
      readonly momentum: number | null;
      readonly affine: boolean;
      readonly trackRunningStats: boolean;
    }
  | {
      readonly type: 'LayerNorm';
      readonly normalizedShape: readonly number[];
      readonly eps: number;
      readonly elementwiseAffine: boolean;
      readonly bias: boolean;
    }
  | {
      readonly type: 'RMSNorm';
      readonly normalizedShape: readonly number[];
      readonly eps: number;
      readonly elementwiseAffine: boolean;
    }
  | {
      readonly type: 'Embedding';
      readonly numEmbeddings: number;
      readonly embeddingDim: number;
      readonly paddingIdx: number | null;
    }
  | { readonly type: 'Standardize'; readonly numFeatures: number }
  | { readonly type: 'Dropout' | 'AlphaDropout'; readonly p: number }
  | { readonly type: 'LeakyReLU'; readonly negativeSlope: number }
  | { readonly type: 'ELU'; readonly alpha: number }
  | { readonly type: 'Softplus'; readonly beta: number; readonly threshold: number }
  | { readonly type: 'Hardtanh'; readonly min: number; readonly max: number }
  | { readonly type: 'PReLU'; readonly numParameters: number }
  | { readonly type: 'Softmax' | 'LogSoftmax'; readonly dim: number }
  | {
      readonly type: 'ReLU' | 'SELU' | 'GELU' | 'SiLU' | 'Mish' | 'Sigmoid' | 'Tanh' | 'Identity' | 'Flatten';
    }
  /** Children are called `0`, `1`, …. */
  | { readonly type: 'Sequential'; readonly layers: readonly LayerDescription[] }
  /** Children are called `0`, `1`, …. */
  | { readonly type: 'Concat'; readonly branches: readonly LayerDescription[] }
  /** x + f(x); the child is called `inner`. */
  | { readonly type: 'Residual'; readonly inner: LayerDescription };
