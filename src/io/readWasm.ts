import { compile, type Compiled } from '../forward/compile.js';
import { CUSTOM, DATA, Reader, sectionsOf } from '../forward/sections.js';
import { checkArchitecture, MAX_DEPTH } from './checkModel.js';
import { fieldsOf, isLayerType } from './layers.js';
import { isOutput } from './outputKind.js';
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
  const fail = (problem: string): never => {
    throw new RangeError(`${operation}: ${problem}`);
  };
  let text: string | undefined;
  let data: Reader | undefined;
  for (const { id, contents } of sectionsOf(operation, bytes)) {
    const reader = new Reader(operation, contents);
    const decoded = (length: number): string => new TextDecoder().decode(reader.take(length));
    if (id === DATA) data = reader;
    if (id === CUSTOM && decoded(reader.leb()) === MODEL_SECTION) text = decoded(contents.length - reader.at);
  }
  if (!data || text === undefined) {
    return fail('this WebAssembly module is not one that exportWasm() wrote');
  }
  const { architecture, output, eight, inFeatures, metadata } = parse(text, (problem) =>
    fail(`the section ${MODEL_SECTION}: ${problem}`),
  );
  checkArchitecture(operation, architecture);
  const compiled = compile(operation, architecture, { output, eight: new Set(eight), inFeatures });
  const unknown = eight.find((name) => !compiled.plan.tensors.has(name));
  if (unknown !== undefined) fail(`no layer has a tensor ${clip(unknown)} in 8 bits`);
  // One active segment, to address 0.
  const head = [1, 0, 0x41, 0, 0x0b].every((byte) => data.byte() === byte);
  const length = head ? data.leb() : 0;
  const rest = data.bytes.length - data.at;
  if (length !== compiled.size || length !== rest) {
    fail(`expected ${compiled.size} bytes of data for these layers, got ${rest}`);
  }
  // A copy: the constants need not be aligned in the file.
  const image = data.take(length).slice();
  compiled.writeProgram(image);
  for (const { at, bytes: count, floats } of compiled.constants) {
    const numbers = floats ? new Float32Array(image.buffer, at, count / 4) : [];
    const i = numbers.findIndex((value) => !Number.isFinite(value));
    // Numbers that are NaN or infinite are damage.
    if (i >= 0) fail(`the number at byte ${at + i * 4} of the data is not finite`);
  }
  return { compiled, image, metadata };
}

interface Description {
  readonly architecture: unknown;
  readonly output: StoredModel['output'];
  readonly eight: readonly string[];
  readonly inFeatures: number;
  readonly metadata: StoredModel['metadata'];
}

function parse(text: string, fail: (problem: string) => never): Description {
  let value: unknown;
  try {
    value = parsePlain(text);
  } catch {
    fail('expected JSON');
  }
  const { version, layers, ...given } = { ...(value as Record<string, unknown>) };
  const { architecture, output, eight, inFeatures, metadata } = given;
  if (version !== MODEL_VERSION) fail(`expected version ${MODEL_VERSION}, got ${clip(String(version))}`);
  const texts = (list: unknown): boolean => Object.values({ ...(list as object) }).every(isText);
  if (
    !isOutput(output) ||
    !Number.isSafeInteger(inFeatures) ||
    !((inFeatures as number) > 0) ||
    !Array.isArray(layers) ||
    !Array.isArray(eight) ||
    !texts(eight) ||
    !texts(metadata)
  ) {
    return fail('expected layers, output, inFeatures, eight and metadata');
  }
  return {
    ...given,
    metadata: { ...(metadata as object) },
    architecture: whole(architecture, layers.map(layerOf), 0),
  } as unknown as Description;
}

const isText = (value: unknown): boolean => typeof value === 'string';

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
