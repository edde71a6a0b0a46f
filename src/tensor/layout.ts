import { shown } from '../core/shown.js';

/** Shapes and strides, as plain number arrays. Strides count elements. */
export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** A list that may be anything but a shape, as an error shows it. */
export function shownList(list: readonly unknown[]): string {
  return `[${list.map(shown).join(', ')}]`;
}

/** Strides of a contiguous row-major tensor. */
export function contiguous(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** The place of an element, one number a dimension, from its number in row-major order. */
export function placeOf(element: number, shape: Shape): number[] {
  const place: number[] = [];
  let rest = element;
  for (let i = shape.length - 1; i >= 0; i--) {
    place.unshift(rest % shape[i]);
    rest = Math.floor(rest / shape[i]);
  }
  return place;
}

/** The shape that a and b broadcast to, as in NumPy. */
export function broadcast(operation: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RangeError(`${operation}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast`);
    }
    shape[i] = x === 1 ? y : x;
  }
  return shape;
}

/** Strides that read a contiguous tensor of `shape` as if it had `target`: 0 where it repeats. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = contiguous(shape);
  const offset = target.length - shape.length;
  return target.map((_, i) => (i < offset || shape[i - offset] === 1 ? 0 : own[i - offset]));
}

/**
 * Drops dimensions of length 1 and joins neighbours that every operand walks as one: the fewer dimensions, the longer
 * the inner loop in Wasm.
 *
 * @returns `[rank, shape…, strides of the first operand…, of the second…]`, as the opcodes read it
 */
export function walk(shape: Shape, ...operands: (readonly number[])[]): number[] {
  const lengths: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    const last = lengths.length - 1;
    if (last >= 0 && operands.every((own, o) => strides[o][last] === own[i] * shape[i])) {
      lengths[last] *= shape[i];
      for (let o = 0; o < operands.length; o++) strides[o][last] = operands[o][i];
    } else {
      lengths.push(shape[i]);
      for (let o = 0; o < operands.length; o++) strides[o].push(operands[o][i]);
    }
  }
  return [lengths.length, ...lengths, ...strides.flat()];
}

/** Splits the dimensions of `shape` into kept and reduced ones, as REDUCE reads them. */
export function reduction(shape: Shape, reduced: ReadonlySet<number>): number[] {
  const strides = contiguous(shape);
  const pick = (keep: boolean): number[] => {
    const dims = shape.map((_, i) => i).filter((i) => reduced.has(i) !== keep);
    return walk(
      dims.map((i) => shape[i]),
      dims.map((i) => strides[i]),
    );
  };
  const [keptRank, ...kept] = pick(true);
  const [reducedRank, ...gone] = pick(false);
  return [keptRank, reducedRank, ...kept, ...gone];
}

/** The axes along which `shape` was repeated to become `target`. */
export function repeatedAxes(shape: Shape, target: Shape): Set<number> {
  const offset = target.length - shape.length;
  const axes = new Set<number>();
  for (let i = 0; i < target.length; i++) {
    if (i < offset || (shape[i - offset] === 1 && target[i] !== 1)) axes.add(i);
  }
  return axes;
}

/** A dimension counted from either end, as a number in [0, rank). */
export function axis(operation: string, dim: number, rank: number): number {
  if (!Number.isInteger(dim) || dim < -rank || dim >= rank) {
    throw new RangeError(`${operation}: dimension ${shown(dim)} is not in [${-rank}, ${rank - 1}]`);
  }
  return dim < 0 ? dim + rank : dim;
}

/** One dimension or several, or all where none is given. */
export function axes(
  operation: string,
  dims: number | readonly number[] | undefined,
  rank: number,
): Set<number> {
  if (dims === undefined) return new Set(Array.from({ length: rank }, (_, i) => i));
  const list = Array.isArray(dims) ? (dims as readonly number[]) : [dims as number];
  const set = new Set(list.map((dim) => axis(operation, dim, rank)));
  if (set.size !== list.length)
    throw new RangeError(`${operation}: a dimension is named twice in [${list.join(', ')}]`);
  return set;
}
