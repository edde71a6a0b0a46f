import { joinBytes } from '../../core/joinBytes.js';
import { float16 } from '../float16.js';
import { addressesIn } from '../folder.js';
import { clip, show } from '../shown.js';
import { fail, isRecord, type Json } from './json.js';

/** A weight as weightsManifest describes it, and where its numbers begin. */
interface Spec {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly bytes: Uint8Array;
  readonly quantization?: Json;
}

const NUMBERS: Record<string, [size: number, read: (view: DataView, at: number) => number]> = {
  float32: [4, (view, at) => view.getFloat32(at, true)],
  float16: [2, (view, at) => float16(view.getUint16(at, true))],
  uint8: [1, (view, at) => view.getUint8(at)],
  uint16: [2, (view, at) => view.getUint16(at, true)],
  int32: [4, (view, at) => view.getInt32(at, true)],
  bool: [1, (view, at) => view.getUint8(at)],
};

/** The weights of a model by name, read from its shards when they are asked for. */
export class Weights {
  private readonly specs = new Map<string, Spec>();
  /** Keras puts the names of the models around a layer before it: full names by their last two parts; null: several. */
  private readonly inner = new Map<string, string | null>();

  /** @param shards bytes of the files, in the order of {@link shardPaths} */
  constructor(manifest: readonly Json[], shards: readonly Uint8Array[]) {
    let taken = 0;
    for (const group of manifest) {
      const parts = shards.slice(taken, (taken += listOf(group, 'paths').length));
      const bytes = parts.length === 1 ? parts[0] : joinBytes(parts);
      let at = 0;
      for (const weight of listOf(group, 'weights')) {
        const { name, shape, dtype, quantization } = isRecord(weight)
          ? weight
          : fail('a weight is no object');
        if (typeof name !== 'string' || typeof dtype !== 'string' || !isShape(shape)) {
          fail(
            `weightsManifest: expected name, shape and dtype of a weight, got ${show(name)}, ${show(shape)}, ${show(dtype)}`,
          );
        }
        const kept = isRecord(quantization) ? quantization : undefined;
        const stored = String(kept?.dtype ?? dtype);
        if (!Object.hasOwn(NUMBERS, stored))
          fail(`${clip(name)}: numbers of type ${show(stored)} cannot be read`);
        const length = shape.reduce((product, one) => product * one, 1) * NUMBERS[stored][0];
        if (!(length <= bytes.length - at)) {
          fail(`${clip(name)} takes ${length} bytes, of which the weight files have ${bytes.length - at}`);
        }
        if (this.specs.has(name)) fail(`the weight ${clip(name)} is there twice`);
        const short = name.split('/').slice(-2).join('/');
        this.inner.set(short, this.inner.has(short) ? null : name);
        this.specs.set(name, {
          shape,
          dtype: stored,
          bytes: bytes.subarray(at, (at += length)),
          quantization: kept,
        });
      }
      if (at !== bytes.length) fail(`weights take ${at} bytes, and their files have ${bytes.length}`);
    }
  }

  /** The numbers of a layer's weight of this name, and their shape. */
  take(layer: string, weight: string): { shape: readonly number[]; values: Float32Array } {
    const exact = `${layer}/${weight}`;
    const name = this.specs.has(exact) ? exact : this.inner.get(exact);
    if (name === undefined) fail(`layer ${show(layer)}: no weight ${show(exact)} in weightsManifest`);
    if (name === null) fail(`layer ${show(layer)}: weightsManifest has ${show(exact)} in several models`);
    const { shape, dtype, bytes, quantization } = this.specs.get(name)!;
    const [size, read] = NUMBERS[dtype];
    let [scale, min] = [1, 0];
    if (quantization && dtype !== 'float16') {
      [scale, min] = [Number(quantization.scale), Number(quantization.min)];
      if (!Number.isFinite(scale) || !Number.isFinite(min))
        fail(`${clip(name)}: expected scale and min as numbers`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const values = new Float32Array(bytes.length / size);
    for (let i = 0; i < values.length; i++) values[i] = read(view, i * size) * scale + min;
    return { shape, values };
  }
}

/** The files in which a model's weights are, relative to that of the model. */
export function shardPaths(manifest: readonly Json[]): string[] {
  const paths = manifest.flatMap((group) => listOf(group, 'paths'));
  addressesIn('loadLayersModel', paths);
  return paths as string[];
}

function listOf(group: Json, key: 'paths' | 'weights'): readonly unknown[] {
  const list = group[key];
  return Array.isArray(list) ? list : fail(`weightsManifest: expected a list of ${key}, got ${show(list)}`);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length > 0);
}
