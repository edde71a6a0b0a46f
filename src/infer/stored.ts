import { compile } from '../forward/compile.js';
import { eightBit, imageOf } from '../forward/image.js';
import { checkArchitecture } from '../io/checkModel.js';
import { checkState } from '../io/checkState.js';
import type { WasmModel } from '../io/readWasm.js';
import type { StoredModel } from '../io/storedModel.js';
import type { LoadOptions } from './index.js';
import { readSafetensors } from './readSafetensors.js';

/** A model as files other than model.wasm hold it, checked and put in place. */
export async function readStored(
  bytes: Uint8Array,
  { inFeatures, weights }: LoadOptions = {},
): Promise<WasmModel> {
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
  if (bytes[8] === 0x7b) return readSafetensors('load', bytes);
  return (await import('../io/onnx/readOnnx.js')).readOnnx(bytes);
}
