import { sizeOf } from '../tensor/layout.js';
import type { NestedArray } from '../tensor/numbers.js';
import type { Compiled } from './compile.js';
import { batchSizes } from './batchSizes.js';

/** What assembly/infer.ts exports. */
interface InferExports {
  input(rows: number): number;
  run(rows: number): number;
  output(rows: number): number;
}

const PAGE_BYTES = 65536;

/** A model in a memory of its own, ready to predict. */
export class ForwardModel {
  protected readonly memory: WebAssembly.Memory;
  private readonly core: InferExports;

  /** @param core assembly/infer.ts, compiled */
  constructor(
    core: WebAssembly.Module,
    protected readonly compiled: Compiled,
    image: Uint8Array,
  ) {
    this.memory = new WebAssembly.Memory({
      initial: Math.ceil(compiled.bytesFor(1) / PAGE_BYTES),
      maximum: 65536,
    });
    this.core = new WebAssembly.Instance(core, { env: { memory: this.memory } })
      .exports as unknown as InferExports;
    new Uint8Array(this.memory.buffer).set(image);
  }

  get inFeatures(): number {
    return this.compiled.inFeatures;
  }

  get outFeatures(): number {
    return sizeOf(this.compiled.outShape);
  }

  /** Predictions as Module.predict gives them: nested arrays for nested arrays, a Float32Array for a typed array. */
  predict(rows: Float32Array): Float32Array;
  predict(rows: NestedArray): NestedArray;
  predict(rows: Float32Array | NestedArray): Float32Array | NestedArray;
  predict(rows: Float32Array | NestedArray): Float32Array | NestedArray {
    if (ArrayBuffer.isView(rows)) {
      // Nothing is made of a DataView, of integers of 64 bits, and of memory that was transferred.
      let numbers: Float32Array | undefined;
      try {
        if (rows.length >= 0) numbers = new Float32Array(rows);
      } catch {}
      return this.run(
        numbers ?? refuse(rows.length === 0 ? 'transferred memory' : `a ${rows.constructor.name}`),
      );
    }
    const { plan, outShape } = this.compiled;
    let { inShape } = this.compiled;
    // What is at the first places tells whether it is one row. Deeper nothing is read, be it an array that contains itself.
    const lengths: number[] = [];
    let rank = 0;
    for (let first: unknown = rows; Array.isArray(first) && rank < 65; [first] = first as unknown[]) {
      lengths[rank++] = first.length;
    }
    const own = lengths.slice(1);
    if (plan.flat && rank > 1 && sizeOf(own) === this.inFeatures) inShape = own;
    // Of an empty list nothing comes.
    const single = rank <= inShape.length && lengths[0] !== 0;
    const list = (single ? [rows] : rows) as readonly unknown[];
    const levels = single ? rank : rank - 1;
    const numbers: number[] = [];
    let wrong = '';
    const read = (value: unknown, row: number, depth = 0): void => {
      const array = Array.isArray(value) ? (value as unknown[]) : undefined;
      if (!array && typeof value !== 'number') refuse(value === null ? value : typeof value);
      if (array?.length !== inShape[depth]) wrong ||= `row ${row} has ${array?.length ?? 1}`;
      if (!array) numbers.push(value as number);
      else if (depth < levels) for (const one of array) read(one, row, depth + 1);
    };
    for (let i = 0; i < list.length; i++) read(list[i], i);
    if (wrong) throw new RangeError(`predict: expected rows of ${inShape.join(' × ')} numbers, ${wrong}`);
    return nest(this.run(Float32Array.from(numbers)), single ? outShape : [list.length, ...outShape]);
  }

  protected run(rows: Float32Array, width = this.outFeatures): Float32Array {
    const { inFeatures } = this;
    const count = rows.length / inFeatures;
    if (!Number.isInteger(count)) {
      throw new RangeError(
        `predict: expected rows of ${inFeatures} numbers, got ${rows.length} numbers in all`,
      );
    }
    const results = new Float32Array(count * width);
    // Asked for anew: memory may have grown.
    const floats = (at: number, length: number): Float32Array =>
      new Float32Array(this.memory.buffer, at >>> 0, length);
    let first = 0;
    for (const batch of batchSizes(count, this.compiled.widest)) {
      const at = this.core.input(batch);
      if (at === 0) throw new RangeError(`predict: out of memory for ${batch} rows`);
      const part = rows.subarray(first * inFeatures, (first + batch) * inFeatures);
      floats(at, part.length).set(part);
      if (this.core.run(batch) !== 0) {
        throw new RangeError('predict: an index is no row of the embedding');
      }
      results.set(floats(this.core.output(batch), batch * width), first * width);
      first += batch;
    }
    return results;
  }
}

function refuse(got: string | null): never {
  throw new TypeError(`predict: expected numbers, got ${got}`);
}

/** Numbers as arrays in arrays. */
function nest(values: Float32Array, [length, ...inner]: readonly number[]): NestedArray[] {
  const step = values.length / length;
  if (inner.length === 0) return [...values];
  return Array.from({ length }, (_, i) => nest(values.subarray(i * step, (i + 1) * step), inner));
}
