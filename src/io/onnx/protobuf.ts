import { joinBytes } from '../../core/joinBytes.js';

// The wire format of Protocol Buffers, as far as ONNX uses it: https://protobuf.dev/programming-guides/encoding/

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const text = new TextDecoder();

/** How many messages a file may hold: an empty one takes two bytes there and a hundred times as many here. */
const MAX_MESSAGES = 200_000;

/** Walks through the fields of one message. Each is read by the method of its type, or skipped by the next `next()`. */
export class ProtoReader {
  /** The number of the field that next() came to. */
  field = 0;
  private wire = 0;
  /** Where the value of the field begins, until it is read. */
  private at: number;
  private unread = false;
  private readonly view: DataView;

  /**
   * @param where what the message is, for errors
   * @param budget of messages, shared by all of a file
   */
  constructor(
    private readonly bytes: Uint8Array,
    readonly where: string,
    private readonly budget = { left: MAX_MESSAGES },
  ) {
    this.at = 0;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.unread) this.skip();
    if (this.at === this.bytes.length) return false;
    const key = this.varint();
    this.field = Math.floor(key / 8);
    this.wire = key & 7;
    if (this.field < 1 || this.field >= 2 ** 29) this.fail(`field number ${this.field}`);
    this.unread = true;
    return true;
  }

  int(): number {
    this.expect(VARINT);
    return this.varint();
  }

  float(): number {
    this.expect(FIXED32);
    return this.view.getFloat32(this.take(4), true);
  }

  /** A part of the file, not a copy. */
  raw(): Uint8Array {
    this.expect(BYTES);
    const length = this.varint();
    const begin = this.take(length);
    return this.bytes.subarray(begin, begin + length);
  }

  string(): string {
    return text.decode(this.raw());
  }

  message(where: string): ProtoReader {
    if (this.budget.left-- === 0) this.fail(`the file holds more than ${MAX_MESSAGES} messages`);
    return new ProtoReader(this.raw(), where, this.budget);
  }

  /** Appends what a repeated field of integers holds, packed or not. */
  ints(list: number[]): void {
    this.repeated(list, VARINT, () => this.varint());
  }

  floats(list: number[]): void {
    this.repeated(list, FIXED32, () => this.view.getFloat32(this.take(4), true));
  }

  doubles(list: number[]): void {
    this.repeated(list, FIXED64, () => this.view.getFloat64(this.take(8), true));
  }

  private repeated(list: number[], wire: number, read: () => number): void {
    if (this.wire !== BYTES) {
      this.expect(wire);
      list.push(read());
      return;
    }
    this.expect(BYTES);
    const length = this.varint();
    const end = this.take(length) + length;
    this.at = end - length;
    while (this.at < end) list.push(read());
    if (this.at !== end) this.fail('a list of numbers that ends within one');
  }

  private expect(wire: number): void {
    if (this.wire !== wire) this.fail(`field ${this.field} has wire type ${this.wire} instead of ${wire}`);
    this.unread = false;
  }

  private skip(): void {
    this.unread = false;
    const { wire } = this;
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.take(8);
    else if (wire === FIXED32) this.take(4);
    else if (wire === BYTES) this.take(this.varint());
    else this.fail(`field ${this.field} has wire type ${wire}, which there is not`);
  }

  /** Steps over some bytes, and says where they begin. */
  private take(length: number): number {
    const begin = this.at;
    if (!(length >= 0 && length <= this.bytes.length - begin)) {
      this.fail(`expected ${length} bytes, got the ${this.bytes.length - begin} that are left`);
    }
    this.at += length;
    return begin;
  }

  /** A signed integer of 64 bits; what is beyond ±2⁵³ loses its last bits. */
  private varint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.take(1)];
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) return high * 2 ** 32 + (low >>> 0);
    }
    return this.fail('an integer of more than 10 bytes');
  }

  private fail(what: string): never {
    throw new RangeError(`loadOnnx: ${this.where}: ${what}; the file is damaged, or no ONNX file`);
  }
}

/** Puts a message together, field by field. */
export class ProtoWriter {
  private readonly chunks: Uint8Array[] = [];
  private length = 0;

  int(field: number, value: number): this {
    return this.push(varint(field * 8 + VARINT), varint(value));
  }

  float(field: number, value: number): this {
    return this.push(varint(field * 8 + FIXED32), new Uint8Array(Float32Array.of(value).buffer));
  }

  raw(field: number, value: Uint8Array): this {
    return this.push(varint(field * 8 + BYTES), varint(value.length), value);
  }

  string(field: number, value: string): this {
    return this.raw(field, new TextEncoder().encode(value));
  }

  message(field: number, { chunks, length }: ProtoWriter): this {
    this.push(varint(field * 8 + BYTES), varint(length));
    for (const chunk of chunks) this.push(chunk);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    // https://protobuf.dev/programming-guides/proto-limits/
    if (this.length >= 2 ** 31) {
      throw new RangeError(`encodeOnnx: expected less than 2 GiB, which is what the format can hold`);
    }
    return joinBytes(this.chunks);
  }

  private push(...chunks: Uint8Array[]): this {
    for (const chunk of chunks) {
      this.chunks.push(chunk);
      this.length += chunk.length;
    }
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
