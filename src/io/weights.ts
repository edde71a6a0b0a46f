import type { Module, StateDict } from '../nn/module.js';
import { formatShape, sameShape } from '../tensor/layout.js';
import { tensor } from '../tensor/tensor.js';
import { checkFinite, checkNames, type CheckOptions } from './checkState.js';
import { isOwn } from './modelFile.js';
import { toPyTorch } from './names.js';
import { toFloat32, type SafeTensors } from './safetensors.js';
import { clip, show } from './shown.js';

export interface WeightsOptions extends CheckOptions {
  /** What stands before the model's names in the file, such as `'model.'`; tensors without it are left alone. */
  prefix?: string;
}

/**
 * Overwrites every parameter and buffer of a model with the tensors of a file that are called as PyTorch would call them.
 *
 * @throws RangeError where one is missing, unknown, of another shape or not finite; then nothing is changed
 */
export function applyWeights(
  operation: string,
  model: Module,
  { tensors }: SafeTensors,
  options: WeightsOptions = {},
): void {
  const { prefix = '', allowNonFinite = false } = options;
  if (typeof prefix !== 'string') {
    throw new TypeError(`${operation}: expected prefix to be a string, got ${show(prefix)}`);
  }
  const own = [...model.namedParameters(), ...model.namedBuffers()];
  const wanted = new Map(own.map(([name, { shape }]) => [prefix + toPyTorch(name), { name, shape }]));
  const given = [...tensors.keys()].filter((name) => name.startsWith(prefix) && !isOwn(name));
  const missing = [...wanted.keys()].filter((name) => !tensors.has(name));
  const unknown = given.filter((name) => !wanted.has(name));
  const found = missing.length > 0 ? prefixOf(given, [...wanted.keys()]) : undefined;
  checkNames(operation, missing, unknown, found && `all would fit with prefix: '${clip(found)}'`);
  const state: StateDict = {};
  for (const [name, { name: here, shape }] of wanted) {
    const one = tensors.get(name)!;
    if (!sameShape(one.shape, shape)) {
      throw new RangeError(
        `${operation}: expected ${name} ${formatShape(shape)}, got ${clip(formatShape(one.shape))}`,
      );
    }
    const values = toFloat32(one);
    if (!allowNonFinite) checkFinite(operation, name, values);
    state[here] = tensor(values, { shape });
  }
  model.loadStateDict(state);
}

/** What has to stand before each wanted name so that all are among the given. */
function prefixOf(given: readonly string[], wanted: readonly string[]): string | undefined {
  const all = new Set(given);
  const candidates = given
    .filter((name) => name.endsWith(wanted[0]))
    .map((name) => name.slice(0, name.length - wanted[0].length));
  return candidates.slice(0, 8).find((prefix) => wanted.every((name) => all.has(prefix + name)));
}
