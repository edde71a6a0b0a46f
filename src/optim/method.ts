import type { Update } from '../../assembly/opcodes.js';

/** A number among an optimizer's options, or two of them. */
export interface NumberOption {
  /** Where UPDATE finds it: its place among the float64 words of the options. */
  readonly at: number;
  /** Without one the option must be given. */
  readonly initial?: number | readonly [number, number];
  /** Every value is at least 0 and below this one; infinity by default. */
  readonly below?: number;
}

/** Options by name, as a group or a saved state has them. */
export type OptionValues = Readonly<Record<string, unknown>>;

/** One optimizer: everything that its class adds to the common base. */
export interface Method {
  /** As users call it; errors begin with it. */
  readonly name: string;
  readonly update: Update;
  readonly numbers: Readonly<Record<string, NumberOption>>;
  /** Options that are on or off, and fixed once the optimizer is made. */
  readonly switches: readonly string[];
  /** Flags of UPDATE. */
  flags(options: OptionValues): number;
  /** Names of the buffers of a parameter in the order of UPDATE's operands; undefined where one is absent. */
  buffers(options: OptionValues): readonly (string | undefined)[];
  /** What buffers begin with; 0 without it. */
  initial?(options: OptionValues): number;
  /** The state has a product of momenta. */
  readonly hasProduct?: boolean;
  /** What one option forbids another; throws. */
  check?(options: OptionValues): void;
}

/** The options that all optimizers have. */
export const COMMON = { lr: { at: 0 }, weightDecay: { at: 1, initial: 0 } } as const;

/** Places of the options that are an optimizer's own. */
export const FIRST = 2;
export const SECOND = 3;
export const THIRD = 4;
export const FOURTH = 5;
