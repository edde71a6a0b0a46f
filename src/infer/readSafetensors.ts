import { fromPyTorch } from '../io/names.js';
import { parsePlain } from '../io/plainJson.js';
import { clip } from '../io/shown.js';
import type { StoredModel, StoredTensor } from '../io/storedModel.js';

// A second reader of safetensors beside src/io/safetensors.ts, for size: of the types of numbers it knows those that
// saveModel() and quantize() write, and it takes headers that are JSON in any order. What it reads is checked all the same.

interface Entry {
  readonly dtype: unknown;
  readonly shape: unknown;
  readonly data_offsets: unknown;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * The model in a safetensors file that this library wrote; whether tensors fit its layers is for `checkModel` to say.
 *
 * @throws RangeError where the file is damaged, or holds weights without the layers they belong to
 */
export function readSafetensors(operation: string, bytes: Uint8Array): StoredModel {
  const fail = (problem: string): never => {
    throw new RangeError(`${operation}: ${problem}`);
  };
  const json = (text: string, what: string): Record<string, unknown> => {
    try {
      const value = parsePlain(text);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // Said below.
    }
    return fail(`${what} is not JSON`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const begin = bytes.length < 8 ? NaN : view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32 + 8;
  if (!(begin <= bytes.length)) fail(`the file is cut off, or no safetensors file`);
  const { __metadata__, ...entries } = json(new TextDecoder().decode(bytes.slice(8, begin)), 'the header');
  const own: Record<string, unknown> = { ...(__metadata__ as object) };
  const text = own['wasmgrad/architecture'];
  if (typeof text !== 'string') return fail('the file holds weights, but not the layers that they belong to');
  const architecture = json(text, 'the architecture');
  const tensors = new Map<string, StoredTensor>();
  let end = 0;
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = { ...(entry as Entry) };
    const list = [shape, offsets].every((one) => Array.isArray(one) && one.every(isSize));
    const [from, to] = list ? (offsets as number[]) : [NaN, NaN];
    const size = { F32: 4, I8: 1, I64: 8 }[String(dtype)];
    if (!size) fail(`${clip(name)}: dtype ${clip(String(dtype))} is not supported`);
    const wanted = list ? (shape as number[]).reduce((product, length) => product * length, size!) : NaN;
    if (to - from !== wanted || begin + to > bytes.length) {
      fail(`${clip(name)}: shape and data_offsets fit neither each other nor the file`);
    }
    // Tensors that overlap would take more memory than the file.
    end += wanted;
    if (begin + end > bytes.length) fail('the tensors are longer together than the file');
    const { buffer } = bytes.slice(begin + from, begin + to);
    tensors.set(name, {
      shape: shape as number[],
      values:
        dtype === 'I8'
          ? new Int8Array(buffer)
          : dtype === 'F32'
            ? new Float32Array(buffer)
            : Float32Array.from(new BigInt64Array(buffer), Number),
    });
  }
  if (begin + end !== bytes.length) fail('the tensors are shorter together than the file');
  const state = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const scale = tensors.get(`${name}_scale`)?.values as Float32Array | undefined;
    if (!tensors.has(name.replace(/_scale$/, '')) || !name.endsWith('_scale')) {
      state.set(fromPyTorch(name), scale ? { ...tensor, scale } : tensor);
    }
  }
  const metadata = Object.entries(own).filter(([name]) => !name.startsWith('wasmgrad/') && name !== 'format');
  return {
    // Whether it is one is for whoever reads it to say.
    architecture: architecture as unknown as StoredModel['architecture'],
    state,
    output: own['wasmgrad/output'] as StoredModel['output'],
    metadata: Object.fromEntries(metadata) as StoredModel['metadata'],
  };
}
