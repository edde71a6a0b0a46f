import { isPlain } from '../core/options.js';
import { shown } from '../core/shown.js';
import { readNumbers, unwritten } from '../tensor/numbers.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkValues, type ParameterGroup } from './group.js';
import type { Method, OptionValues } from './method.js';

/** The state of one parameter: its steps, and each buffer in row-major order. */
export interface SavedParameter {
  step: number;
  /** NAdam's product of momenta. */
  muProduct?: number;
  [buffer: string]: number | ArrayLike<number> | undefined;
}

/** What {@link Optimizer.stateDict} gives: PyTorch's form in camelCase. */
export interface OptimizerState {
  /** Name of the optimizer. */
  optimizer: string;
  /** By the number of the parameter, counted through the groups; who was never moved is missing. */
  state: Record<number, SavedParameter>;
  /** Options of each group, and the numbers of its parameters. */
  paramGroups: ({ params: number[] } & Record<string, unknown>)[];
}

/**
 * A copy of so many numbers; JSON.stringify() makes an object of a typed array, with its positions as names.
 *
 * @param expected begins the error
 */
export function copyOf(expected: string, saved: unknown, size: number): Float32Array {
  const isList = Array.isArray(saved) || ArrayBuffer.isView(saved);
  const list = (isList ? saved : Object.values(Object(saved) as object)) as number[];
  if (list.length !== size) throw new RangeError(`${expected}, got ${list.length}`);
  return readNumbers(expected, unwritten(list) as number[], [size]).values;
}

/**
 * A copy of the options of each group and of the state of each parameter.
 *
 * @throws TypeError or RangeError if `saved` is not a state of these groups
 */
export function readState(
  method: Method,
  groups: readonly ParameterGroup[],
  saved: OptimizerState,
): [OptionValues, (SavedParameter | undefined)[]][] {
  const fail = (expected: string, got: unknown): never => {
    throw new RangeError(`loadStateDict: expected ${expected}, got ${String(got)}`);
  };
  if (!isPlain(saved?.state) || !Array.isArray(saved.paramGroups)) {
    throw new TypeError('loadStateDict: expected what stateDict() of an optimizer gave');
  }
  const { optimizer, paramGroups, state } = saved;
  if (optimizer !== method.name) fail(`a state of ${method.name}`, `one of ${optimizer}`);
  if (paramGroups.length !== groups.length) fail(`${groups.length} groups`, paramGroups.length);
  let index = 0;
  const read = groups.map((group, i): [OptionValues, (SavedParameter | undefined)[]] => {
    const values: OptionValues & { params?: unknown[] } = { ...paramGroups[i] };
    checkValues(method, values);
    for (const name of method.switches) {
      const own = (group as unknown as OptionValues)[name];
      if (values[name] !== own) fail(`${name} ${String(own)}`, values[name]);
    }
    const count = group.params.length;
    if (values.params?.length !== count) fail(`${count} parameters in group ${i}`, values.params?.length);
    const readOne = ({ size }: Tensor): SavedParameter | undefined => {
      const own = state[index];
      const of = `parameter ${index++}`;
      if (own === undefined) return undefined;
      if (!isPlain(own)) fail(`the state of ${of} as an object`, shown(own));
      const { step, muProduct } = own;
      if (!Number.isSafeInteger(step) || step < 0) fail(`a number of steps`, step);
      if (method.hasProduct && !Number.isFinite(muProduct)) fail('muProduct', muProduct);
      const names = method.buffers(values);
      if (names.length === 0) fail(`no state of ${of} with these options`, own);
      const copy: SavedParameter = { step, muProduct };
      for (const name of names) {
        if (name === undefined) continue;
        copy[name] = copyOf(`loadStateDict: expected ${name} of ${size} numbers for ${of}`, own[name], size);
      }
      return copy;
    };
    return [values, group.params.map(readOne)];
  });
  const other = Object.keys(state).find((key) => !(Number(key) < index));
  if (other !== undefined) fail(`a state of ${index} parameters`, `one of parameter ${other}`);
  return read;
}
