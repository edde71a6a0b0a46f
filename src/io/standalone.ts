import { joinBytes } from '../core/joinBytes.js';
import { compile, type Compiled } from '../forward/compile.js';
import { eightBit, imageOf } from '../forward/image.js';
import { leb } from '../forward/leb.js';
import { inferBytes } from '#inferBytes';
import {
  binaryOf,
  CODE,
  CUSTOM,
  DATA,
  EXPORT,
  IMPORT,
  MEMORY,
  name,
  Reader,
  sectionsOf,
  type Section,
} from '../forward/sections.js';
import { childrenOf, fieldsOf, kindOf } from './layers.js';
import { toText } from './plainData.js';
import { MODEL_SECTION, MODEL_VERSION } from './readWasm.js';
import type { LayerDescription, StoredModel } from './storedModel.js';

const PAGE_BYTES = 65536;

/**
 * A model as a WebAssembly module of its own: kernels, program, weights, no imports. docs/standalone.md says how it is used.
 *
 * @param inFeatures numbers of a row, where no layer says it
 */
export function standalone(stored: StoredModel, inFeatures?: number): Uint8Array<ArrayBuffer> {
  const { architecture, output, state } = stored;
  const eight = eightBit(state);
  const compiled = compile('exportWasm', architecture, { output, eight, inFeatures });
  const description = {
    version: MODEL_VERSION,
    ...withoutRepeats(architecture),
    output,
    eight: [...eight],
    inFeatures: compiled.inFeatures,
    metadata: stored.metadata,
  };
  const text = new TextEncoder().encode(toText('exportWasm', description, refuse));
  const image = imageOf(compiled, state);
  return binaryOf([
    ...withMemory(compiled),
    // One active segment, to address 0.
    { id: DATA, contents: joinBytes([Uint8Array.from([1, 0, 0x41, 0, 0x0b, ...leb(image.length)]), image]) },
    { id: CUSTOM, contents: joinBytes([Uint8Array.from(name(MODEL_SECTION)), text]) },
  ]);
}

function refuse(path: string): never {
  throw new TypeError(`exportWasm: ${path} is an array`);
}

/**
 * Layers that have none inside, each once, as type and values of the fields; and in the architecture their places there: deep
 * models repeat the same few.
 */
function withoutRepeats(model: LayerDescription): { layers: unknown[]; architecture: unknown } {
  const layers = new Map<string, unknown>();
  const visit = (layer: LayerDescription): unknown => {
    const { type } = layer;
    const [field, naming] = kindOf(type).children ?? [];
    if (field !== undefined) {
      const inside = childrenOf(layer).map(([, child]) => visit(child));
      return { type, [field]: naming === 'field' ? inside[0] : inside };
    }
    const own = layer as unknown as Record<string, unknown>;
    const list = [type, ...fieldsOf(type).map(([name]) => own[name])];
    const text = toText('exportWasm', list, refuse);
    layers.set(text, list);
    return [...layers.keys()].indexOf(text);
  };
  const architecture = visit(model);
  return { layers: [...layers.values()], architecture };
}

/** The core for inference with a memory that it makes and exports, instead of one that it imports. */
export function withMemory(compiled: Compiled): Section[] {
  const pages = leb(Math.ceil(compiled.bytesFor(1) / PAGE_BYTES));
  const sections: Section[] = [];
  for (const section of sectionsOf('exportWasm', inferBytes())) {
    if (section.id === IMPORT) continue;
    if (section.id === EXPORT) {
      sections.push({ id: MEMORY, contents: Uint8Array.from([1, 0, ...pages]) });
      const reader = new Reader('exportWasm', section.contents);
      const count = leb(reader.leb() + 1);
      const memory = [...name('memory'), 2, 0];
      sections.push({
        id: EXPORT,
        contents: joinBytes([Uint8Array.from([...count, ...memory]), section.contents.subarray(reader.at)]),
      });
    } else sections.push(section);
    if (section.id === CODE) break;
  }
  return sections;
}
