import { Tensor } from '../tensor/tensor.js';

/** Something that was made from options, by the name of its class. */
export interface Described {
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** One class: how it is made, and what of its fields is an option. */
export interface Kind<T> {
  readonly of: abstract new (...args: never[]) => T;
  /** Fields that are options of the same name, or what gives the options. */
  readonly options: readonly string[] | ((own: Readonly<Record<string, unknown>>) => Record<string, unknown>);
}

/** The classes of a kind that can go to a worker, by name. */
export class Table<T extends object> {
  constructor(private readonly kinds: Readonly<Record<string, Kind<T>>>) {}

  /** Undefined for a class that is not in the table: also for one that extends such a class. */
  describe(value: T): Described | undefined {
    const found = Object.entries(this.kinds).find(
      ([, { of }]) => of === (value as T | null | undefined)?.constructor,
    );
    if (!found) return undefined;
    const [type, { options }] = found;
    const own = value as Readonly<Record<string, unknown>>;
    const read =
      typeof options === 'function'
        ? options(own)
        : Object.fromEntries(options.map((name) => [name, own[name]]));
    return { type, options: Object.fromEntries(Object.entries(read).map(([name, x]) => [name, plain(x)])) };
  }

  /** @param before what the constructor takes before the options */
  build({ type, options }: Described, ...before: unknown[]): T {
    const make = this.kinds[type].of as unknown as new (...args: unknown[]) => T;
    return new make(...before, options);
  }
}

/** Tensors as nested arrays; the rest is plain already. */
function plain(value: unknown): unknown {
  return value instanceof Tensor ? value.toArray() : value;
}

/** What an error calls a thing that cannot go to a worker. */
export function className(value: unknown): string {
  if (typeof value === 'function') return value.name || 'a function';
  if (value === undefined || value === null) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name !== 'string' || name === 'Object' || name === '' ? 'an object of your own' : name;
}
