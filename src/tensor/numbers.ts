import { checkRoom } from '../core/room.js';
import { shown } from '../core/shown.js';
import { formatShape, shownList, sizeOf, type Shape } from './layout.js';
import { Value } from './value.js';

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

/** Numbers in row-major order and their shape. */
export interface Numbers {
  readonly values: Float32Array;
  readonly shape: Shape;
}

/** The deepest nesting that is read: an array that contains itself has no end. */
const MOST_DIMENSIONS = 64;

/** Reads nested arrays, all of one shape: what is at the first place on each level is expected at the others. */
function flatten(name: string, data: NestedArray): Numbers {
  const shape: number[] = [];
  let level: unknown = data;
  for (; Array.isArray(level); level = level[0]) {
    if (shape.push(level.length) > MOST_DIMENSIONS) {
      throw new RangeError(
        `${name}: arrays nested more than ${MOST_DIMENSIONS} deep; does one of them contain itself?`,
      );
    }
  }
  const rank = shape.length;
  checkRoom(name, shape);
  // Where the first is no number there is nothing to make room for.
  const values = new Float32Array(typeof level === 'number' ? sizeOf(shape) : 0);
  const place: number[] = [];
  let at = 0;

  const read = (item: unknown, depth: number): void => {
    const isArray = Array.isArray(item);
    if (isArray && item.length === shape[depth]) {
      for (let i = 0; i < shape[depth]; i++) {
        const one: unknown = item[i];
        if (typeof one === 'number' && depth + 1 === rank) values[at++] = one;
        else {
          place[depth] = i;
          read(one, depth + 1);
        }
      }
    } else if (isArray || typeof item === 'number') {
      const expected = depth < rank ? `${shape[depth]} elements` : 'a number';
      const got = isArray ? `an array of ${item.length}` : 'a number';
      throw new RangeError(`${name}: ragged array: expected ${expected} at depth ${depth}, got ${got}`);
    } else {
      const where = place.slice(0, depth).join('][');
      throw new TypeError(`${name}: expected numbers, got ${shown(item)} at [${where}]`);
    }
  };
  read(data, 0);
  return { values, shape };
}

/** The numbers of a typed array. */
function copied(name: string, data: ArrayBufferView): Float32Array {
  let gone = '';
  // Of a DataView nothing would be taken; integers of 64 bits, and memory that was transferred, are refused by the constructor.
  if ('length' in data) {
    try {
      return new Float32Array(data as Float32Array);
    } catch (error) {
      if (error instanceof RangeError) throw error;
      if (data.length === 0) gone = ' whose memory was transferred';
    }
  }
  throw new TypeError(`${name}: expected numbers, got ${shown(data)}${gone}`);
}

/** Refuses what is no shape. */
export function checkShape(name: string, shape: unknown): void {
  const isList = Array.isArray(shape);
  if (isList && shape.every((length) => Number.isInteger(length) && length >= 0)) return;
  throw new (isList ? RangeError : TypeError)(
    `${name}: expected a shape of lengths that are non-negative integers, got ${isList ? shownList(shape) : shown(shape)}`,
  );
}

/** Numbers and their shape, checked. */
export function readNumbers(name: string, data: TensorLike, wanted?: Shape): Numbers {
  let numbers: Numbers;
  if (ArrayBuffer.isView(data)) {
    const values = copied(name, data);
    numbers = { values, shape: [values.length] };
  } else if (typeof data === 'number') {
    numbers = { values: Float32Array.of(data), shape: [] };
  } else if (Array.isArray(data)) {
    numbers = flatten(name, data as NestedArray);
  } else {
    throw new TypeError(`${name}: expected a number, nested arrays or a typed array, got ${shown(data)}`);
  }
  if (wanted === undefined) return numbers;
  checkShape(name, wanted);
  const { values } = numbers;
  if (sizeOf(wanted) !== values.length) {
    throw new RangeError(`${name}: ${values.length} numbers do not fill shape ${formatShape(wanted)}`);
  }
  return { values, shape: wanted.slice() };
}

/** The numbers of a tensor, or numbers as they are given. */
export function numbersOf(name: string, data: Value | TensorLike): Numbers {
  return data instanceof Value ? { values: data.data, shape: data.shape } : readNumbers(name, data);
}

/** A tensor as JSON: its shape, and its numbers in row-major order; JSON has no NaN and no infinity, so these are texts. */
export interface TensorData {
  readonly shape: Shape;
  readonly data: TensorLike | readonly (number | string)[];
}

/**
 * The numbers of a tensor that may have been through JSON or structuredClone().
 *
 * @param wanted the shape of typed arrays
 */
export function savedNumbers(name: string, saved: Value | TensorLike | TensorData, wanted: Shape): Numbers {
  if (saved instanceof Value) return numbersOf(name, saved);
  // A clone of a constant has no class, but the fields that it had.
  const { shape, place, data = place?.values } = Object(saved) as Partial<TensorData> & { place?: { values?: Float32Array } }; // prettier-ignore
  if (!shape) return readNumbers(name, saved as TensorLike, ArrayBuffer.isView(saved) ? wanted : undefined);
  return readNumbers(name, unwritten(data) as TensorLike, shape);
}

/** A number as JSON has it: what JSON does not know is a text. */
export function written(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** A list with the numbers for the texts of {@link written}. Other texts stay what they are. */
export function unwritten(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return list.map((one) => (['NaN', 'Infinity', '-Infinity'].includes(one as string) ? Number(one) : one));
}

/** Makes JSON.stringify() write a list so that {@link unwritten} reads it. */
export function writable<T extends Float32Array | number[]>(list: T): T {
  return Object.defineProperty(list, 'toJSON', { value: () => Array.from(list, written) });
}

/**
 * Refuses numbers that are NaN or infinite as float32, and says where the first of them stands.
 *
 * @param inRow names the place of a row
 */
export function checkFinite(
  name: string,
  { values, shape }: { readonly values: NumericArray; readonly shape: Shape },
  inRow = (row: number): string => `row ${row}`,
): void {
  const at = (values as Float32Array).findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (at < 0) return;
  const width = values.length / (shape[0] ?? 1);
  const column = shape.length > 1 ? `, column ${at % width}` : '';
  throw new RangeError(
    `${name}: expected finite numbers (as float32), got ${values[at]} in ${inRow(Math.floor(at / width))}${column}`,
  );
}

/** Numbers in row-major order as nested arrays of a shape; a number where it has no dimensions. */
export function nest(values: Float32Array, shape: Shape): NestedArray {
  if (shape.length === 0) return values[0];
  const [length, ...rest] = shape;
  const step = sizeOf(rest);
  return Array.from({ length }, (_, i) => nest(values.subarray(i * step, (i + 1) * step), rest));
}
