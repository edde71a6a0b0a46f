import { build } from '../../src/io/architecture.js';
import { parseLayersModel, readLayersModel } from '../../src/io/layersModel/readLayersModel.js';
import { readOnnx } from '../../src/io/onnx/readOnnx.js';
import onnxModels from '../reference/onnxModels.json' with { type: 'json' };
import layersModels from '../reference/layersModels.json' with { type: 'json' };

/** A format to be read from damaged files. */
export interface Format {
  /** Good files to begin with. */
  readonly files: () => Uint8Array[];
  /** Reads and builds; throws a RangeError that begins as `errors` says. */
  readonly read: (file: Uint8Array) => unknown;
  readonly errors: RegExp;
}

const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** A LayersModel is several files: here one after the other, each after its length. */
function packed(files: readonly Uint8Array[]): Uint8Array {
  const parts = files.flatMap((file) => [new Uint8Array(Uint32Array.of(file.length).buffer), file]);
  return new Uint8Array(Buffer.concat(parts));
}

function unpacked(bytes: Uint8Array): Uint8Array[] {
  const files: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 4 <= bytes.length;) {
    const end = Math.min(at + 4 + view.getUint32(at, true), bytes.length);
    files.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return files;
}

export const FORMATS: Readonly<Record<'onnx' | 'layersModel', Format>> = {
  onnx: {
    files: () => Object.values(onnxModels).map(({ file }) => decode(file)),
    read: (file) => build(readOnnx(file)),
    errors: /^(ONNX|build): /,
  },
  layersModel: {
    files: () =>
      Object.values(layersModels).map(({ json, weights }) =>
        packed([new TextEncoder().encode(JSON.stringify(json)), ...weights.map(decode)]),
      ),
    read(file) {
      const [json = new Uint8Array(), ...shards] = unpacked(file);
      return build(readLayersModel(parseLayersModel(json), shards));
    },
    errors: /^(LayersModel|build): /,
  },
};
