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

export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, fields: {} };
  }
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name === 'lastGoodState') fields[name] = statePlain(value as Record<string, Tensor>);
    else if (name !== 'name' && isPlain(value)) fields[name] = value;
  }
  return { name: error.name, message: error.message, stack: error.stack, fields };
}

/** The error once more: of its class where the library or the language has it. */
export function reviveError({ name, message, stack, fields }: DescribedError): Error {
  const error = made(name, message, fields);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function made(name: string, message: string, fields: Readonly<Record<string, unknown>>): Error {
  if (name === 'DivergenceError') {
    const { loss, epoch, batch, lastGoodState } = fields;
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

function isPlain(value: unknown): boolean {
  return (
    ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every(isPlain))
  );
}
