import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { data } from 'wasmgrad';

/** An IDX file of these numbers, written by a DataView's setter of this name. */
function idx(
  type: number,
  shape: number[],
  size: number,
  setter: 'setUint8' | 'setInt8' | 'setInt16' | 'setInt32' | 'setFloat32' | 'setFloat64',
  numbers: number[],
): Uint8Array {
  const header = 4 + 4 * shape.length;
  const view = new DataView(new ArrayBuffer(header + size * numbers.length));
  view.setUint8(2, type);
  view.setUint8(3, shape.length);
  shape.forEach((length, i) => view.setUint32(4 + 4 * i, length));
  numbers.forEach((value, i) => view[setter](header + size * i, value));
  return new Uint8Array(view.buffer);
}

const TYPES = [
  [
    'unsigned bytes',
    Uint8Array,
    idx(0x08, [2, 2], 1, 'setUint8', [0, 1, 200, 255]),
    [0, 1, 200, 255],
    [2, 2],
  ],
  ['signed bytes', Int8Array, idx(0x09, [4], 1, 'setInt8', [0, 1, -1, -128]), [0, 1, -1, -128], [4]],
  ['16 bits', Int16Array, idx(0x0b, [2, 1, 1], 2, 'setInt16', [258, -2]), [258, -2], [2, 1, 1]],
  ['32 bits', Int32Array, idx(0x0c, [2], 4, 'setInt32', [70_000, -3]), [70_000, -3], [2]],
  ['float32', Float32Array, idx(0x0d, [2], 4, 'setFloat32', [0.5, -1e30]), [0.5, Math.fround(-1e30)], [2]],
  ['float64', Float64Array, idx(0x0e, [1], 8, 'setFloat64', [0.1]), [0.1], [1]],
] as const;

describe('readIdx', () => {
  it.each(TYPES)('reads %s', async (_, Type, file, numbers, shape) => {
    const found = await data.readIdx(file);
    expect(found.data).toBeInstanceOf(Type);
    expect([...found.data]).toEqual(numbers);
    expect(found.shape).toEqual(shape);
  });

  it('reads gzipped files, ArrayBuffers, and bytes in the middle of a buffer', async () => {
    const file = TYPES[2][2];
    const among = new Uint8Array(file.length + 9);
    among.set(file, 5);
    const forms = [
      new Uint8Array(gzipSync(file)),
      file.buffer as ArrayBuffer,
      among.subarray(5, 5 + file.length),
    ];
    for (const form of forms) {
      expect(await data.readIdx(form)).toEqual({ data: Int16Array.of(258, -2), shape: [2, 1, 1] });
    }
  });

  it('gives what a data set takes', async () => {
    const images = await data.readIdx(idx(0x08, [2, 1, 2], 1, 'setUint8', [1, 2, 3, 4]));
    const labels = await data.readIdx(idx(0x08, [2], 1, 'setUint8', [7, 9]));
    const [inputs, targets] = new data.TensorDataset(images, labels).batch([1]);
    expect(inputs.toArray()).toEqual([[[3, 4]]]);
    expect(targets.toArray()).toEqual([9]);
  });

  it('says what is wrong with a file', async () => {
    const file = TYPES[0][2];
    const changed = (at: number, value: number): Uint8Array =>
      file.map((byte, i) => (i === at ? value : byte));
    const packed = new Uint8Array(gzipSync(file));
    const wrong: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /begins with 0, 0, type.* got 0 bytes/],
      [file.subarray(0, 11), /got 11 bytes: 0, 0, 8, 2/],
      [changed(0, 1), /got 16 bytes: 1, 0, 8, 2/],
      [changed(2, 10), /type 10 is none of 8, 9, 11, 12, 13, 14/],
      [changed(7, 3), /\[3, 2\] numbers of 1 bytes take 18 bytes, got 16/],
      [file.subarray(0, 15), /\[2, 2\] numbers of 1 bytes take 16 bytes, got 15/],
      [packed.subarray(0, packed.length - 9), /gzipped, and damaged/],
    ];
    for (const [bytes, message] of wrong) {
      await expect(data.readIdx(bytes)).rejects.toThrow(message);
      await expect(data.readIdx(bytes)).rejects.toBeInstanceOf(RangeError);
    }
    await expect(data.readIdx('train.gz' as never)).rejects.toThrow(/expected a Uint8Array.*got string/);
  });
});
