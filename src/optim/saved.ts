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

/** A list of numbers; JSON.stringify() makes an object of a typed array, with its positions as names. */
export function listOf(saved: unknown): ArrayLike<number> | undefined {
  if (typeof saved !== 'object' || !saved) return undefined;
  return 'length' in saved ? (saved as ArrayLike<number>) : Object.values(saved);
}

/** Throws where `saved` is not a state of these groups. */
export function checkState(method: Method, groups: readonly ParameterGroup[], saved: OptimizerState): void {
  const fail = (expected: string, got: string): never => {
    throw new RangeError(`loadStateDict: expected ${expected}, got ${got}`);
  };
  if (typeof saved?.state !== 'object' || !Array.isArray(saved.paramGroups)) {
    throw new TypeError('loadStateDict: expected what stateDict() of an optimizer gave');
  }
  if (saved.optimizer !== method.name) fail(`a state of ${method.name}`, `one of ${saved.optimizer}`);
  if (saved.paramGroups.length !== groups.length) {
    fail(`${groups.length} groups`, String(saved.paramGroups.length));
  }
  let index = 0;
  groups.forEach((group, i) => {
    const values: OptionValues & { params?: unknown[] } = saved.paramGroups[i];
    checkValues(method, values);
    for (const name of method.switches) {
      const own = (group as unknown as OptionValues)[name];
      if (values[name] !== own) fail(`${name} ${String(own)}`, String(values[name]));
    }
    if (values.params?.length !== group.params.length) {
      fail(`${group.params.length} parameters in group ${i}`, String(values.params?.length));
    }
    for (const { size } of group.params) checkParameter(method, values, size, index++, saved, fail);
  });
}

function checkParameter(
  method: Method,
  values: OptionValues,
  size: number,
  index: number,
  { state }: OptimizerState,
  fail: (expected: string, got: string) => never,
): void {
  const own = state[index];
  if (own === undefined) return;
  if (!Number.isSafeInteger(own.step) || own.step < 0) fail(`a number of steps`, String(own.step));
  if (method.hasProduct && typeof own.muProduct !== 'number') fail('muProduct', String(own.muProduct));
  const names = method.buffers(values);
  if (names.length === 0) fail(`no state of parameter ${index} with these options`, 'one');
  for (const name of names) {
    if (name === undefined) continue;
    const expected = `${name} of ${size} numbers for parameter ${index}`;
    const list = listOf(own[name]);
    if (list?.length !== size) fail(expected, String(list?.length));
    // JSON has no NaN: what was one is null.
    if (Array.isArray(list) && !list.every((value) => typeof value === 'number')) fail(expected, 'others');
  }
}
