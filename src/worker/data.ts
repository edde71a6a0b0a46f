import { checkLoading, DataLoader, type DataLoaderOptions, type LoaderState } from '../data/dataLoader.js';
import { countRows, readRows, TensorDataset, type Column, type Rows } from '../data/dataset.js';
import { WeightedRandomSampler, type Sampler } from '../data/sampler.js';
import { shown } from '../core/shown.js';
import { sizeOf, type Shape } from '../tensor/layout.js';
import { GatherSource } from '../tensor/source.js';
import { checkFinite, checkShape, type NumericArray } from '../tensor/numbers.js';
import { Tensor } from '../tensor/tensor.js';
import { clone } from './clone.js';
import { className } from './table.js';

/** Rows for a worker, with what a DataLoader wants to know about batches. */
export interface WorkerData extends DataLoaderOptions {
  /** [rows, …] */
  inputs: Rows;
  /** [rows] or [rows, …] */
  targets: Rows;
}

/** Numbers on their way: the array's buffer is transferred. */
interface Numbers {
  readonly data: NumericArray;
  readonly shape: Shape;
}

interface DescribedSampler {
  readonly weights: Float64Array;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly seed: number | undefined;
}

export interface DescribedData {
  readonly inputs: Numbers;
  readonly targets: Numbers;
  readonly options: Omit<DataLoaderOptions, 'sampler'>;
  readonly sampler?: DescribedSampler;
  readonly state?: LoaderState;
}

/**
 * Data on its way to a worker. What the caller gave as typed arrays over a whole buffer is taken as it is, unless it is to
 * be copied; the rest is copied in any case.
 *
 * @throws TypeError where it is neither a loader nor rows
 */
export function describeData(name: string, given: DataLoader | WorkerData, copy: boolean): DescribedData {
  if (given instanceof DataLoader) return describeLoader(name, given);
  if (typeof given !== 'object' || given === null || !('inputs' in given) || !('targets' in given)) {
    throw new TypeError(
      `trainInWorker: expected ${name} to be a data.DataLoader or { inputs, targets, batchSize, … }; streams cannot go ` +
        'to a worker, make them there: see setup',
    );
  }
  const { inputs, targets, sampler, ...options } = given;
  const described = {
    inputs: numbersOf(`${name}.inputs`, inputs, copy),
    targets: numbersOf(`${name}.targets`, targets, copy),
    options: clone(name, options),
    ...(sampler && { sampler: describeSampler(name, sampler), state: samplerState(sampler) }),
  };
  const operation = `trainInWorker: ${name}`;
  const rows = countRows(operation, described.inputs.shape, described.targets.shape);
  checkLoading(operation, { ...options, ...(sampler && { sampler }) }, rows);
  return described;
}

/** How many batches they make. */
export function batchesIn({ inputs, options, sampler }: DescribedData): number {
  const { batchSize = 1, dropLast } = options;
  const batches = (sampler?.numSamples ?? inputs.shape[0]) / batchSize;
  return dropLast ? Math.floor(batches) : Math.ceil(batches);
}

export function buildData({ inputs, targets, options, sampler, state }: DescribedData): DataLoader {
  const dataset = new TensorDataset(inputs, targets);
  const made = sampler && samplerOf(sampler);
  const loader = new DataLoader(dataset, { ...options, ...(made && { sampler: made }) });
  if (state) loader.setState({ ...loader.getState(), ...state });
  return loader;
}

function describeLoader(name: string, loader: DataLoader): DescribedData {
  const { dataset, batchSize, shuffle, dropLast, seeded, sampler } = loader as unknown as {
    dataset: TensorDataset;
    batchSize: number;
    shuffle: boolean;
    dropLast: boolean;
    seeded: boolean;
    sampler: Sampler | undefined;
  };
  const [inputs, targets] = dataset.columns.map((column) => gathered(column, dataset.rows));
  return {
    inputs,
    targets,
    // The state says where the generator is; any seed makes one.
    options: { batchSize, shuffle, dropLast, ...(seeded && { seed: 0 }) },
    ...(sampler && { sampler: describeSampler(name, sampler) }),
    state: loader.getState(),
  };
}

/** A copy of the rows of a column. */
function gathered({ table, rowShape }: Column, rows: Int32Array): Numbers {
  return { data: new GatherSource(table, rows).read(), shape: [rows.length, ...rowShape] };
}

function describeSampler(name: string, sampler: Sampler): DescribedSampler {
  if (sampler.constructor !== WeightedRandomSampler) {
    throw new TypeError(
      `trainInWorker: the sampler of ${name} is ${className(sampler)}, which cannot go to a worker; make it there: see setup`,
    );
  }
  const { weights, length, replacement, seeded } = sampler as unknown as {
    weights: Float64Array;
    length: number;
    replacement: boolean;
    seeded: boolean;
  };
  return { weights: weights.slice(), numSamples: length, replacement, seed: seeded ? 0 : undefined };
}

function samplerOf({ weights, ...options }: DescribedSampler): Sampler {
  return new WeightedRandomSampler(weights, options);
}

function samplerState(sampler: Sampler): LoaderState {
  const state = sampler.getState?.();
  return state ? { sampler: state } : {};
}

function numbersOf(name: string, rows: Rows, copy: boolean): Numbers {
  if (typeof rows !== 'object' || rows === null) {
    throw new TypeError(`trainInWorker: expected ${name} to be numbers, got ${className(rows)}`);
  }
  const flat = 'data' in rows && 'shape' in rows && !(rows instanceof Tensor);
  if (flat && !Array.isArray(rows.shape)) {
    throw new TypeError(`trainInWorker: expected ${name}.shape to be an array, got ${className(rows.shape)}`);
  }
  const data = flat ? rows.data : rows;
  if (!ArrayBuffer.isView(data)) {
    const read = readRows(`trainInWorker: ${name}`, rows);
    checkFinite('trainInWorker', read, (row) => `row ${row} of ${name}`);
    return { data: read.values, shape: read.shape };
  }
  if (!('length' in data) || data instanceof BigInt64Array || data instanceof BigUint64Array) {
    throw new TypeError(`trainInWorker: expected ${name} to be numbers, got ${shown(data)}`);
  }
  const numbers = data as NumericArray;
  if (flat) checkShape(`trainInWorker: ${name}`, rows.shape);
  const shape = flat ? rows.shape : [numbers.length];
  if (numbers.length === 0 && sizeOf(shape) === 0 && !flat) {
    throw new RangeError(
      `trainInWorker: ${name} is empty; an array that went to a worker before is, unless copy was true then`,
    );
  }
  if (numbers.length !== sizeOf(shape)) {
    const gone =
      numbers.length === 0 ? '; an array that went to a worker before is empty, unless copy was true' : '';
    throw new RangeError(
      `trainInWorker: ${name}: ${numbers.length} numbers do not fill [${shape.join(', ')}]${gone}`,
    );
  }
  checkFinite('trainInWorker', { values: numbers, shape }, (row) => `row ${row} of ${name}`);
  // Others may look at the rest of a buffer, or share it.
  const own = numbers.buffer instanceof ArrayBuffer && numbers.byteLength === numbers.buffer.byteLength;
  return { data: copy || !own ? numbers.slice() : numbers, shape };
}
