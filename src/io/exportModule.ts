import { checkOptions } from '../core/options.js';
import { leastRows } from '../forward/batchSizes.js';
import { compile, type Compiled } from '../forward/compile.js';
import { eightBit, imageOf } from '../forward/image.js';
import { binaryOf } from '../forward/sections.js';
import { sizeOf } from '../tensor/layout.js';
import type { Module } from '../nn/module.js';
import type { ExportOptions } from './exportWasm.js';
import { storedOf, type QuantizedModel } from './quantizedModel.js';
import { withMemory } from './standalone.js';

export interface ExportedModule {
  /** Text of an ES module: write it to `model.js`. */
  readonly code: string;
  /** Its types: write them to `model.d.ts`. */
  readonly types: string;
}

/**
 * A model as one ES module without imports, that exports `predict(rows)`, `inFeatures` and `outFeatures`: for a page or a
 * program that shall not fetch anything else. It compiles its WebAssembly when it is loaded, which edge functions forbid;
 * import what {@link exportWasm} gives there.
 *
 * @throws as {@link exportWasm}
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { exportModule } from 'wasmgrad/io';
 * const { code } = exportModule(new nn.Linear(2, 1));
 * const { predict } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
 * predict([[1, 2], [3, 4]]).length; // 2
 * ```
 */
export function exportModule(model: Module | QuantizedModel, options: ExportOptions = {}): ExportedModule {
  checkOptions('exportModule', options, ['inFeatures']);
  const { architecture, output, state } = storedOf('exportModule', model);
  const eight = eightBit(state);
  const compiled = compile('exportModule', architecture, { output, eight, inFeatures: options.inFeatures });
  const image = imageOf(compiled, state);
  const core = binaryOf(withMemory(compiled));
  return { code: codeOf(base64(core), base64(image), compiled), types: typesOf(compiled) };
}

/** Longer lists of arguments overflow the stack of some hosts. */
const PIECE = 8190;

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(i, i + PIECE)));
  }
  return text;
}

// Weights are not in the compiled module: browsers compile large ones on the main thread only asynchronously. The batches are
// those of batchSizes(), the checks and their errors those of ForwardModel.
const codeOf = (core: string, image: string, { inShape, outShape, plan, widest }: Compiled): string => `\
// A model, written by exportModule() of wasmgrad: no imports, nothing to install.
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const { memory, input, run, output } = new WebAssembly.Instance(new WebAssembly.Module(bytes('${core}'))).exports;
new Uint8Array(memory.buffer).set(bytes('${image}'));

export const inFeatures = ${sizeOf(inShape)};
export const outFeatures = ${sizeOf(outShape)};
const rowShape = ${JSON.stringify(inShape)};
// Whether a row may have any other shape of as many numbers.
const takesAny = ${plan.flat ?? false};
const outShape = ${JSON.stringify(outShape)};

const refuse = (got) => {
  throw new TypeError(\`predict: expected numbers, got \${got}\`);
};

function runAll(rows) {
  const count = rows.length / inFeatures;
  if (!Number.isInteger(count)) {
    throw new RangeError(\`predict: expected rows of \${inFeatures} numbers, got \${rows.length} numbers in all\`);
  }
  const results = new Float32Array(count * outFeatures);
  const batches = Math.max(1, Math.floor(count / ${leastRows(widest)}));
  for (let i = 0; i < batches; i++) {
    const first = Math.floor((i * count) / batches);
    const size = Math.floor(((i + 1) * count) / batches) - first;
    const at = input(size) >>> 0;
    if (at === 0) throw new RangeError(\`predict: out of memory for \${size} rows\`);
    const part = rows.subarray(first * inFeatures, (first + size) * inFeatures);
    // After input(), which may grow the memory and detach views of it.
    new Float32Array(memory.buffer, at, part.length).set(part);
    if (run(size) !== 0) throw new RangeError('predict: an index is no row of the embedding');
    results.set(new Float32Array(memory.buffer, output(size) >>> 0, size * outFeatures), first * outFeatures);
  }
  return results;
}

function nest(values, [length, ...rest]) {
  if (rest.length === 0) return [...values];
  const step = values.length / length;
  return Array.from({ length }, (_, i) => nest(values.subarray(i * step, (i + 1) * step), rest));
}

export function predict(rows) {
  if (ArrayBuffer.isView(rows)) {
    // Nothing is made of a DataView, of integers of 64 bits, and of memory that was transferred.
    let numbers;
    try {
      if (rows.length >= 0) numbers = new Float32Array(rows);
    } catch {}
    return runAll(
      numbers ?? refuse(rows.length === 0 ? 'transferred memory' : \`a \${rows.constructor.name}\`),
    );
  }
  // What is at the first places tells whether it is one row.
  const lengths = [];
  for (let first = rows; Array.isArray(first) && lengths.length < 65; [first] = first) lengths.push(first.length);
  const rank = lengths.length;
  const own = lengths.slice(1);
  const any = takesAny && rank > 1 && own.reduce((product, length) => product * length, 1) === inFeatures;
  const inShape = any ? own : rowShape;
  const single = rank <= inShape.length && lengths[0] !== 0;
  const list = single ? [rows] : rows;
  const levels = single ? rank : rank - 1;
  const numbers = [];
  let wrong = '';
  const read = (value, row, depth = 0) => {
    const array = Array.isArray(value) ? value : undefined;
    if (!array && typeof value !== 'number') refuse(value === null ? 'null' : typeof value);
    if (array?.length !== inShape[depth]) wrong ||= \`row \${row} has \${array?.length ?? 1}\`;
    if (!array) numbers.push(value);
    else if (depth < levels) for (const one of array) read(one, row, depth + 1);
  };
  for (let i = 0; i < list.length; i++) read(list[i], i);
  if (wrong) throw new RangeError(\`predict: expected rows of \${inShape.join(' × ')} numbers, \${wrong}\`);
  return nest(runAll(Float32Array.from(numbers)), single ? outShape : [list.length, ...outShape]);
}
`;

const nestedNumbers = (rank: number): string => `number${'[]'.repeat(rank)}`;
const readonlyNumbers = (rank: number): string =>
  rank === 0 ? 'number' : rank === 1 ? 'readonly number[]' : `readonly (${readonlyNumbers(rank - 1)})[]`;

const typesOf = ({ inShape: { length: from }, outShape: { length: to } }: Compiled): string => `\
// Types of a model that exportModule() of wasmgrad wrote.

/** Numbers of a row that goes in. */
export declare const inFeatures: number;
/** Numbers of a row that comes out. */
export declare const outFeatures: number;

/**
 * The model's outputs: rows for rows, one row for one row, a Float32Array [rows, outFeatures] for a Float32Array
 * [rows, inFeatures].
 *
 * @throws RangeError if the rows do not fit the model, TypeError if they are no numbers
 */
export declare function predict(rows: Float32Array): Float32Array;
export declare function predict(rows: ${readonlyNumbers(from + 1)}): ${nestedNumbers(to + 1)};
export declare function predict(rows: ${readonlyNumbers(from)}): ${nestedNumbers(to)};
`;
