import type { InferSmallModule } from '../forward/binary.js';
import { compile, eightBit, imageOf } from '../forward/compile.js';
import { ForwardModel } from '../forward/forwardModel.js';
import { bytesOf } from '../io/bytes.js';
import { checkArchitecture, checkState } from '../io/checkModel.js';
import type { WasmModel } from '../io/readWasm.js';
import type { StoredModel } from '../io/storedModel.js';
import type { NestedArray } from '../tensor/numbers.js';

/** A model that predicts, and does nothing else. */
export interface InferenceModel {
  /** Numbers of a row that goes in. */
  readonly inFeatures: number;
  /** Numbers of a row that comes out. */
  readonly outFeatures: number;
  /** What the file says beside the model. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * The output for `rows`, as `Module.predict` gives it: nested arrays for nested arrays, a Float32Array [rows,
   * outFeatures] for a typed array; one row alone gives one row.
   *
   * @throws RangeError where the rows do not fit the model
   */
  predict(rows: Float32Array): Float32Array;
  predict(rows: NestedArray): NestedArray;
}

export interface LoadOptions {
  /** Numbers of a row, for a model of which no layer says it. */
  inFeatures?: number;
  /** For a LayersModel of TensorFlow.js, of which the file is `model.json`: its files of weights, in the order of the manifest. */
  weights?: readonly Uint8Array[];
}

/**
 * Reads a model and makes it ready to predict: a safetensors file of `saveModel` (of a quantized model too), a `model.wasm` of
 * `exportWasm`, an ONNX file, or a LayersModel of TensorFlow.js. Nothing in the file is run. The reader of a format is
 * fetched when a file of it comes.
 *
 * @throws RangeError where the file is damaged, or holds layers that are not known; TypeError on anything but bytes
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { exportWasm } from 'wasmgrad/io';
 * import { load } from 'wasmgrad/infer';
 * const file = exportWasm(new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2)));
 * const model = await load(file);
 * model.predict(new Float32Array([1, 2, 3])).length; // 2
 * ```
 */
export async function load(file: ArrayBuffer | Uint8Array, options?: LoadOptions): Promise<InferenceModel> {
  // Few calls have any.
  if (options !== undefined) {
    const { checkOptions } = await import('../tensor/options.js');
    checkOptions('load', options, ['inFeatures', 'weights']);
  }
  // Not the file itself: what readFile() gives is a Buffer, of which slice() would be no copy.
  const { compiled, image, metadata } = await prepared(bytesOf('load', file), options);
  core ??= compileCore();
  const model = new ForwardModel(await core, compiled, image);
  return {
    inFeatures: model.inFeatures,
    outFeatures: model.outFeatures,
    metadata,
    predict: model.predict.bind(model) as InferenceModel['predict'],
  };
}

/** Compiled once, for all models. */
let core: Promise<WebAssembly.Module> | undefined;

/** The code is a file by itself: what compresses files does worse where base64 stands among program. */
async function compileCore(): Promise<WebAssembly.Module> {
  const small: InferSmallModule = await import('#inferSmall');
  return small.compiled();
}

/** A file as the forward pass has it in memory. Each format has a reader that is loaded when a file of it comes. */
async function prepared(bytes: Uint8Array, { inFeatures, weights }: LoadOptions = {}): Promise<WasmModel> {
  if (bytes[0] === 0 && bytes[1] === 0x61) return (await import('../io/readWasm.js')).readWasm('load', bytes);
  const stored = await read(bytes, weights);
  const { architecture, output, state, metadata } = stored;
  checkArchitecture('load', architecture);
  const compiled = compile('load', architecture, { output, eight: eightBit(state), inFeatures });
  checkState('load', stored, compiled.plan.tensors);
  return { compiled, image: imageOf(compiled, state), metadata };
}

async function read(bytes: Uint8Array, weights: LoadOptions['weights']): Promise<StoredModel> {
  if (weights) {
    const { parseLayersModel, readLayersModel } = await import('../io/layersModel/readLayersModel.js');
    return readLayersModel(parseLayersModel(bytes), weights);
  }
  // The header of safetensors begins behind its length in 8 bytes.
  if (bytes[8] === 0x7b) return (await import('./readSafetensors.js')).readSafetensors('load', bytes);
  return (await import('../io/onnx/readOnnx.js')).readOnnx(bytes);
}
