import { compile, type Compiled } from '../forward/compile.js';
import { CUSTOM, DATA, Reader, sectionsOf } from '../forward/sections.js';
import { checkArchitecture, MAX_DEPTH } from './checkModel.js';
import { fieldsOf, isLayerType } from './layers.js';
import { parsePlain } from './plainJson.js';
import { clip } from './shown.js';
import type { StoredModel } from './storedModel.js';

/** The section in which a model that was exported says what it is. */
export const MODEL_SECTION = 'wasmgrad';
/** Counted up when what lies where changes. */
export const MODEL_VERSION = 2;

export interface WasmModel {
  readonly compiled: Compiled;
  /** Header, steps and constants. */
  readonly image: Uint8Array;
  readonly metadata: StoredModel['metadata'];
}

/**
 * The model in a module that exportWasm() wrote. Its code is not run, nor is its program believed: both follow from the
 * layers that the file names, and only the numbers are taken.
 *
 * @throws RangeError where the module is not one, or was damaged
 */
export function readWasm(operation: string, bytes: Uint8Array): WasmModel {
  const sections = sectionsOf(operation, bytes);
  const data = sections.find(({ id }) => id === DATA);
  const description = sections
    .map((section) => (section.id === CUSTOM ? customText(operation, section.contents) : undefined))
    .find((text) => text !== undefined);
  if (!data || description === undefined) {
    throw new RangeError(`${operation}: this WebAssembly module is not one that exportWasm() wrote`);
  }
  const { architecture, output, eight, inFeatures, metadata } = parse(operation, description);
  checkArchitecture(operation, architecture);
  const compiled = compile(operation, architecture, { output, eight: new Set(eight), inFeatures });
  for (const one of eight) {
    if (!compiled.plan.tensors.has(one))
      throw new RangeError(`${operation}: no layer has a tensor ${clip(one)} in 8 bits`);
  }
  const reader = new Reader(operation, data.contents);
  const head = [1, 0, 0x41, 0, 0x0b].every((byte) => reader.byte() === byte);
  const length = head ? reader.leb() : 0;
  if (length !== compiled.size || length !== data.contents.length - reader.at) {
    throw new RangeError(
      `${operation}: expected ${compiled.size} bytes of data for these layers, got ${data.contents.length - reader.at}`,
    );
  }
  // A copy: the constants need not be aligned in the file.
  const image = reader.take(length).slice();
  compiled.writeProgram(image);
  checkConstants(operation, compiled, image);
  return { compiled, image, metadata };
}

/** The contents of a custom section, where it is that of a model. */
function customText(operation: string, contents: Uint8Array): string | undefined {
  const reader = new Reader(operation, contents);
  const decoder = new TextDecoder();
  if (decoder.decode(reader.take(reader.leb())) !== MODEL_SECTION) return undefined;
  return decoder.decode(contents.subarray(reader.at));
}

interface Description {
  readonly architecture: unknown;
  readonly output: StoredModel['output'];
  readonly eight: readonly string[];
  readonly inFeatures: number;
  readonly metadata: StoredModel['metadata'];
}

function parse(operation: string, text: string): Description {
  let value: unknown;
  try {
    value = parsePlain(text);
  } catch {
    throw new RangeError(`${operation}: the section ${MODEL_SECTION} is no JSON`);
  }
  const fail = (expected: string): never => {
    throw new RangeError(`${operation}: the section ${MODEL_SECTION}: expected ${expected}`);
  };
  if (typeof value !== 'object' || value === null) return fail('an object');
  const { version, ...given } = value as Record<string, unknown>;
  const { layers, architecture, output, eight, inFeatures, metadata } = given;
  if (version !== MODEL_VERSION) fail(`version ${MODEL_VERSION}, got ${String(version).slice(0, 20)}`);
  const texts = (list: unknown): boolean =>
    typeof list === 'object' && list !== null && Object.values(list).every((one) => typeof one === 'string');
  const outputs: unknown[] = ['raw', 'softmax', 'sigmoid'];
  const known = outputs.includes(output) && Number.isSafeInteger(inFeatures) && (inFeatures as number) > 0;
  if (!known || !Array.isArray(eight) || !texts(eight) || !texts(metadata)) {
    fail('output, inFeatures, eight and metadata');
  }
  if (!Array.isArray(layers)) return fail('a list of layers');
  return { ...given, architecture: whole(architecture, layers.map(layerOf), 0) } as unknown as Description;
}

/** A layer that has none inside, from its type and the values of its fields in order. */
function layerOf(list: unknown): unknown {
  const [type, ...values] = Array.isArray(list) ? (list as unknown[]) : [];
  const fields = isLayerType(type) ? fieldsOf(type) : [];
  return { type, ...Object.fromEntries(fields.map(([name], i) => [name, values[i]])) };
}

/** Layers that have others inside, with those that have none instead of their places in the list. */
function whole(item: unknown, layers: readonly unknown[], depth: number): unknown {
  if (typeof item === 'number') return layers[item];
  // What is deeper is refused as it is.
  if (typeof item !== 'object' || item === null || depth > 2 * MAX_DEPTH) return item;
  if (Array.isArray(item)) return item.map((inside) => whole(inside, layers, depth + 1));
  return Object.fromEntries(
    Object.entries(item).map(([name, inside]) => [name, whole(inside, layers, depth + 1)]),
  );
}

/** Numbers that are NaN or infinite are damage. */
function checkConstants(operation: string, { constants }: Compiled, image: Uint8Array): void {
  for (const { at, bytes, floats } of constants) {
    if (!floats) continue;
    const i = new Float32Array(image.buffer, image.byteOffset + at, bytes / 4).findIndex(
      (value) => !Number.isFinite(value),
    );
    if (i >= 0)
      throw new RangeError(`${operation}: the number at byte ${at + i * 4} of the data is not finite`);
  }
}
