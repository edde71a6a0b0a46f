import { numbersOf } from '../forward/numbersOf.js';
import type { Module, StateDict } from '../nn/module.js';
import { checkOptions } from '../core/options.js';
import { tensor } from '../tensor/tensor.js';
import { build, checkModule, stateOfModule } from './architecture.js';
import { checkModel } from './checkModel.js';
import { checkFinite, type CheckOptions } from './checkState.js';
import { metadataOf, modelFromFile, modelToFile, stateOfFile, tensorsOf } from './modelFile.js';
import { isQuantized, QuantizedModel, storedOf } from './quantizedModel.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import { handled } from './handled.js';
import { readBytes, writeBytes, type ByteSource, type ByteTarget } from './storage.js';
import { applyWeights, type WeightsOptions } from './weights.js';

export interface SaveOptions {
  /** Texts of your own, for whoever reads the file. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * A model as a safetensors file: its layers, and its weights named and laid out as PyTorch's state_dict.
 *
 * @throws TypeError where a layer is a class of your own, RangeError where weights are used twice
 */
export function encodeModel(model: Module, options: SaveOptions = {}): Uint8Array<ArrayBuffer> {
  return modelFileOf('encodeModel', model, options);
}

function modelFileOf(operation: string, model: Module, options: SaveOptions): Uint8Array<ArrayBuffer> {
  checkOptions(operation, options, ['metadata']);
  return modelToFile(storedOf(operation, model, options.metadata), operation);
}

/**
 * Saves a model so that {@link loadModel} rebuilds it without code, and PyTorch's load_state_dict() takes its weights.
 *
 * @throws TypeError where a layer is a class of your own, RangeError where weights are used twice; Error where the target cannot
 * be written
 */
export async function saveModel(model: Module, target: ByteTarget, options: SaveOptions = {}): Promise<void> {
  await writeBytes('saveModel', target, modelFileOf('saveModel', model, options));
}

/**
 * The model of a file that {@link saveModel} or saveCheckpoint() wrote, in evaluation mode. It predicts what the saved one does,
 * bit for bit where the build is the same. That of a quantized model is one again.
 *
 * @throws RangeError where the file is damaged, holds no layers, or numbers that are NaN or infinite
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { encodeModel, loadModel } from 'wasmgrad/io';
 * const model = new nn.Sequential(new nn.Linear(2, 3), new nn.Tanh());
 * const file = encodeModel(model); // or: await saveModel(model, 'model.safetensors')
 * const again = await loadModel(file);
 * String(again.predict([1, 2])) === String(model.predict([1, 2])); // true
 * ```
 */
export async function loadModel(source: ByteSource, options: CheckOptions = {}): Promise<Module> {
  handled(source);
  checkOptions('loadModel', options, ['allowNonFinite?']);
  const stored = modelFromFile(await readBytes('loadModel', source));
  if (!isQuantized(stored)) return build(stored, 'loadModel', options);
  checkModel('loadModel', stored, options);
  return new QuantizedModel(stored);
}

/** The parameters and buffers of any module as a safetensors file, named and laid out as PyTorch's state_dict. */
export function encodeWeights(model: Module, options: SaveOptions = {}): Uint8Array<ArrayBuffer> {
  return weightsFileOf('encodeWeights', model, options);
}

function weightsFileOf(operation: string, model: Module, options: SaveOptions): Uint8Array<ArrayBuffer> {
  checkOptions(operation, options, ['metadata']);
  checkModule(operation, model);
  const { metadata = {} } = options;
  return writeSafetensors(tensorsOf(operation, stateOfModule(model)), metadataOf(operation, { metadata }));
}

/**
 * Saves the parameters and buffers of any module, also of a class of your own, for {@link loadWeights} and for PyTorch.
 *
 * @throws Error where the target cannot be written
 */
export async function saveWeights(
  model: Module,
  target: ByteTarget,
  options: SaveOptions = {},
): Promise<void> {
  await writeBytes('saveWeights', target, weightsFileOf('saveWeights', model, options));
}

/**
 * Overwrites the parameters and buffers of a model with those of a safetensors file, by name: one that this library wrote,
 * or PyTorch, where the modules are called alike.
 *
 * @throws RangeError where a tensor is missing, unknown, of another shape, NaN or infinite, or the file is damaged; then
 * nothing is changed
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { encodeWeights, loadWeights } from 'wasmgrad/io';
 * const [trained, fresh] = [new nn.Linear(2, 3), new nn.Linear(2, 3)];
 * await loadWeights(fresh, encodeWeights(trained)); // or a path, fetch(url), a Blob, …
 * String(fresh.predict([1, 2])) === String(trained.predict([1, 2])); // true
 * ```
 */
export async function loadWeights(
  model: Module,
  source: ByteSource,
  options: WeightsOptions = {},
): Promise<void> {
  const operation = 'loadWeights';
  handled(source);
  checkOptions(operation, options, ['prefix', 'allowNonFinite?']);
  checkModule(operation, model);
  applyWeights(operation, model, readSafetensors(await readBytes(operation, source), operation), options);
}

/**
 * The parameters and buffers in a safetensors file as tensors, by the names that they have here (`1.running_mean` is
 * `1.runningMean`): to look at, or for a module's loadStateDict().
 *
 * @throws RangeError where the file is damaged, or holds numbers that are NaN or infinite
 */
export async function readStateDict(source: ByteSource, options: CheckOptions = {}): Promise<StateDict> {
  const operation = 'readStateDict';
  handled(source);
  checkOptions(operation, options, ['allowNonFinite?']);
  const { tensors } = readSafetensors(await readBytes(operation, source), operation);
  const entries = [...stateOfFile(operation, tensors)].map(([name, stored]) => {
    const values = numbersOf(stored);
    if (!options.allowNonFinite) checkFinite(operation, name, values);
    return [name, tensor(values, { shape: stored.shape })] as const;
  });
  return Object.fromEntries(entries);
}
