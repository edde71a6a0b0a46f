import { outputOf } from '../lastLayer.js';
import { clip, show } from '../shown.js';
import type { LayerDescription, StoredModel, StoredTensor } from '../storedModel.js';
import { fail, isRecord, type Json } from './json.js';
import { LayerReader } from './layers.js';
import { isModel, layersIn } from './topology.js';
import { shardPaths, Weights } from './weights.js';

/** A `model.json`, read but not yet looked into. */
export interface LayersModelJson {
  readonly topology: unknown;
  readonly manifest: readonly Json[];
  /** The files with the weights, relative to that of the model. */
  readonly paths: readonly string[];
}

/**
 * Reads `model.json` as TensorFlow.js and its converter write it.
 *
 * @throws RangeError where it is something else
 */
export function parseLayersModel(bytes: Uint8Array): LayersModelJson {
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic === '\x89HDF' || magic === 'PK\x03\x04') {
    fail(
      `this is a ${magic.startsWith('PK') ? '.keras' : '.h5'} file; convert it with: ` +
        'tensorflowjs_converter --input_format=keras model.h5 folder/, and load folder/model.json',
    );
  }
  const file = parse(new TextDecoder().decode(bytes));
  const {
    format,
    modelTopology,
    weightsManifest: manifest,
  } = isRecord(file) ? file : fail('expected an object');
  if (format === 'graph-model') {
    fail('this is a graph model; convert the Keras model with --output_format=tfjs_layers_model instead');
  }
  if (!isRecord(modelTopology)) fail(`expected modelTopology, got ${show(modelTopology)}`);
  if (!Array.isArray(manifest) || !manifest.every(isRecord)) {
    fail(`expected weightsManifest as a list, got ${show(manifest)}`);
  }
  const { model_config: config } = modelTopology;
  // Early converters wrote the configuration as a text.
  const topology: unknown = typeof config === 'string' ? parse(config) : (config ?? modelTopology);
  return { topology, manifest, paths: shardPaths(manifest) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail(`expected model.json, got no JSON: ${clip((error as Error).message)}`);
  }
}

/** Throws unless there are as many files of weights as the model names. */
export function checkShards({ paths }: LayersModelJson, shards: readonly unknown[]): void {
  if (shards.length !== paths.length) fail(`expected ${paths.length} files of weights, got ${shards.length}`);
}

/**
 * The model of a LayersModel (TensorFlow.js, or Keras converted): layers one after the other. A last softmax or sigmoid
 * becomes the model's `output`.
 *
 * @param shards contents of the files that `model.paths` names, in that order
 * @throws RangeError where a layer is not known, or weights are missing; the error names them
 */
export function readLayersModel(model: LayersModelJson, shards: readonly Uint8Array[]): StoredModel {
  const { topology, manifest } = model;
  checkShards(model, shards);
  const type = isRecord(topology) ? topology.class_name : undefined;
  if (typeof type !== 'string' || !isModel(type)) {
    fail(`expected a Sequential or functional model, got ${show(type)}`);
  }
  const reader = new LayerReader(new Weights(manifest, shards));
  const found = layersIn(topology);
  const names = new Set<string>();
  for (const { name, type: kind } of found) {
    if (names.has(name)) fail(`there are two layers ${show(name)}, the second a ${clip(kind)}`);
    names.add(name);
  }
  const made = found.flatMap((layer) => reader.read(layer));
  const output = outputOf(made.at(-1)?.layer);
  if (output !== 'raw') made.pop();
  const layers: LayerDescription[] = made.map(({ layer }) => layer);
  const state = new Map<string, StoredTensor>();
  made.forEach(({ tensors = {} }, i) => {
    for (const [name, tensor] of Object.entries(tensors)) state.set(`${i}.${name}`, tensor);
  });
  return { architecture: { type: 'Sequential', layers }, state, output, metadata: {} };
}
