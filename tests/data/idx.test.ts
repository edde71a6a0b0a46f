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

  describe('a gzipped file', () => {
    const claiming = (...shape: number[]): Uint8Array => {
      const bytes = new Uint8Array(4 + 4 * shape.length);
      bytes.set([0, 0, 8, shape.length]);
      const view = new DataView(bytes.buffer);
      shape.forEach((length, i) => view.setUint32(4 + 4 * i, length));
      return bytes;
    };
    const zipped = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(gzipSync(Buffer.concat(parts)));
    const mebibytes = (count: number): Uint8Array => new Uint8Array(count * 2 ** 20);

    it.each<[string, Uint8Array, RegExp]>([
      [
        'that unpacks to more than it says',
        zipped(claiming(4), mebibytes(64)),
        /\[4\] numbers of 1 bytes take 12 bytes, got more/,
      ],
      ['that unpacks to one byte more', zipped(claiming(4), new Uint8Array(5)), /take 12 bytes, got more/],
      ['that unpacks to one byte less', zipped(claiming(4), new Uint8Array(3)), /take 12 bytes, got 11/],
      [
        'that claims what no such file can hold',
        zipped(claiming(2 ** 31, 2 ** 20), new Uint8Array(9)),
        /gzipped bytes, which cannot hold them/,
      ],
      [
        'whose product overflows',
        zipped(claiming(...new Array<number>(40).fill(2 ** 32 - 1))),
        /which cannot hold them/,
      ],
      ['that ends in its header', zipped(claiming(4, 4, 4).subarray(0, 9)), /got 9 bytes/],
      ['of nothing', zipped(), /got 0 bytes/],
      [
        'that holds something else',
        zipped(new Uint8Array([1, 2, 3, 4]), mebibytes(64)),
        /begins with 0, 0, type/,
      ],
      [
        'of a type that is unknown',
        zipped(new Uint8Array([0, 0, 99, 1]), mebibytes(64)),
        /type 99 is none of/,
      ],
      [
        'that is cut off',
        zipped(
          claiming(2 ** 20),
          Uint8Array.from({ length: 2 ** 20 }, (_, i) => (i * i) >> 7),
        ).subarray(0, 5000),
        /gzipped, and damaged/,
      ],
    ])('%s is refused', async (_, bytes, message) => {
      await expect(data.readIdx(bytes)).rejects.toThrow(message);
      await expect(data.readIdx(bytes)).rejects.toBeInstanceOf(RangeError);
    });

    it('is unpacked no further than its header says', async () => {
      const bomb = zipped(claiming(4), mebibytes(300));
      const before = process.memoryUsage.rss();
      await expect(data.readIdx(bomb)).rejects.toThrow(/got more/);
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
    });

    it('of many pieces is whole', async () => {
      const numbers = Uint8Array.from({ length: 2 ** 20 }, (_, i) => (i * i) >> 7);
      const { data: read, shape } = await data.readIdx(zipped(claiming(1024, 1024), numbers));
      expect(shape).toEqual([1024, 1024]);
      expect(Buffer.compare(Buffer.from(read as Uint8Array), Buffer.from(numbers))).toBe(0);
    });

    it('of no rows is read', async () => {
      expect((await data.readIdx(zipped(claiming(0, 28, 28)))).shape).toEqual([0, 28, 28]);
    });
  });

  it('refuses a buffer whose memory was transferred', async () => {
    const { buffer } = new Uint8Array(16);
    structuredClone(buffer, { transfer: [buffer] });
    await expect(data.readIdx(buffer)).rejects.toThrow(
      /^readIdx: the memory of the ArrayBuffer was transferred/,
    );
  });
});
