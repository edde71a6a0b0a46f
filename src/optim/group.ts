import { refuseCaptured } from '../tensor/writes.js';
import { checkNumber, refuse } from '../core/checks.js';
import { OPTIONS_BYTES } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { Block, noteChange } from '../core/owner.js';
import { Tensor } from '../tensor/tensor.js';
import type { Method, NumberOption, OptionValues } from './method.js';

/** Parameters that share options, as they are given to an optimizer. */
export type GroupOptions<Options> = { params: Tensor | Iterable<Tensor> } & Partial<Options>;

/** Parameters that share options. The numbers may be changed at any time, the rest is fixed. */
export type Group<Options> = ParameterGroup & { [Name in keyof Options]-?: Options[Name] };

/** Bytes before the float64 words of the options: lr and weightDecay as float32. */
const FLOATS_BYTES = 8;

/** Parameters with options in linear memory, where the instructions read them. */
export class ParameterGroup {
  /** The parameters of this group. */
  readonly params: readonly Tensor[];
  /** @internal */
  readonly memory!: Block;
  /** @internal counts the changes that want other buffers, and so other instructions */
  version!: number;

  constructor(method: Method, params: readonly Tensor[], options: OptionValues) {
    checkValues(method, options);
    this.params = params;
    const block = new Block(OPTIONS_BYTES);
    Object.defineProperties(this, { memory: { value: block }, version: { value: 0, writable: true } });
    const buffers = (): string => String(method.buffers(this as unknown as OptionValues));
    new Float64Array(engine().memory.buffer, block.pointer, OPTIONS_BYTES / 8).fill(0);
    for (const [name, option] of Object.entries(method.numbers)) {
      Object.defineProperty(this, name, {
        enumerable: true,
        get: () => read(block, option),
        set: (value: unknown) => {
          refuseCaptured(`${method.name}: ${name}`);
          checkOption(method, name, option, value);
          // lr is set often, and decides nothing.
          const before = option.at > 0 && buffers();
          write(block, option, value as number | readonly number[]);
          if (before === false || buffers() === before) return;
          this.version++;
          noteChange();
        },
      });
      write(block, option, options[name] as number | readonly number[]);
    }
    for (const name of method.switches) {
      Object.defineProperty(this, name, { enumerable: true, value: options[name] });
    }
  }
}

function read(block: Block, { at, initial }: NumberOption): number | number[] {
  const words = new Float64Array(engine().memory.buffer, block.pointer + FLOATS_BYTES + at * 8, 2);
  return Array.isArray(initial) ? [words[0], words[1]] : words[0];
}

function write(block: Block, { at }: NumberOption, value: number | readonly number[]): void {
  const values = typeof value === 'number' ? [value] : [...value];
  const { memory, f32 } = engine();
  new Float64Array(memory.buffer, block.pointer + FLOATS_BYTES + at * 8, values.length).set(values);
  if (at < 2) f32[block.pointer / 4 + at] = values[0];
}

function checkOption(method: Method, name: string, option: NumberOption, value: unknown): void {
  const { initial, below } = option;
  const check = (what: string, one: unknown): void =>
    checkNumber(method.name, what, one, { least: 0, below });
  if (!Array.isArray(initial)) return check(name, value);
  if (!Array.isArray(value) || value.length !== 2) refuse(method.name, name, 'two numbers', value);
  value.forEach((one, i) => check(`${name}[${i}]`, one));
}

/** Throws where a group could not be made of these options. */
export function checkValues(method: Method, options: OptionValues): void {
  for (const [name, option] of Object.entries(method.numbers)) {
    checkOption(method, name, option, options[name]);
  }
  for (const name of method.switches) {
    if (typeof options[name] !== 'boolean') {
      refuse(method.name, name, 'true or false', options[name]);
    }
  }
  method.check?.(options);
}
