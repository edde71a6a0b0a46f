import { shown } from '../core/shown.js';
import { FLAG_MAXIMIZE, FUNCTION_SHIFT, Opcode } from '../../assembly/opcodes.js';
import { clearGradient } from '../tensor/backward.js';
import { currentTape } from '../tensor/scope.js';
import { checkOptions } from '../core/options.js';
import type { Tape } from '../tensor/tape.js';
import { Tensor } from '../tensor/tensor.js';
import { APPLIED } from '../tensor/value.js';
import { noteWrite, refuseCaptured } from '../tensor/writes.js';
import { ParameterGroup, type Group, type GroupOptions } from './group.js';
import type { Method, OptionValues } from './method.js';
import { readState, type OptimizerState } from './saved.js';
import { ParameterState } from './state.js';

/** What an optimizer updates: parameters, or groups of them with options of their own. */
export type Parameters<Options> = Iterable<Tensor> | Iterable<GroupOptions<Options>>;

/**
 * What all optimizers have in common: groups of parameters, each with its options, and a state that can be saved.
 *
 * Numbers among the options may be changed between steps, also those of a captured function: `optimizer.lr` for all
 * groups, `optimizer.paramGroups[0].weightDecay` for one.
 */
export abstract class Optimizer<Options extends { lr?: number } = { lr?: number }> {
  /** The groups, in the order in which they were given. */
  readonly paramGroups: readonly Group<Options>[];
  private readonly states = new Map<Tensor, ParameterState>();
  private readonly tape = currentTape();

  /** @internal */
  protected constructor(
    private readonly method: Method,
    parameters: Parameters<Options>,
    options: Options,
  ) {
    const known = [...Object.keys(method.numbers), ...method.switches.map((name) => `${name}?`)];
    checkOptions(method.name, options, known);
    const given = groupsOf(method.name, parameters);
    const seen = new Set<Tensor>();
    this.paramGroups = given.map(({ params, ...own }) => {
      checkOptions(`${method.name}: a group`, own, known);
      const list = leavesOf(method.name, params);
      for (const parameter of list) {
        if (seen.has(parameter)) throw new RangeError(`${method.name}: a parameter stands in two groups`);
        seen.add(parameter);
      }
      return new ParameterGroup(method, list, valuesOf(method, options, own)) as Group<Options>;
    });
    if (seen.size === 0) throw new RangeError(`${method.name}: expected at least one parameter, got none`);
  }

  /** Every parameter, group by group. */
  get parameters(): readonly Tensor[] {
    return this.paramGroups.flatMap(({ params }) => params);
  }

  /** Learning rate of the first group; setting it sets that of every group. */
  get lr(): number {
    return (this.paramGroups[0] as unknown as { lr: number }).lr;
  }

  set lr(value: number) {
    for (const group of this.paramGroups) (group as unknown as { lr: number }).lr = value;
  }

  /** Clears every gradient: the next backward() overwrites it. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const parameter of params) clearGradient(parameter);
  }

  /** Moves every parameter that has a gradient by one step. Frozen ones (`requiresGrad = false`) stay where they are. */
  step(): void {
    const tape = currentTape();
    const moved: Tensor[] = [];
    const made: Tensor[] = [];
    try {
      tape.perform('step', () => this.append(tape, moved, made));
    } catch (error) {
      // States that were made for this step: it did not take place.
      for (const parameter of made) this.forget(parameter);
      throw error;
    }
    for (const parameter of moved) noteWrite(parameter.pointer(), parameter.size);
  }

  /**
   * Options and state as plain data with typed arrays, which structuredClone(), databases and JSON take. With it and the
   * weights, training goes on as if it had never stopped, bit for bit.
   */
  stateDict(): OptimizerState {
    const state: OptimizerState['state'] = {};
    const order = this.parameters;
    order.forEach((parameter, i) => {
      const own = this.states.get(parameter)?.read();
      // A state that was cleared is as none.
      if (own && own.step > 0) state[i] = own;
    });
    const paramGroups = this.paramGroups.map(({ params, ...options }) => ({
      ...(options as OptionValues),
      params: params.map((parameter) => order.indexOf(parameter)),
    }));
    return { optimizer: this.method.name, state, paramGroups };
  }

  /**
   * Takes options and state from {@link stateDict}, also under a captured function.
   *
   * @throws RangeError where it is another optimizer's, or does not fit the parameters; then nothing is changed
   */
  loadStateDict(saved: OptimizerState): void {
    refuseCaptured('loadStateDict');
    const read = readState(this.method, this.paramGroups, saved);
    // First of all, as memory may end.
    const states = this.paramGroups.map(({ params }, i) => {
      const [values, own] = read[i];
      return params.map((parameter, k) => own[k] && this.stateOf(parameter, values));
    });
    this.paramGroups.forEach((group, i) => {
      const [values, own] = read[i];
      for (const name of Object.keys(this.method.numbers)) {
        (group as unknown as Record<string, unknown>)[name] = values[name];
      }
      group.params.forEach((parameter, k) => {
        const state = states[i][k];
        if (!state) return this.states.get(parameter)?.clear();
        // Captured functions know where a state is, so it is filled anew and not replaced.
        this.states.set(parameter, state);
        state.write(own[k]!);
      });
    });
  }

  /** Gives the memory of its state back at once, and forgets it: another step begins with a new one. */
  [Symbol.dispose](): void {
    for (const parameter of this.states.keys()) this.forget(parameter);
  }

  /** Appends the step of every parameter; `made` are those that had no state before. */
  private append(tape: Tape, moved: Tensor[], made: Tensor[]): void {
    for (const group of this.paramGroups) {
      const values = group as unknown as OptionValues;
      const options = group.memory.pointer;
      const flags =
        (this.method.update << FUNCTION_SHIFT) |
        this.method.flags(values) |
        (values.maximize === true ? FLAG_MAXIMIZE : 0);
      const { version } = group;
      tape.assume(() => group.version === version);
      tape.hold(group);
      for (const parameter of group.params) {
        const { gradient } = parameter;
        if (parameter.gradientApplied) throw new Error(`step: ${APPLIED}`);
        tape.ask(parameter);
        if (!gradient?.filled || !parameter.requiresGrad) continue;
        if (!this.states.has(parameter)) made.push(parameter);
        const state = this.stateOf(parameter, values);
        if (state) this.states.set(parameter, state);
        // An optimizer that a captured function makes begins anew in every replay.
        if (state && made.at(-1) === parameter && this.tape === tape && tape.keepsProgram)
          tape.renew(state.block, state.floats);
        const pointer = tape.address(parameter, 'step');
        tape.hold(gradient.block);
        tape.hold(state?.block);
        const [start = 0, second = 0, third = 0] = state?.operands ?? [];
        tape.program.append(
          Opcode.UPDATE,
          flags,
          [pointer, gradient.block.pointer, start, options, second, third],
          [parameter.size],
        );
        if (state) tape.program.append(Opcode.COUNT, 0, [start, this.method.hasProduct ? options : 0], [1]);
        moved.push(parameter);
      }
    }
  }

  private forget(parameter: Tensor): void {
    this.states.get(parameter)?.block[Symbol.dispose]();
    this.states.delete(parameter);
  }

  /** The state that a parameter has, or will have, with these options. */
  private stateOf(parameter: Tensor, options: OptionValues): ParameterState | undefined {
    const known = this.states.get(parameter);
    const names = this.method.buffers(options);
    if (names.length === 0) return undefined;
    if (known?.has(names)) return known;
    const initial = this.method.initial?.(options) ?? 0;
    const state = new ParameterState(names, parameter.size, initial, this.method.hasProduct ?? false);
    // An option that is no longer 0 may want one more buffer.
    if (known) state.write({ ...state.read(), ...known.read() });
    return state;
  }
}

function groupsOf<Options>(name: string, parameters: Parameters<Options>): GroupOptions<Options>[] {
  if (typeof (parameters as Iterable<unknown> | undefined)?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`${name}: expected an array of parameters or of groups, got ${shown(parameters)}`);
  }
  const given = [...(parameters as Iterable<Tensor | GroupOptions<Options>>)];
  const isGroup = (item: unknown): item is GroupOptions<Options> =>
    typeof item === 'object' && item !== null && 'params' in item;
  if (given.length > 0 && given.every(isGroup)) return given;
  return [{ params: given as Tensor[] } as unknown as GroupOptions<Options>];
}

/** These tensors, checked to be some. */
export function tensorsIn(name: string, params: Tensor | Iterable<Tensor>): Tensor[] {
  const list = Symbol.iterator in Object(params) ? [...(params as Iterable<Tensor>)] : [params as Tensor];
  for (const one of list) {
    if (!(one instanceof Tensor))
      throw new TypeError(`${name}: expected tensors, got ${shown(one)}; pass model.parameters()`);
  }
  return list;
}

/** Parameters that can be moved, each once. */
export function leavesOf(name: string, params: Tensor | Iterable<Tensor>): Tensor[] {
  const list = [...new Set(tensorsIn(name, params))];
  for (const parameter of list) {
    if (!parameter.isLeaf || parameter.source) {
      throw new TypeError(
        `${name}: expected leaves that require a gradient, got a computed or constant tensor`,
      );
    }
  }
  return list;
}

/** The options of a group: its own, else those of all, else the initial ones. */
function valuesOf(method: Method, options: object, own: object): OptionValues {
  const defaults = Object.entries(method.numbers).map(([name, { initial }]) => [name, initial]);
  const off = method.switches.map((name) => [name, false]);
  const given = Object.fromEntries(
    Object.entries({ ...options, ...own }).filter(([, value]) => value !== undefined),
  );
  return { ...Object.fromEntries([...defaults, ...off]), ...given };
}
