import type { InferSmallModule } from '../forward/binary.js';
import { ForwardModel } from '../forward/forwardModel.js';
import type { WasmModel } from '../io/readWasm.js';
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
  const buffer = ArrayBuffer.isView(file) ? file.buffer : file;
  const usual = options === undefined && buffer instanceof ArrayBuffer && file.byteLength > 0;
  const bytes = usual
    ? // Not the file itself: what readFile() gives is a Buffer, of which slice() would be no copy.
      new Uint8Array(buffer as ArrayBuffer, (file as Uint8Array).byteOffset, file.byteLength)
    : (await import('./given.js')).checked(file, options);
  const { compiled, image, metadata } = await prepared(bytes, options);
  // A file by itself: what compresses files does worse where base64 stands among program.
  core ??= import('#inferSmall').then((small: InferSmallModule) => small.compiled());
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

/**
 * A file as the forward pass has it in memory. Each format has a reader that is loaded when a file of it comes; what all but
 * model.wasm need lies with that of safetensors.
 */
async function prepared(bytes: Uint8Array, options?: LoadOptions): Promise<WasmModel> {
  if (bytes[0] === 0 && bytes[1] === 0x61) return (await import('../io/readWasm.js')).readWasm('load', bytes);
  return (await import('./stored.js')).readStored(bytes, options);
}
