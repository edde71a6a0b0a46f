export { exportModule, type ExportedModule } from './exportModule.js';
export { exportWasm, type ExportOptions } from './exportWasm.js';
export { quantize, type QuantizedModel } from './quantize.js';
export type { CheckOptions } from './checkState.js';
export {
  encodeCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
  type CheckpointExtras,
  type CheckpointParts,
  type LoadedCheckpoint,
  type Stateful,
  type StatefulData,
} from './checkpoint.js';
export type { Dtype } from './dtypes.js';
export {
  encodeOnnx,
  loadLayersModel,
  loadOnnx,
  saveOnnx,
  type LoadLayersModelOptions,
  type LoadOnnxOptions,
  type SaveOnnxOptions,
} from './foreignModels.js';
export { indexedDb } from './indexedDb.js';
export {
  encodeModel,
  encodeWeights,
  loadModel,
  loadWeights,
  readStateDict,
  saveModel,
  saveWeights,
  type SaveOptions,
} from './model.js';
export { opfs } from './opfs.js';
export { readSafetensors, writeSafetensors, type SafeTensor, type SafeTensors } from './safetensors.js';
export type { ByteSource, ByteStore, ByteTarget, NodeWritable } from './storage.js';
export type { WeightsOptions } from './weights.js';
