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
    if (ArrayBuffer.isView(rows)) return this.run(rows);
    const single = Array.isArray(rows) && rows.length > 0 && !Array.isArray(rows[0]);
    const list: readonly NestedArray[] = single || !Array.isArray(rows) ? [rows] : rows;
    const flat = list.flatMap((row, i) => this.row(row, i));
    const values = this.run(Float32Array.from(flat));
    const result = nest(values, this.compiled.outShape);
    return single ? result[0] : result;
  }

  /** The numbers of a row, however nested. */
  private row(row: NestedArray, i: number): number[] {
    const numbers: number[] = [];
    const visit = (value: NestedArray): void => {
      if (Array.isArray(value)) value.forEach(visit);
      else if (typeof value === 'number') numbers.push(value);
      else throw new TypeError(`predict: expected numbers, row ${i} has ${String(value)}`);
    };
    visit(row);
    if (numbers.length === this.inFeatures) return numbers;
    throw new RangeError(
      `predict: expected rows of ${this.inFeatures} numbers, row ${i} has ${numbers.length}`,
    );
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
    let first = 0;
    for (const batch of batchSizes(count, this.compiled.widest)) {
      const at = this.core.input(batch) >>> 0;
      if (at === 0) throw new RangeError(`out of memory: the host gives no memory for ${batch} rows`);
      const part = rows.subarray(first * inFeatures, (first + batch) * inFeatures);
      new Float32Array(this.memory.buffer, at, part.length).set(part);
      if (this.core.run(batch) !== 0) {
        throw new RangeError('predict: an index is not one of the rows of the embedding that it goes to');
      }
      results.set(
        new Float32Array(this.memory.buffer, this.core.output(batch) >>> 0, batch * width),
        first * width,
      );
      first += batch;
    }
    return results;
  }
}

/** Numbers as arrays in arrays: [rows, …shape]. */
function nest(values: Float32Array, shape: readonly number[]): NestedArray[] {
  const width = sizeOf(shape);
  const [, ...inner] = shape;
  return Array.from({ length: values.length / width }, (_, i) => {
    const part = values.subarray(i * width, (i + 1) * width);
    return shape.length === 1 ? [...part] : nest(part, inner);
  });
}
