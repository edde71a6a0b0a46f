import type { Tensor } from 'wasmgrad';
import { product } from './numbers.js';

/** An array of any shape in float64: the reference that gradients and results are checked against. */
export class Array64 {
  readonly values: Float64Array;

  constructor(
    readonly shape: readonly number[],
    values: ArrayLike<number>,
  ) {
    this.values = Float64Array.from(values);
    if (this.values.length !== product(shape))
      throw new Error(`[${shape}] is not ${this.values.length} numbers`);
  }

  get size(): number {
    return this.values.length;
  }

  map(f: (x: number) => number): Array64 {
    return new Array64(this.shape, this.values.map(f));
  }

  /** f over both, broadcast. */
  zip(other: Array64, f: (a: number, b: number) => number): Array64 {
    const rank = Math.max(this.shape.length, other.shape.length);
    const shape = Array.from({ length: rank }, (_, d) => {
      const a = this.shape[d - rank + this.shape.length] ?? 1;
      const b = other.shape[d - rank + other.shape.length] ?? 1;
      return a === 1 ? b : a;
    });
    const values = positions(shape).map((at) => f(this.at(at), other.at(at)));
    return new Array64(shape, values);
  }

  /** The element at a position of a shape that this one broadcasts to. */
  at(position: readonly number[]): number {
    let index = 0;
    this.shape.forEach((length, d) => {
      index = index * length + (length === 1 ? 0 : position[d + position.length - this.shape.length]);
    });
    return this.values[index];
  }

  reshape(shape: readonly number[]): Array64 {
    return new Array64(shape, this.values);
  }

  transpose(i: number, j: number): Array64 {
    const swap = (list: readonly number[]) =>
      list.map((value, d) => (d === i ? list[j] : d === j ? list[i] : value));
    const shape = swap(this.shape);
    return new Array64(
      shape,
      positions(shape).map((at) => this.at(swap(at))),
    );
  }

  slice(dim: number, from: number, to: number): Array64 {
    const shape = this.shape.map((length, d) => (d === dim ? to - from : length));
    return new Array64(
      shape,
      positions(shape).map((at) => this.at(at.map((p, d) => (d === dim ? p + from : p)))),
    );
  }

  /** f over the elements along the given dimensions, which are dropped. */
  reduce(dims: readonly number[], f: (group: number[]) => number): Array64 {
    const keep = this.shape.map((_, d) => d).filter((d) => !dims.includes(d));
    const shape = keep.map((d) => this.shape[d]);
    const groups = new Map<string, number[]>(positions(shape).map((at) => [at.join(), []]));
    positions(this.shape).forEach((at, i) => groups.get(keep.map((d) => at[d]).join())!.push(this.values[i]));
    return new Array64(shape, [...groups.values()].map(f));
  }

  /** As NumPy: matrices, vectors and stacks. */
  matmul(other: Array64): Array64 {
    const a = this.shape.length === 1 ? this.reshape([1, ...this.shape]) : this;
    const b = other.shape.length === 1 ? other.reshape([...other.shape, 1]) : other;
    const [m, k] = a.shape.slice(-2);
    const n = b.shape.at(-1)!;
    const stack = new Array64(a.shape.slice(0, -2), new Float64Array(product(a.shape.slice(0, -2)))).zip(
      new Array64(b.shape.slice(0, -2), new Float64Array(product(b.shape.slice(0, -2)))),
      () => 0,
    ).shape;
    const values = positions([...stack, m, n]).map((at) => {
      let sum = 0;
      for (let p = 0; p < k; p++)
        sum += a.at([...at.slice(0, -1), p]) * b.at([...at.slice(0, -2), p, at.at(-1)!]);
      return sum;
    });
    const shape = [
      ...stack,
      ...(this.shape.length === 1 ? [] : [m]),
      ...(other.shape.length === 1 ? [] : [n]),
    ];
    return new Array64(shape, values);
  }

  /** Each row along `dim` replaced by f(row). */
  along(dim: number, f: (row: number[]) => number[]): Array64 {
    const result = new Float64Array(this.size);
    const index = new Map(positions(this.shape).map((at, i) => [at.join(), i]));
    for (const at of positions(this.shape.map((length, d) => (d === dim ? Math.min(1, length) : length)))) {
      const places = Array.from({ length: this.shape[dim] }, (_, p) => index.get(at.with(dim, p).join())!);
      f(places.map((i) => this.values[i])).forEach((value, p) => (result[places[p]] = value));
    }
    return new Array64(this.shape, result);
  }
}

export function concat64(parts: readonly Array64[], dim: number): Array64 {
  const shape = parts[0].shape.map((length, d) =>
    d === dim ? parts.reduce((n, p) => n + p.shape[dim], 0) : length,
  );
  const values = positions(shape).map((at) => {
    let rest = at[dim];
    let part = 0;
    while (rest >= parts[part].shape[dim]) rest -= parts[part++].shape[dim];
    return parts[part].at(at.with(dim, rest));
  });
  return new Array64(shape, values);
}

/** Every position of a shape, in row-major order. */
export function positions(shape: readonly number[]): number[][] {
  let list: number[][] = [[]];
  for (const length of shape) list = list.flatMap((at) => Array.from({ length }, (_, i) => [...at, i]));
  return list;
}

/** The log-softmax of some numbers. */
export function logSoftmax64(x: number[]): number[] {
  const maximum = Math.max(...x);
  const sum = x.reduce((total, value) => total + Math.exp(value - maximum), 0);
  return x.map((value) => value - maximum - Math.log(sum));
}

export function toArray64(tensor: Tensor): Array64 {
  return new Array64(tensor.shape, tensor.data);
}
