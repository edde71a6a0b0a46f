// Hostile files: what the fuzz script and a short test feed the readers of all formats with.
import { manualSeed, nn, optim } from 'wasmgrad';
import { load } from 'wasmgrad/infer';
import {
  encodeCheckpoint,
  encodeModel,
  encodeOnnx,
  encodeWeights,
  exportWasm,
  loadCheckpoint,
  loadLayersModel,
  loadModel,
  loadOnnx,
  loadWeights,
  quantize,
  readSafetensors,
  writeSafetensors,
} from 'wasmgrad/io';
import layersModels from '../reference/layersModels.json' with { type: 'json' };
import onnxModels from '../reference/onnxModels.json' with { type: 'json' };
import { random } from './random.js';

export { random };

/**
 * @typedef {() => number} Draw a number in [0, 1)
 * @typedef {object} Format
 * @property {() => Uint8Array[]} seeds files as they should be
 * @property {(file: Uint8Array) => Promise<unknown>} load
 * @property {string} operation what every message begins with; several with a bar between them
 * @property {(file: Uint8Array, draw: Draw) => Uint8Array} [mutate] a change that only this format knows
 */

const small = () =>
  new nn.Sequential(
    new nn.Standardize(2),
    new nn.Linear(2, 3),
    new nn.BatchNorm1d(3),
    new nn.Residual(new nn.Sequential(new nn.LeakyReLU(0.1), new nn.Dropout(0.2))),
    new nn.Concat(new nn.Identity(), new nn.PReLU(3)),
    new nn.Hardtanh(-1, Infinity),
    new nn.LayerNorm(6),
    new nn.Linear(6, 2, { bias: false }),
  );
const rows = [
  [1, 2],
  [3, 0],
];
const words = () => new nn.Sequential(new nn.Embedding(4, 2, { paddingIdx: 1 }), new nn.Flatten());

const classified = () => new nn.Sequential(words(), new nn.Linear(4, 2));

const trained = () => {
  const model = small();
  const optimizer = new optim.NAdam(model.parameters());
  const schedule = new optim.ReduceLROnPlateau(optimizer);
  model
    .forward(
      new nn.Parameter([
        [1, 2],
        [3, 5],
      ]),
    )
    .square()
    .sum()
    .backward();
  optimizer.step();
  return { model, optimizer, schedule };
};
const kept = trained();

/** A model that only predicts, and what it gives for a row of zeros. @param {Uint8Array} file */
async function predict(file) {
  const model = await load(file);
  model.predict(new Float32Array(model.inFeatures));
}

/** Every format: what reads it, and what it should read. @type {Record<string, Format>} */
export const FORMATS = {
  safetensors: {
    operation: 'loadModel',
    seeds: () => [encodeModel(small()), encodeModel(words()), encodeModel(new nn.ReLU())],
    load: (file) => loadModel(file),
    mutate: mutateSafetensors,
  },
  weights: {
    operation: 'loadWeights',
    seeds: () => [encodeWeights(small())],
    load: async (file) => {
      const model = small();
      const before = encodeWeights(model);
      try {
        await loadWeights(model, file);
      } catch (error) {
        same(before, encodeWeights(model));
        throw error;
      }
    },
    mutate: mutateSafetensors,
  },
  checkpoint: {
    operation: 'loadCheckpoint',
    seeds: () => [encodeCheckpoint({ ...trained(), extra: { a: [1n, NaN, Float64Array.of(1)] } })],
    load: async (file) => {
      manualSeed(1);
      const before = encodeCheckpoint(kept);
      try {
        await loadCheckpoint(file, kept);
      } catch (error) {
        same(before, encodeCheckpoint(kept));
        throw error;
      }
      // What was read can be saved again; the next file finds everything as this one did.
      encodeCheckpoint(kept);
      await loadCheckpoint(before, kept);
    },
    mutate: mutateSafetensors,
  },
  infer: {
    // A file that is none of our own is taken for ONNX.
    operation: 'load|loadOnnx|predict',
    seeds: () => [encodeModel(small()), encodeModel(classified()), encodeModel(quantize(small(), rows))],
    load: predict,
    mutate: mutateSafetensors,
  },
  wasm: {
    // A file that is none of our own is taken for ONNX.
    operation: 'load|loadOnnx|predict',
    seeds: () => [
      exportWasm(small()),
      exportWasm(quantize(classified(), rows)),
      exportWasm(quantize(small(), rows)),
    ],
    load: predict,
    mutate: mutateWasm,
  },
  onnx: {
    operation: 'loadOnnx',
    seeds: () => [
      ...Object.values(onnxModels).map(({ file }) => decode(file)),
      encodeOnnx(small()),
      encodeOnnx(words()),
    ],
    load: (file) => loadOnnx(file),
  },
  layersModel: {
    operation: 'loadLayersModel',
    seeds: () =>
      Object.values(layersModels).map(({ json, weights }) =>
        packed([new TextEncoder().encode(JSON.stringify(json)), ...weights.map(decode)]),
      ),
    load: (file) => {
      const [json = new Uint8Array(), ...weights] = unpacked(file);
      return loadLayersModel(json, { weights });
    },
    mutate: (file, draw) => {
      const [json = new Uint8Array(), ...weights] = unpacked(file);
      return packed([new TextEncoder().encode(mutateText(new TextDecoder().decode(json), draw)), ...weights]);
    },
  },
};

/** @param {string} text */
function decode(text) {
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** Several files as one: each after its length. @param {readonly Uint8Array[]} files */
function packed(files) {
  const parts = files.flatMap((file) => [new Uint8Array(Uint32Array.of(file.length).buffer), file]);
  return new Uint8Array(Buffer.concat(parts));
}

/** @param {Uint8Array} bytes */
function unpacked(bytes) {
  const files = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 4 <= bytes.length;) {
    const end = Math.min(at + 4 + view.getUint32(at, true), bytes.length);
    files.push(bytes.slice(at + 4, end));
    at = end;
  }
  return files;
}

/** @param {Uint8Array} before @param {Uint8Array} after */
function same(before, after) {
  if (before.length !== after.length || before.some((byte, i) => byte !== after[i])) {
    throw new Error('a file that was refused changed something');
  }
}

const INTERESTING = [
  '0',
  '-1',
  '1.5',
  '1e999',
  '4294967296',
  '9007199254740993',
  '18446744073709551616',
  '""',
  'null',
  'true',
  '[]',
  '{}',
  '"__proto__"',
];

const VALUES = [
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  '',
  'x',
  'Linear',
  null,
  true,
  [],
  {},
  [null],
  { $number: 'NaN' },
  { $array: 'x' },
  { type: 'ReLU' },
];

/**
 * Replaces, removes or repeats a value somewhere in data.
 *
 * @param {any} data @param {Draw} draw
 */
function mutateTree(data, draw) {
  /** @type {[Record<string, unknown>, string][]} */
  const places = [];
  /** @param {any} value */
  const visit = (value) => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push([value, key]);
      visit(value[key]);
    }
  };
  visit(data);
  if (places.length === 0) return data;
  const [owner, key] = places[Math.floor(draw() * places.length)];
  const [other, otherKey] = places[Math.floor(draw() * places.length)];
  const kind = draw();
  if (kind < 0.4) owner[key] = VALUES[Math.floor(draw() * VALUES.length)];
  else if (kind < 0.6) owner[key] = structuredClone(other[otherKey]);
  else if (kind < 0.8) delete owner[key];
  else owner[otherKey] = structuredClone(other[otherKey]);
  return data;
}

/**
 * Changes text where its tokens are: numbers, strings, brackets.
 *
 * @param {string} text @param {Draw} draw
 */
function mutateText(text, draw) {
  if (draw() < 0.5) {
    try {
      return JSON.stringify(mutateTree(JSON.parse(text), draw));
    } catch {
      // It is no JSON any more.
    }
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[-\d.eE+]+|[^"\d]/gs) ?? [text];
  const at = Math.floor(draw() * tokens.length);
  /** @param {readonly string[]} list */
  const pick = (list) => list[Math.floor(draw() * list.length)];
  const kind = Math.floor(draw() * 6);
  if (kind === 0) tokens[at] = pick(INTERESTING);
  else if (kind === 1) tokens[at] = pick(tokens);
  else if (kind === 2) tokens.splice(at, 1 + Math.floor(draw() * 4));
  else if (kind === 3) tokens.splice(at, 0, ...tokens.slice(at, at + Math.floor(draw() * 30)));
  else if (kind === 4)
    tokens.splice(at, 0, pick(['[', '{"a":', '{"inner":', '"']).repeat(10 ** Math.floor(draw() * 5)));
  else {
    const numbers = tokens.flatMap((token, i) => (/^\d/.test(token) ? [i] : []));
    if (numbers.length > 0) tokens[numbers[Math.floor(draw() * numbers.length)]] = pick(INTERESTING);
  }
  return tokens.join('');
}

/** Changes the header, or a text in its metadata, and makes its length right again. @param {Uint8Array} file @param {Draw} draw @returns {Uint8Array} */
function mutateSafetensors(file, draw) {
  try {
    if (draw() < 0.5) {
      const { tensors, metadata } = readSafetensors(file);
      const names = Object.keys(metadata);
      const name = names[Math.floor(draw() * names.length)];
      return writeSafetensors(tensors, { ...metadata, [name]: mutateText(metadata[name], draw) });
    }
  } catch {
    // It was changed before.
  }
  if (file.length < 8) return file;
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const header = new TextEncoder().encode(
    mutateText(new TextDecoder().decode(file.subarray(8, 8 + length)), draw),
  );
  const result = new Uint8Array(8 + header.length + Math.max(0, file.length - 8 - length));
  new DataView(result.buffer).setUint32(0, header.length, true);
  result.set(header, 8);
  result.set(file.subarray(8 + length), 8 + header.length);
  return result;
}

/** Changes what a module that was exported says of itself, in its last section. @param {Uint8Array} file @param {Draw} draw */
function mutateWasm(file, draw) {
  const name = '\x08wasmgrad';
  const begin = Buffer.from(file).lastIndexOf(name);
  const length = file.length - begin;
  // Before it stand the section's 0 and its length.
  const at = begin - (length < 128 ? 2 : length < 16384 ? 3 : 4);
  if (begin < 0 || at < 0) return file;
  const text = new TextDecoder().decode(file.subarray(begin + name.length));
  const contents = new TextEncoder().encode(name + mutateText(text, draw));
  const size = [];
  for (let rest = contents.length; ; rest >>>= 7) {
    size.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Uint8Array.from([...file.subarray(0, at), 0, ...size, ...contents]);
}

/** @param {Uint8Array} file @param {Draw} draw */
function mutateBytes(file, draw) {
  /** @param {number} bound */
  const below = (bound) => Math.floor(draw() * bound);
  const bytes = file.slice();
  const at = below(bytes.length);
  switch (below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      if (bytes.length > 0) bytes[at] ^= 1 << below(8);
      return bytes;
    case 2:
      if (bytes.length > 0) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)];
      return bytes;
    case 3: {
      // A length, of any width, that is too large or overflows.
      const width = [1, 2, 4, 8][below(4)];
      const begin = draw() < 0.5 ? 0 : at;
      for (let i = begin; i < Math.min(begin + width, bytes.length); i++)
        bytes[i] = i === begin + width - 1 && draw() < 0.5 ? 0x7f : 0xff;
      return bytes;
    }
    case 4: {
      const end = Math.min(bytes.length, at + below(64));
      return Uint8Array.from([...bytes.subarray(0, end), ...bytes.subarray(at)]);
    }
    default: {
      const end = Math.min(bytes.length, at + below(64));
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)]);
    }
  }
}

/** One of a format's files, with one change or several. @param {Format} format @param {Uint8Array[]} seeds @param {Draw} draw */
export function hostile({ mutate }, seeds, draw) {
  let file = seeds[Math.floor(draw() * seeds.length)];
  for (let changes = 1 + Math.floor(draw() * 3); changes > 0; changes--) {
    file = mutate && draw() < 0.7 ? mutate(file, draw) : mutateBytes(file, draw);
  }
  return file;
}

/** What a file may cost, whatever it says: seconds of the processor, and bytes. */
const MOST_SECONDS = 2;
const MOST_BYTES = 64 * 2 ** 20;

/**
 * Reads a file, which may go well or be refused in words. What else happens is thrown.
 *
 * @param {Format} format @param {Uint8Array} file
 * @returns {Promise<boolean>} whether it was read
 */
export async function tryFile({ load, operation }, file) {
  const cpu = process.cpuUsage();
  const { arrayBuffers } = process.memoryUsage();
  let read = true;
  try {
    await load(file);
  } catch (error) {
    read = false;
    const wanted =
      (error instanceof RangeError || error instanceof TypeError) &&
      new RegExp(`^(${operation}): `).test(error.message);
    if (!wanted) throw error;
    if (error.message.length > 2000)
      throw new Error(`a message of ${error.message.length} characters`, { cause: error });
  }
  const { user, system } = process.cpuUsage(cpu);
  if ((user + system) / 1e6 > MOST_SECONDS)
    throw new Error(`took ${(user + system) / 1e6} s for ${file.length} bytes`);
  const bytes = process.memoryUsage().arrayBuffers - arrayBuffers;
  if (bytes > MOST_BYTES) throw new Error(`took ${bytes} bytes for a file of ${file.length}`);
  return read;
}
