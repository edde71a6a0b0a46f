import { checkArchitecture } from './checkModel.js';
import { checkExtent } from './extent.js';
import { checkMetadata } from './metadata.js';
import { fromPyTorch, toPyTorch } from './names.js';
import { fromText, toText } from './plainData.js';
import { bytesOf } from './bytes.js';
import {
  readSafetensors,
  toFloat32,
  writeSafetensors,
  type SafeTensor,
  type SafeTensors,
} from './safetensors.js';
import { clip } from './shown.js';
import type { StoredModel, StoredTensor } from './storedModel.js';

/** Names of tensors, and of metadata, that are no weights and nobody else's metadata. */
export const OWN = 'wasmgrad/';
const ARCHITECTURE = `${OWN}architecture`;
const OUTPUT = `${OWN}output`;
/** What the programs around PyTorch look for. */
const FORMAT = 'format';

/** Whether a tensor of a file is something else than a parameter or a buffer of the model. */
export const isOwn = (name: string): boolean => name.startsWith(OWN);

/**
 * The tensors of a state as a file has them: named as PyTorch names them, counts of batches as int64. A tensor kept in 8
 * bits is followed by its scale, `0.weight` by `0.weight_scale`.
 */
export function tensorsOf(
  operation: string,
  state: ReadonlyMap<string, StoredTensor>,
): Map<string, SafeTensor> {
  const tensors = new Map<string, SafeTensor>();
  const add = (name: string, tensor: SafeTensor): void => {
    if (tensors.has(name) || isOwn(name)) {
      throw new RangeError(`${operation}: ${name} cannot be the name of a tensor: it is another's`);
    }
    tensors.set(name, tensor);
  };
  for (const [own, { shape, values, scale }] of state) {
    const name = toPyTorch(own);
    if (name.endsWith('num_batches_tracked') && values.every((value) => Number.isSafeInteger(value))) {
      const counts = BigInt64Array.from(values as Float32Array, BigInt);
      add(name, { dtype: 'I64', shape, bytes: bytesOf(operation, counts) });
    } else {
      add(name, {
        dtype: values instanceof Int8Array ? 'I8' : 'F32',
        shape,
        bytes: bytesOf(operation, values),
      });
    }
    if (scale)
      add(`${name}_scale`, { dtype: 'F32', shape: [scale.length], bytes: bytesOf(operation, scale) });
  }
  return tensors;
}

/** The parameters and buffers that a file holds, under the names that they have here. */
export function stateOfFile(operation: string, tensors: SafeTensors['tensors']): Map<string, StoredTensor> {
  const state = new Map<string, StoredTensor>();
  const scales = new Set<SafeTensor>();
  for (const [name, tensor] of tensors) {
    if (isOwn(name) || scales.has(tensor)) continue;
    const own = fromPyTorch(name);
    if (state.has(own)) throw new RangeError(`${operation}: ${clip(own)} is there under two names`);
    const scale = tensor.dtype === 'I8' ? tensors.get(`${name}_scale`) : undefined;
    if (scale) {
      scales.add(scale);
      state.delete(`${own}_scale`);
      const values = new Int8Array(tensor.bytes.slice().buffer);
      state.set(own, { shape: tensor.shape, values, scale: toFloat32(scale) });
    } else state.set(own, { shape: tensor.shape, values: toFloat32(tensor) });
  }
  return state;
}

/**
 * Metadata that say what the model is, beside those of the user.
 *
 * @throws TypeError where those are no texts, RangeError where they are called as those that are added
 */
export function metadataOf(
  operation: string,
  model: { [Key in 'architecture' | 'output']?: StoredModel[Key] } & Pick<StoredModel, 'metadata'>,
): Record<string, string> {
  const { architecture, output, metadata } = model;
  checkMetadata(operation, metadata);
  for (const name of Object.keys(metadata)) {
    if (isOwn(name) || name === FORMAT) {
      throw new RangeError(`${operation}: metadata cannot be called ${name}`);
    }
  }
  const refuse = (path: string): never => {
    throw new TypeError(`${operation}: ${path} is an array`);
  };
  return {
    [FORMAT]: 'pt',
    ...metadata,
    ...(architecture && { [ARCHITECTURE]: toText(operation, architecture, refuse) }),
    ...(output && { [OUTPUT]: output }),
  };
}

/** A model as a safetensors file. */
export function modelToFile(model: StoredModel, operation = 'saveModel'): Uint8Array<ArrayBuffer> {
  return writeSafetensors(tensorsOf(operation, model.state), metadataOf(operation, model));
}

/**
 * The model in a safetensors file that this library wrote; whether tensors fit its layers is for `checkModel` to say.
 *
 * @throws RangeError where the file is damaged, or holds weights without the layers they belong to
 */
export function modelFromFile(file: ArrayBuffer | ArrayBufferView, operation = 'loadModel'): StoredModel {
  const { tensors, metadata } = readSafetensors(file, operation);
  if (!Object.hasOwn(metadata, ARCHITECTURE)) {
    throw new RangeError(
      `${operation}: the file holds weights, but not the layers that they belong to; make the model in your code ` +
        'and read them with loadWeights()',
    );
  }
  const architecture = fromText(`${operation}: the architecture`, metadata[ARCHITECTURE], () => undefined);
  checkArchitecture(operation, architecture);
  // Before any number is copied.
  checkExtent(operation, architecture);
  return {
    architecture,
    state: stateOfFile(operation, tensors),
    output: metadata[OUTPUT] as StoredModel['output'],
    metadata: Object.fromEntries(
      Object.entries(metadata).filter(([name]) => !isOwn(name) && name !== FORMAT),
    ),
  };
}
