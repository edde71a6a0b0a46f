import { sameShape, sizeOf } from '../tensor/layout.js';
import { isOutput } from './outputKind.js';
import { clip, show } from './shown.js';
import type { StoredModel, StoredTensor } from './storedModel.js';

/** How many names an error lists. */
const LISTED = 8;

export interface CheckOptions {
  /** Take NaN and infinities among the numbers; false by default. */
  allowNonFinite?: boolean;
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
      `${operation}: expected ${name} [${expected.join(', ')}], got [${shape.join(', ')}]`,
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
