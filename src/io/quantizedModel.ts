import * as infer from '#infer';
import type { InferModule } from '../forward/binary.js';
import { compile, type Compiled } from '../forward/compile.js';
import { eightBit, imageOf } from '../forward/image.js';
import { ForwardModel } from '../forward/forwardModel.js';
import { Module, outputOf } from '../nn/module.js';
import type { NestedArray } from '../tensor/numbers.js';
import { Tensor } from '../tensor/tensor.js';
import { describe } from './architecture.js';
import { checkMetadata } from './metadata.js';
import type { StoredModel } from './storedModel.js';

const { compiled: core }: InferModule = infer;

/** What {@link quantize} gives: a model with weights in 8 bits, which predicts and cannot be trained. */
export class QuantizedModel extends Module {
  override readonly inFeatures: number;
  private readonly compiled: Compiled;
  private model: ForwardModel | undefined;

  /** @param stored layers, numbers in 8 bits and float32, output: what files hold */
  constructor(
    readonly stored: StoredModel,
    inFeatures?: number,
  ) {
    super();
    const { architecture, output, state } = stored;
    this.compiled = compile('quantize', architecture, { output, eight: eightBit(state), inFeatures });
    this.inFeatures = this.compiled.inFeatures;
    this.output = output;
    this.training = false;
  }

  /** Bytes of all numbers, as a file holds them. */
  get byteLength(): number {
    let bytes = 0;
    for (const { values, scale } of this.stored.state.values())
      bytes += values.byteLength + (scale?.byteLength ?? 0);
    return bytes;
  }

  /** @throws Error always: numbers in 8 bits have no gradient */
  override forward(): never {
    throw new Error(
      'a quantized model is for inference: train the model that it was made of, and use predict() here',
    );
  }

  override train(mode = true): this {
    if (mode) this.forward();
    return this;
  }

  override predict(rows: Float32Array): Float32Array;
  override predict(rows: NestedArray | Tensor): NestedArray;
  override predict(rows: Float32Array | NestedArray | Tensor): Float32Array | NestedArray {
    this.model ??= new ForwardModel(core(), this.compiled, imageOf(this.compiled, this.stored.state));
    return this.model.predict(rows instanceof Tensor ? rows.toArray() : rows);
  }
}

/** Whether a file holds weights in 8 bits. */
export const isQuantized = ({ state }: StoredModel): boolean => eightBit(state).size > 0;

/** A model as files hold it, whether it is one of layers or a quantized one. */
export function storedOf(
  operation: string,
  model: Module,
  metadata: StoredModel['metadata'] = {},
): StoredModel {
  if (model instanceof QuantizedModel) {
    checkMetadata(operation, metadata);
    return { ...model.stored, output: outputOf(model), metadata: { ...model.stored.metadata, ...metadata } };
  }
  return describe(model, metadata, operation);
}
