import { joinBytes } from '../core/joinBytes.js';
import { leb } from './leb.js';

// Sections of a WebAssembly binary (core specification, 5.5): an id, a length in LEB128, contents.

/** Ids of sections, in the order in which they stand. */
export const CUSTOM = 0;
export const IMPORT = 2;
export const MEMORY = 5;
export const EXPORT = 7;
export const CODE = 10;
export const DATA = 11;

export interface Section {
  readonly id: number;
  readonly contents: Uint8Array;
}

const PREAMBLE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Text with its length. */
export function name(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  return [...leb(bytes.length), ...bytes];
}

/** Reads numbers in LEB128, and bytes, never beyond the end. */
export class Reader {
  at = 0;

  constructor(
    private readonly operation: string,
    readonly bytes: Uint8Array,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.take(1)[0];
  }

  leb(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128 && value < 2 ** 32) return value;
    }
    throw new RangeError(`${this.operation}: expected a number of 32 bits before byte ${this.at}`);
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) {
      throw new RangeError(
        `${this.operation}: ${length} bytes should follow byte ${this.at}, but the file has ${this.bytes.length - this.at}`,
      );
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** The sections of a binary, as views of it. */
export function sectionsOf(operation: string, bytes: Uint8Array): Section[] {
  if (PREAMBLE.some((byte, i) => bytes[i] !== byte)) {
    throw new RangeError(`${operation}: expected a WebAssembly module of version 1`);
  }
  const reader = new Reader(operation, bytes);
  reader.at = PREAMBLE.length;
  const sections: Section[] = [];
  while (!reader.done) sections.push({ id: reader.byte(), contents: reader.take(reader.leb()) });
  return sections;
}

/** A binary of these sections. */
export function binaryOf(sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const parts = sections.flatMap(({ id, contents }) => [
    Uint8Array.from([id, ...leb(contents.length)]),
    contents,
  ]);
  return joinBytes([Uint8Array.from(PREAMBLE), ...parts]);
}
