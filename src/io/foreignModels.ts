import { shown } from '../core/shown.js';
import type { Module } from '../nn/module.js';
import { checkOptions } from '../core/options.js';
import { build } from './architecture.js';
import { readBeside, readPlaced } from './beside.js';
import type { CheckOptions } from './checkState.js';
import { checkShards, parseLayersModel, readLayersModel } from './layersModel/readLayersModel.js';
import type { SaveOptions } from './model.js';
import { readOnnx, type ReadOnnxOptions } from './onnx/readOnnx.js';
import { writeOnnx, type WriteOnnxOptions } from './onnx/writeOnnx.js';
import { storedOf } from './quantizedModel.js';
import { handled } from './handled.js';
import { readBytes, writeBytes, type ByteSource, type ByteTarget } from './storage.js';

export interface SaveOnnxOptions extends SaveOptions, WriteOnnxOptions {}

export interface LoadOnnxOptions extends CheckOptions, ReadOnnxOptions {}

export interface LoadLayersModelOptions extends CheckOptions {
  /** The files with the weights, in the order that model.json names them; by default they are read beside it. */
  weights?: readonly ByteSource[];
}

/**
 * A model as an ONNX file (opset 13, IR version 7), which takes any number of rows of float32 and gives what `predict` gives.
 * Dropout is left out.
 *
 * @throws TypeError where a layer is a class of your own, RangeError where ONNX has nothing like it
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { encodeOnnx, loadOnnx } from 'wasmgrad/io';
 * const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh());
 * const file = encodeOnnx(model);
 * const again = await loadOnnx(file);
 * String(again.predict([1, 2])) === String(model.predict([1, 2])); // true
 * ```
 */
export function encodeOnnx(model: Module, options: SaveOnnxOptions = {}): Uint8Array<ArrayBuffer> {
  return onnxOf('encodeOnnx', model, options);
}

function onnxOf(operation: string, model: Module, options: SaveOnnxOptions): Uint8Array<ArrayBuffer> {
  const known = ['metadata', 'inputShape', 'probabilities?', 'inputName', 'outputName'];
  checkOptions(operation, options, known);
  const { metadata, ...write } = options;
  return writeOnnx(storedOf(operation, model, metadata), write);
}

/**
 * Saves a model as {@link encodeOnnx} writes it.
 *
 * @throws TypeError where a layer is a class of your own, RangeError where ONNX has nothing like it; Error where the target
 * cannot be written
 */
export async function saveOnnx(
  model: Module,
  target: ByteTarget,
  options: SaveOnnxOptions = {},
): Promise<void> {
  await writeBytes('saveOnnx', target, onnxOf('saveOnnx', model, options));
}

/**
 * The dense network that an ONNX file holds, ready to predict and to be trained on: one that this library wrote, or PyTorch,
 * or skl2onnx. A last softmax or sigmoid becomes the model's `output`, so that `forward` gives logits, as losses want them.
 *
 * @throws RangeError where the file is damaged, or has an operator that no layer does; the error names it and its node
 */
export async function loadOnnx(source: ByteSource, options: LoadOnnxOptions = {}): Promise<Module> {
  handled(source);
  checkOptions('loadOnnx', options, ['allowNonFinite?', 'output']);
  const { output, ...check } = options;
  const bytes = await readBytes('loadOnnx', source);
  return build(readOnnx(bytes, output === undefined ? {} : { output }), 'loadOnnx', check);
}

/**
 * The model of a LayersModel: `model.json` and its files of weights, as TensorFlow.js saves them and tensorflowjs_converter
 * makes them of Keras models. A last softmax or sigmoid becomes the model's `output`.
 *
 * The weights are read from the folder of model.json, or below it: a path, link or redirection that leads out of it is refused.
 *
 * @param source model.json; the weights are beside it if this is a path or a URL
 * @throws RangeError if a layer is not known here, or the files are damaged, not all there, or outside the folder
 * @example
 * ```ts
 * import { loadLayersModel } from 'wasmgrad/io';
 * const dense = { class_name: 'Dense', config: { name: 'dense', units: 1, use_bias: false, activation: 'relu' } };
 * const json = {
 *   modelTopology: { class_name: 'Sequential', config: { layers: [dense] } },
 *   weightsManifest: [
 *     { paths: ['weights.bin'], weights: [{ name: 'dense/kernel', shape: [2, 1], dtype: 'float32' }] },
 *   ],
 * };
 * const weights = [Float32Array.of(1, 2)];
 * const model = await loadLayersModel(new TextEncoder().encode(JSON.stringify(json)), { weights });
 * model.predict([3, 4]); // [11]
 * ```
 */
export async function loadLayersModel(
  source: ByteSource,
  options: LoadLayersModelOptions = {},
): Promise<Module> {
  const operation = 'loadLayersModel';
  handled(source);
  const given: unknown = (options as Partial<LoadLayersModelOptions> | null)?.weights;
  if (Array.isArray(given)) given.forEach(handled);
  else handled(given);
  checkOptions(operation, options, ['allowNonFinite?', 'weights']);
  const { weights, ...check } = options;
  if (given !== undefined && !Array.isArray(given)) {
    throw new TypeError(
      `${operation}: expected weights to be a list of files, such as { weights: [bytes] }, got ${shown(given)}`,
    );
  }
  const file = await readPlaced(operation, source);
  const model = parseLayersModel(file.bytes);
  if (weights) checkShards(model, weights);
  const shards = weights
    ? await Promise.all(weights.map((one) => readBytes(operation, one)))
    : await readBeside(operation, file, model.paths);
  return build(readLayersModel(model, shards), operation, check);
}
