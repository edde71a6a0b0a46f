import { formatShape, sizeOf, type Shape } from './layout.js';

/** Numbers nested to any depth; every level must have equal lengths. */
export type NestedArray = number | readonly NestedArray[];

/** Arrays of numbers that {@link tensor} reads without nesting. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

export type TensorLike = NestedArray | NumericArray;

/** The shape of nested arrays; throws where they are ragged. */
function shapeOf(data: NestedArray): number[] {
  const shape: number[] = [];
  let level: NestedArray = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0] as NestedArray;
  }
  return shape;
}

function flatten(
  name: string,
  data: NestedArray,
  shape: Shape,
  depth: number,
  out: Float32Array,
  at: number,
): number {
  if (depth === shape.length) {
    if (typeof data !== 'number') {
      if (Array.isArray(data)) throw raggedError(name, shape, depth, data.length);
      throw new TypeError(`${name}: expected numbers, got ${data === null ? 'null' : typeof data}`);
    }
    out[at] = data;
    return at + 1;
  }
  if (!Array.isArray(data) || data.length !== shape[depth]) {
    throw raggedError(name, shape, depth, Array.isArray(data) ? data.length : undefined);
  }
  for (let i = 0; i < data.length; i++) {
    const item: unknown = data[i];
    if (typeof item === 'number' && depth + 1 === shape.length) out[at++] = item;
    else at = flatten(name, item as NestedArray, shape, depth + 1, out, at);
  }
  return at;
}

function raggedError(name: string, shape: Shape, depth: number, length: number | undefined): RangeError {
  const expected = depth < shape.length ? `${shape[depth]} elements` : 'a number';
  const got = length === undefined ? 'a number' : `an array of ${length}`;
  return new RangeError(`${name}: ragged array: expected ${expected} at depth ${depth}, got ${got}`);
}

/** Numbers and their shape, checked. */
export function readNumbers(
  name: string,
  data: TensorLike,
  wanted?: Shape,
): { values: Float32Array; shape: Shape } {
  let values: Float32Array;
  let shape: Shape;
  if (ArrayBuffer.isView(data)) {
    if (data instanceof DataView || data instanceof BigInt64Array || data instanceof BigUint64Array) {
      throw new TypeError(`${name}: expected numbers, got ${data.constructor.name}`);
    }
    values = new Float32Array(data);
    shape = wanted ?? [values.length];
  } else if (typeof data === 'number' || Array.isArray(data)) {
    const found = shapeOf(data);
    values = new Float32Array(sizeOf(found));
    flatten(name, data, found, 0, values, 0);
    shape = wanted ?? found;
  } else {
    throw new TypeError(`${name}: expected a number, nested arrays or a typed array, got ${String(data)}`);
  }
  if (!shape.every((length) => Number.isInteger(length) && length >= 0)) {
    throw new RangeError(
      `${name}: expected lengths that are non-negative integers, got ${formatShape(shape)}`,
    );
  }
  if (sizeOf(shape) !== values.length) {
    throw new RangeError(`${name}: ${values.length} numbers do not fill shape ${formatShape(shape)}`);
  }
  return { values, shape: shape.slice() };
}

/** Numbers in row-major order as nested arrays of a shape; a number where it has no dimensions. */
export function nest(values: Float32Array, shape: Shape): NestedArray {
  if (shape.length === 0) return values[0];
  const [length, ...rest] = shape;
  const step = sizeOf(rest);
  return Array.from({ length }, (_, i) => nest(values.subarray(i * step, (i + 1) * step), rest));
}
