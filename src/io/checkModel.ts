import { checkState, type CheckOptions } from './checkState.js';
import { checkExtent } from './extent.js';
import { childrenOf, fieldsOf, isLayerType, kindOf, LAYERS } from './layers.js';
import { stateOf } from './layerTensors.js';
import { show } from './shown.js';
import type { LayerDescription, StoredModel } from './storedModel.js';

/** How deep layers may lie inside each other. */
export const MAX_DEPTH = 64;

/**
 * Throws where something that a file holds is no model: an unknown layer, a value of the wrong kind, a tensor that is
 * missing, unknown, of another shape or not finite. It allocates nothing, so sizes that a file only claims cost nothing.
 */
export function checkModel(operation: string, model: StoredModel, options: CheckOptions = {}): void {
  checkArchitecture(operation, model.architecture);
  checkState(operation, model, stateOf(model.architecture), options);
  checkExtent(operation, model.architecture);
}

/** Throws where a value is no description of a layer; `path` is where it was found. */
export function checkArchitecture(
  operation: string,
  value: unknown,
  path = 'the model',
  depth = 0,
): asserts value is LayerDescription {
  const fail = (problem: string): never => {
    throw new RangeError(`${operation}: ${path}: ${problem}`);
  };
  if (depth > MAX_DEPTH) fail(`layers are nested more than ${MAX_DEPTH} deep`);
  if (typeof value !== 'object' || value === null) fail(`expected a layer, got ${show(value)}`);
  const layer = value as Record<string, unknown>;
  const { type } = layer;
  if (!isLayerType(type)) {
    return fail(`unknown type of layer ${show(type)} (known: ${Object.keys(LAYERS).join(', ')})`);
  }
  const { children, wrong } = kindOf(type);
  const fields = fieldsOf(type);
  for (const [name, field] of fields) {
    if (!Object.hasOwn(layer, name) || !field.accepts(layer[name])) {
      fail(`${type}: expected ${name} to be ${field.expected}, got ${show(layer[name])}`);
    }
  }
  const known = ['type', ...fields.map(([name]) => name), ...(children?.slice(0, 1) ?? [])];
  for (const name of Object.keys(layer)) {
    if (!known.includes(name)) fail(`${type}: unknown option ${show(name)}`);
  }
  if (children) {
    const [field, naming] = children;
    if (naming === 'position' && !Array.isArray(layer[field])) {
      fail(`${type}: expected ${field} to be a list of layers, got ${show(layer[field])}`);
    }
    for (const [name, child] of childrenOf(value as LayerDescription)) {
      checkArchitecture(operation, child, path === 'the model' ? name : `${path}.${name}`, depth + 1);
    }
  }
  const problem = wrong?.(value as LayerDescription);
  if (problem) fail(`${type}: ${problem}`);
}
