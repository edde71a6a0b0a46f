import { checkOptions } from '../core/options.js';
import type { Module } from '../nn/module.js';
import { standalone } from './standalone.js';
import { storedOf, type QuantizedModel } from './quantizedModel.js';

export interface ExportOptions {
  /** Numbers of a row, for a model of which no layer says it. */
  inFeatures?: number;
}

/**
 * A model as one WebAssembly module without imports: kernels, program and weights, some 10 kB beside the weights. It runs
 * in any WebAssembly runtime with SIMD, with no line of this library; its exports are described in docs/standalone.md.
 * It predicts with the bits of the strict build, whichever build runs here.
 *
 * @throws TypeError where a layer is a class of your own; RangeError where no layer says how many numbers a row has, or a
 * prediction would depend on the other rows of its batch
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * import { exportWasm } from 'wasmgrad/io';
 * const bytes = exportWasm(new nn.Linear(2, 1));
 * const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
 * (exports.inFeatures as () => number)(); // 2
 * ```
 */
export function exportWasm(
  model: Module | QuantizedModel,
  options: ExportOptions = {},
): Uint8Array<ArrayBuffer> {
  checkOptions('exportWasm', options, ['inFeatures']);
  return standalone(storedOf('exportWasm', model), options.inFeatures);
}
