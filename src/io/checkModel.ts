import { formatShape, sameShape, sizeOf } from '../tensor/layout.js';
import { checkExtent } from './extent.js';
import { childrenOf, fieldsOf, isLayerType, kindOf, LAYERS } from './layers.js';
import { stateOf } from './layerTensors.js';
import { clip, show } from './shown.js';
import type { LayerDescription, StoredModel, StoredTensor } from './storedModel.js';

/** How deep layers may lie inside each other. */
export const MAX_DEPTH = 64;

/** How many names an error lists. */
const LISTED = 8;

export interface CheckOptions {
  /** Take NaN and infinities among the numbers; false by default. */
  allowNonFinite?: boolean;
}

/**
 * Throws where something that a file holds is no model: an unknown layer, a value of the wrong kind, a tensor that is
 * missing, unknown, of another shape or not finite. It allocates nothing, so sizes that a file only claims cost nothing.
 */
export function checkModel(operation: string, model: StoredModel, options: CheckOptions = {}): void {
  checkArchitecture(operation, model.architecture);
  checkExtent(operation, model.architecture);
  checkState(operation, model, stateOf(model.architecture), options);
}

export function isOutput(value: unknown): value is StoredModel['output'] {
  return value === 'raw' || value === 'softmax' || value === 'sigmoid';
}

/** Throws where the output is none, or the tensors are not those that are wanted. */
export function checkState(
  operation: string,
  { output, state }: StoredModel,
  wanted: Iterable<readonly [name: string, shape: readonly number[]]>,
  options: CheckOptions = {},
): void {
  if (!isOutput(output)) {
    throw new RangeError(
      `${operation}: expected the output to be raw, softmax or sigmoid, got ${show(output)}`,
    );
  }
  const missing: string[] = [];
  const unknown = new Set(state.keys());
  for (const [name, shape] of wanted) {
    unknown.delete(name);
    const tensor = state.get(name);
    if (tensor) checkTensor(operation, name, tensor, shape, options);
    else missing.push(name);
  }
  checkNames(operation, missing, [...unknown]);
}

/** Throws where tensors are missing or nobody wants them. */
export function checkNames(
  operation: string,
  missing: readonly string[],
  unknown: readonly string[],
  hint?: string,
): void {
  if (missing.length === 0 && unknown.length === 0) return;
  const list = (kind: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
    return [`${kind} ${names.slice(0, LISTED).map(clip).join(', ')}${more}`];
  };
  const parts = [...list('missing', missing), ...list('unknown', unknown), ...(hint ? [hint] : [])];
  throw new RangeError(`${operation}: ${parts.join('; ')}`);
}

function checkTensor(
  operation: string,
  name: string,
  { shape, values, scale }: StoredTensor,
  expected: readonly number[],
  { allowNonFinite = false }: CheckOptions,
): void {
  if (!sameShape(shape, expected)) {
    throw new RangeError(
      `${operation}: expected ${name} ${formatShape(expected)}, got ${formatShape(shape)}`,
    );
  }
  if (values.length !== sizeOf(shape) || (scale && scale.length !== shape[0])) {
    throw new RangeError(`${operation}: ${name} does not have as many numbers as its shape says`);
  }
  if (allowNonFinite) return;
  checkFinite(operation, name, values);
  if (scale) checkFinite(operation, `the scale of ${name}`, scale);
}

/** Throws where a number is NaN or infinite, and says where. */
export function checkFinite(operation: string, name: string, values: Float32Array | Int8Array): void {
  if (values instanceof Int8Array) return;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    throw new RangeError(
      `${operation}: ${clip(name)} holds ${values[i]} at position ${i}; to take it as it is, pass allowNonFinite: true`,
    );
  }
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
