import { tensor, Tensor } from '../tensor/tensor.js';
import { DivergenceError } from '../train/divergenceError.js';

/** An error on its way from the worker. */
export interface DescribedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** What else it says. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Anything can be thrown, and whatever is read of it may throw in its turn. */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error))
    return { name: 'Error', message: textOf(error), stack: undefined, fields: {} };
  const stack = read(() => error.stack);
  return {
    name: textOf(read(() => error.name) ?? 'Error'),
    message: textOf(read(() => error.message) ?? ''),
    stack: typeof stack === 'string' ? stack : undefined,
    fields: read(() => fieldsOf(error)) ?? {},
  };
}

function fieldsOf(error: Error): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (error instanceof DivergenceError) fields['lastGoodState'] = statePlain(error.lastGoodState);
  for (const [name, value] of Object.entries(error)) {
    if (!['name', 'lastGoodState'].includes(name) && isPlain(value)) fields[name] = value;
  }
  return fields;
}

function textOf(value: unknown): string {
  return read(() => String(value)) ?? 'something that cannot be shown';
}

function read<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** The error once more: of its class where the library or the language has it. */
export function reviveError({ name, message, stack, fields }: DescribedError): Error {
  const error = made(name, message, fields);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function made(name: string, message: string, fields: Readonly<Record<string, unknown>>): Error {
  const { loss, epoch, batch, lastGoodState } = fields;
  if (name === 'DivergenceError' && lastGoodState) {
    const state = lastGoodState as Record<string, { values: Float32Array; shape: number[] }>;
    return new DivergenceError(
      loss as number,
      epoch as number,
      batch as number,
      Object.fromEntries(
        Object.entries(state).map(([key, { values, shape }]) => [key, tensor(values, { shape })]),
      ),
    );
  }
  const known: Record<string, new (message: string) => Error> = {
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
  };
  return Object.assign(new (known[name] ?? Error)(message), fields);
}

function statePlain(
  state: Record<string, Tensor>,
): Record<string, { values: Float32Array; shape: readonly number[] }> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { data, shape }]) => [name, { values: data, shape }]),
  );
}

function isPlain(value: unknown, depth = 0): boolean {
  return (
    ['string', 'number', 'boolean'].includes(typeof value) ||
    (Array.isArray(value) && depth < 8 && value.every((one) => isPlain(one, depth + 1)))
  );
}
