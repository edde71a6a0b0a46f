import { joinBytes } from '../../core/joinBytes.js';

// The wire format of Protocol Buffers, as far as ONNX uses it: https://protobuf.dev/programming-guides/encoding/

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

const text = new TextDecoder();

/** How many messages a file may hold: an empty one takes two bytes there and a hundred times as many here. */
const MAX_MESSAGES = 200_000;

/** What a field holds: numbers, bytes as a part of the file, text, or a message of its own. */
export const Kind = { INT: VARINT, DOUBLE: FIXED64, BYTES, FLOAT: FIXED32, TEXT: 'text' } as const;

/** The fields of a message by their numbers; others are passed over. A list is empty where none came, a text is ''. */
export interface Schema {
  readonly [field: number]: readonly [
    name: string,
    kind: (typeof Kind)[keyof typeof Kind] | Schema,
    list?: boolean,
  ];
}

/**
 * Reads a message as its schema says, which is also what tells that it is a T.
 *
 * @param where what the message is, for errors
 * @param budget of messages, shared by all of a file
 */
export function readMessage<T>(
  bytes: Uint8Array,
  schema: Schema,
  where: string,
  budget = { left: MAX_MESSAGES },
): T {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const fail = (what: string): never => {
    throw new RangeError(`loadOnnx: ${where}: ${what}; the file is damaged, or no ONNX file`);
  };
  /** Steps over some bytes, and says where they begin. */
  const take = (length: number): number => {
    const left = bytes.length - at;
    if (!(length >= 0 && length <= left)) fail(`expected ${length} bytes, got the ${left} that are left`);
    at += length;
    return at - length;
  };
  /** A signed integer of 64 bits; what is beyond ±2⁵³ loses its last bits. */
  const varint = (): number => {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[take(1)];
      const bits = byte & 127;
      if (shift < 32) low |= bits << shift;
      if (shift > 27) high |= shift < 32 ? bits >> 4 : bits << (shift - 32);
      if (byte < 128) return high * 2 ** 32 + (low >>> 0);
    }
    return fail('an integer of more than 10 bytes');
  };
  const number = (wire: unknown): number => {
    if (wire === VARINT) return varint();
    return wire === FIXED64 ? view.getFloat64(take(8), true) : view.getFloat32(take(4), true);
  };

  const message: Record<string, unknown> = {};
  for (const [name, kind, list] of Object.values(schema) as Schema[number][]) {
    if (list) message[name] = [];
    else if (kind === Kind.TEXT) message[name] = '';
  }
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    const wire = key & 7;
    if (field < 1 || field >= 2 ** 29) fail(`field number ${field}`);
    if (![VARINT, FIXED64, BYTES, FIXED32].includes(wire)) {
      fail(`field ${field} has wire type ${wire}, which there is not`);
    }
    const length = wire === BYTES ? varint() : 0;
    const begin = take(length);
    let value: unknown = wire === BYTES ? bytes.subarray(begin, at) : number(wire);
    if (!schema[field]) continue;
    const [name, kind, list] = schema[field];
    const all = list ? (message[name] as unknown[]) : [];
    const expected = typeof kind === 'number' ? kind : BYTES;
    if (list && wire === BYTES && expected !== BYTES) {
      // Numbers without keys between them.
      const end = at;
      at = begin;
      // oxlint-disable-next-line no-unmodified-loop-condition -- number() goes on
      while (at < end) all.push(number(kind));
      if (at !== end) fail('a list of numbers that ends within one');
      continue;
    }
    if (wire !== expected) fail(`field ${field} has wire type ${wire} instead of ${expected}`);
    if (kind === Kind.TEXT) value = text.decode(value as Uint8Array);
    else if (typeof kind === 'object') {
      if (budget.left-- === 0) fail(`the file holds more than ${MAX_MESSAGES} messages`);
      const inside = `${where}, ${name}${list ? ` ${all.length}` : ''}`;
      value = readMessage(value as Uint8Array, kind, inside, budget);
    }
    if (list) all.push(value);
    else message[name] = value;
  }
  return message as T;
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
