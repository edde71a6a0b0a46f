import { bytesOf } from './bytes.js';
import { clip } from './shown.js';

/** Arrays of numbers that are kept as tensors, with the dtype of each. */
const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
} as const;
type ArrayDtype = keyof typeof ARRAYS;

/** A typed array with its dtype. */
export interface PlainArray {
  readonly dtype: ArrayDtype;
  readonly bytes: Uint8Array;
}

/** How deep data may be nested: layers take two levels each. */
const MAX_DEPTH = 200;

/**
 * Plain data as text of JSON, exact to the bit: what JSON does not know stands as an object with one key that begins with
 * `$` (`{"$number": "NaN"}`, `{"$bigint": "0x1"}`), and typed arrays are handed to `keep`, which names them (`{"$array": name}`).
 *
 * @param keep is told the path of an array, and gives the name under which it is kept
 * @throws TypeError on functions, class instances and the like
 */
export function toText(
  operation: string,
  value: unknown,
  keep: (path: string, array: PlainArray) => string,
): string {
  const plain = (value: unknown, path: string, depth: number): unknown => {
    if (depth > MAX_DEPTH)
      throw new RangeError(`${operation}: ${path} is nested more than ${MAX_DEPTH} deep`);
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { $number: Object.is(value, -0) ? '-0' : String(value) };
      case 'bigint':
        return { $bigint: `${value < 0n ? '-' : ''}0x${(value < 0n ? -value : value).toString(16)}` };
      case 'string':
      case 'boolean':
      case 'undefined':
        return value;
      case 'object': {
        if (value === null) return null;
        if (Array.isArray(value)) return list(value, path, depth);
        if (ArrayBuffer.isView(value)) return { $array: keep(path, arrayOf(operation, path, value)) };
        const prototype: unknown = Object.getPrototypeOf(value);
        if (prototype !== Object.prototype && prototype !== null) break;
        return Object.fromEntries(
          Object.entries(value).map(([key, item]) => [
            key.startsWith('$') ? `$${key}` : key,
            plain(item, path === '' ? key : `${path}.${key}`, depth + 1),
          ]),
        );
      }
    }
    const kind = typeof value === 'object' ? value?.constructor?.name : typeof value;
    throw new TypeError(`${operation}: expected plain data, got a ${kind} at ${path}`);
  };
  const list = (items: readonly unknown[], path: string, depth: number): unknown[] => {
    const all: unknown[] = [];
    for (let i = 0; i < items.length; i++) {
      // Such an array may claim a length of billions, and hold nothing.
      if (!(i in items)) {
        throw new TypeError(`${operation}: expected plain data, got an array with a gap at ${path}.${i}`);
      }
      all.push(plain(items[i], `${path}.${i}`, depth + 1));
    }
    return all;
  };
  // A value that is undefined has no text.
  return JSON.stringify(plain(value, '', 0)) ?? 'null';
}

function arrayOf(operation: string, path: string, view: ArrayBufferView): PlainArray {
  for (const [dtype, Numbers] of Object.entries(ARRAYS)) {
    if (view instanceof Numbers) {
      return { dtype: dtype as ArrayDtype, bytes: bytesOf(`${operation}: ${path}`, view) };
    }
  }
  throw new TypeError(
    `${operation}: expected a typed array of numbers, got a ${view.constructor.name} at ${path}`,
  );
}

/**
 * What {@link toText} made text of.
 *
 * @param find gives the array of a name
 * @throws RangeError where it is no such text
 */
export function fromText(
  operation: string,
  text: string,
  find: (name: string) => { dtype: string; bytes: Uint8Array } | undefined,
): unknown {
  const fail = (problem: string): never => {
    throw new RangeError(`${operation}: ${problem}`);
  };
  const taken = new Set<string>();
  const value = (plain: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) fail(`data are nested more than ${MAX_DEPTH} deep`);
    if (typeof plain !== 'object' || plain === null) return plain;
    if (Array.isArray(plain)) return plain.map((item) => value(item, depth + 1));
    const entries = Object.entries(plain as Record<string, unknown>);
    const [key, inside] = entries[0] ?? ['', ''];
    if (entries.length === 1 && /^\$[^$]/.test(key) && typeof inside === 'string')
      return special(key, inside);
    return Object.fromEntries(
      entries.map(([key, item]) => {
        if (key.startsWith('$') && !key.startsWith('$$')) fail(`unknown mark ${clip(key)}`);
        return [key.startsWith('$') ? key.slice(1) : key, value(item, depth + 1)];
      }),
    );
  };
  const special = (key: string, text: string): unknown => {
    if (key === '$number' && ['NaN', 'Infinity', '-Infinity', '-0'].includes(text)) return Number(text);
    // In hexadecimal: reading decimal digits takes time that grows with the square of their number.
    if (key === '$bigint' && /^-?0x[0-9a-f]+$/.test(text)) {
      return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
    }
    if (key === '$array') {
      // One that is named a thousand times would take a thousand times its memory.
      const found =
        (!taken.has(text) && find(text)) || fail(`array ${clip(text)} is missing, or named twice`);
      taken.add(text);
      if (!Object.hasOwn(ARRAYS, found.dtype)) fail(`array ${clip(text)} is of dtype ${found.dtype}`);
      return new ARRAYS[found.dtype as ArrayDtype](found.bytes.slice().buffer);
    }
    return fail(`unknown mark ${clip(key)} of ${clip(text)}`);
  };
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch (error) {
    return fail(`expected JSON: ${clip((error as Error).message)}`);
  }
  return value(plain, 0);
}
