import { clip, show } from './shown.js';

/** What the header of a safetensors file says of one tensor. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** From the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly entries: Map<string, HeaderEntry>;
  readonly metadata: Map<string, string>;
}

/**
 * Reads the header: JSON of just one form, `{name: {dtype, shape, data_offsets}, …, "__metadata__": {name: text}}`. JSON.parse()
 * would take the last of two equal keys and put keys that look like integers first; and whatever is nested deeper is wrong.
 *
 * @throws RangeError that says at which character
 */
export function parseHeader(operation: string, text: string): Header {
  return new HeaderParser(operation, text).parse();
}

const QUOTE = 34;
const BACKSLASH = 92;
const ZERO = 48;

class HeaderParser {
  private at = 0;

  constructor(
    private readonly operation: string,
    private readonly text: string,
  ) {}

  parse(): Header {
    const entries = new Map<string, HeaderEntry>();
    let metadata: Map<string, string> | undefined;
    // Padding may only follow.
    if (!this.text.startsWith('{')) this.fail("'{'");
    this.object((name) => {
      if (name === '__metadata__') {
        if (metadata) this.repeated(name);
        metadata = this.texts();
      } else {
        if (entries.has(name)) this.repeated(name);
        entries.set(name, this.entry(name));
      }
    });
    this.space();
    if (this.at < this.text.length) this.fail('the end of the header');
    return { entries, metadata: metadata ?? new Map() };
  }

  private entry(name: string): HeaderEntry {
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.object((key) => {
      if (key === 'dtype' && dtype === undefined) dtype = this.string();
      else if (key === 'shape' && shape === undefined) shape = this.integers();
      else if (key === 'data_offsets' && offsets === undefined) offsets = this.integers();
      else this.refuse(`${clip(name)} has an unknown or repeated key ${show(key)}`);
    });
    if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
      return this.refuse(`expected ${clip(name)} to have a dtype, a shape and two data_offsets`);
    }
    return { dtype, shape, begin: offsets[0], end: offsets[1] };
  }

  private texts(): Map<string, string> {
    const all = new Map<string, string>();
    this.object((name) => {
      if (all.has(name)) this.repeated(name);
      all.set(name, this.string());
    });
    return all;
  }

  /** @param value reads what follows the colon */
  private object(value: (key: string) => void): void {
    this.take('{');
    if (this.next('}')) return;
    do {
      const key = this.string();
      this.take(':');
      value(key);
    } while (this.next(','));
    this.take('}');
  }

  private integers(): number[] {
    const all: number[] = [];
    this.take('[');
    if (this.next(']')) return all;
    do all.push(this.integer());
    while (this.next(','));
    this.take(']');
    return all;
  }

  private integer(): number {
    this.space();
    const begin = this.at;
    while (this.digit()) this.at++;
    const digits = this.text.slice(begin, this.at);
    const value = Number(digits);
    if (
      digits === '' ||
      (digits.length > 1 && digits.startsWith('0')) ||
      /[.eE]/.test(this.text[this.at] ?? '')
    ) {
      this.at = begin;
      this.fail('a non-negative integer');
    }
    if (!Number.isSafeInteger(value)) this.refuse(`${clip(digits)} is larger than any file`);
    return value;
  }

  private digit(): boolean {
    const code = this.text.charCodeAt(this.at) - ZERO;
    return code >= 0 && code <= 9;
  }

  private string(): string {
    this.space();
    const begin = this.at;
    if (this.text.charCodeAt(begin) !== QUOTE) this.fail('a string');
    for (let i = begin + 1; i < this.text.length; i++) {
      const code = this.text.charCodeAt(i);
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) {
        this.at = i + 1;
        try {
          return JSON.parse(this.text.slice(begin, this.at)) as string;
        } catch {
          this.at = begin;
          return this.fail('a string of JSON');
        }
      }
    }
    return this.fail('a string that ends');
  }

  private take(character: string): void {
    if (!this.next(character)) this.fail(`'${character}'`);
  }

  private next(character: string): boolean {
    this.space();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private space(): void {
    while (' \n\r\t'.includes(this.text[this.at] ?? 'x')) this.at++;
  }

  private repeated(name: string): never {
    return this.refuse(`${show(name)} is there twice`);
  }

  private fail(expected: string): never {
    const rest = this.text.slice(this.at, this.at + 12);
    const got = rest === '' ? 'the end' : show(rest);
    return this.refuse(`expected ${expected} at character ${this.at}, got ${got}`);
  }

  private refuse(problem: string): never {
    throw new RangeError(`${this.operation}: the header is wrong: ${problem}`);
  }
}
