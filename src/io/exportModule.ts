import { checkOptions } from '../core/options.js';
import { leastRows } from '../forward/batchSizes.js';
import { compile, eightBit, imageOf } from '../forward/compile.js';
import { binaryOf } from '../forward/sections.js';
import { sizeOf } from '../tensor/layout.js';
import type { Module } from '../nn/module.js';
import type { ExportOptions } from './exportWasm.js';
import { storedOf } from './quantizedModel.js';
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
export function exportModule(model: Module, options: ExportOptions = {}): ExportedModule {
  checkOptions('exportModule', options, ['inFeatures']);
  const { architecture, output, state } = storedOf('exportModule', model);
  const eight = eightBit(state);
  const compiled = compile('exportModule', architecture, { output, eight, inFeatures: options.inFeatures });
  const image = imageOf(compiled, state);
  const core = binaryOf(withMemory(compiled));
  const outFeatures = sizeOf(compiled.outShape);
  return {
    code: codeOf(base64(core), base64(image), compiled.inFeatures, outFeatures, leastRows(compiled.widest)),
    types: TYPES,
  };
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
// those of batchSizes().
const codeOf = (
  core: string,
  image: string,
  inFeatures: number,
  outFeatures: number,
  least: number,
): string => `\
// A model, written by exportModule() of wasmgrad: no imports, nothing to install.
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const { memory, input, run, output } = new WebAssembly.Instance(new WebAssembly.Module(bytes('${core}'))).exports;
new Uint8Array(memory.buffer).set(bytes('${image}'));

export const inFeatures = ${inFeatures};
export const outFeatures = ${outFeatures};

export function predict(rows) {
  const single = Array.isArray(rows) && rows.length > 0 && typeof rows[0] === 'number';
  const list = single ? [rows] : rows;
  if (Array.isArray(list)) {
    list.forEach((row, i) => {
      if (row.length === inFeatures) return;
      throw new RangeError(\`predict: expected rows of \${inFeatures} numbers, row \${i} has \${row.length}\`);
    });
  }
  const values = Array.isArray(list) ? Float32Array.from(list.flatMap((row) => [...row])) : rows;
  const count = values.length / inFeatures;
  if (!Number.isInteger(count)) {
    throw new RangeError(\`predict: expected rows of \${inFeatures} numbers, got \${values.length} numbers in all\`);
  }
  const results = new Float32Array(count * outFeatures);
  const batches = Math.max(1, Math.floor(count / ${least}));
  for (let i = 0; i < batches; i++) {
    const first = Math.floor((i * count) / batches);
    const size = Math.floor(((i + 1) * count) / batches) - first;
    const at = input(size);
    if (at === 0) throw new RangeError('predict: out of memory');
    new Float32Array(memory.buffer, at >>> 0, size * inFeatures).set(
      values.subarray(first * inFeatures, (first + size) * inFeatures),
    );
    if (run(size) !== 0) throw new RangeError('predict: an index is not one of the rows of the embedding');
    results.set(new Float32Array(memory.buffer, output(size) >>> 0, size * outFeatures), first * outFeatures);
  }
  if (!Array.isArray(list)) return results;
  const arrays = list.map((_, i) => [...results.subarray(i * outFeatures, (i + 1) * outFeatures)]);
  return single ? arrays[0] : arrays;
}
`;

const TYPES = `\
// Types of a model that exportModule() of wasmgrad wrote.

/** Numbers of a row that goes in. */
export declare const inFeatures: number;
/** Numbers of a row that comes out. */
export declare const outFeatures: number;

/**
 * The model's outputs: rows for rows, one row for one row, a Float32Array [rows, outFeatures] for a Float32Array
 * [rows, inFeatures].
 *
 * @throws RangeError where the rows do not fit the model
 */
export declare function predict(rows: Float32Array): Float32Array;
export declare function predict(rows: readonly (readonly number[])[]): number[][];
export declare function predict(rows: readonly number[]): number[];
`;
