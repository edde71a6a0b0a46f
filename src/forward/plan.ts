import { HEADER_BYTES, Step, STEP_WORDS } from '../../assembly/forward/format.js';
import { FUNCTION_SHIFT } from '../../assembly/opcodes.js';
import type { StoredTensor } from '../io/storedModel.js';
import { leb } from './leb.js';

/** Numbers that steps read, at a place in the image that depends on the architecture alone. */
export interface Constant {
  /** In bytes, from the image's begin. */
  at: number;
  readonly bytes: number;
  /** Whether they are float32. */
  readonly floats: boolean;
  /** What stands there, from the state of the model. */
  readonly values: (tensor: (name: string) => StoredTensor) => Float32Array | Int8Array;
}

/** Numbers between the steps: `width` floats per row from `offset` floats per row on. */
export interface Register {
  readonly offset: number;
  readonly width: number;
}

/** One step, as assembly/forward/format.ts lays it out. */
export interface PlannedStep {
  readonly step: Step;
  readonly fn: number;
  readonly input: Register;
  readonly output: Register;
  readonly other: Register | undefined;
  readonly dims: readonly number[];
  /** Constants, or plain numbers. */
  readonly operands: readonly (Constant | number | undefined)[];
  scalars: readonly number[];
  /** Name of the tensor that could be kept in 8 bits, or is. */
  readonly weight: string | undefined;
}

/** A row's numbers are no more than this, so that a file of some lines cannot ask for any amount of memory. */
const MOST_ROW_FLOATS = 2 ** 22;

/** Nor are its steps more than this: keeping account of registers takes time that grows with both. */
const MOST_STEPS = 2 ** 14;

/** Registers end and begin at vectors, for every number of rows. */
const GRANULE = 4;

/** Steps, constants and registers of a model while it is put together. */
export class Plan {
  /** Whether rows of any shape will do: each number is taken by itself before all of them stand in one line. */
  flat?: boolean;

  constructor(private readonly operation: string) {}

  readonly steps: PlannedStep[] = [];
  /** Every tensor that the layers have, with its shape. */
  readonly tensors = new Map<string, readonly number[]>();
  readonly constants: Constant[] = [];
  rowFloats = 0;
  /** Where registers may be made, in order. */
  private readonly free: Register[] = [];

  /** Room for `width` floats per row. */
  register(width: number): Register {
    const whole = Math.ceil(width / GRANULE) * GRANULE;
    const i = this.free.findIndex((place) => place.width >= whole);
    if (i >= 0) {
      const { offset, width: had } = this.free[i];
      const rest = had > whole ? [{ offset: offset + whole, width: had - whole }] : [];
      this.free.splice(i, 1, ...rest);
      return { offset, width: whole };
    }
    const offset = this.rowFloats;
    this.rowFloats += whole;
    if (!(this.rowFloats <= MOST_ROW_FLOATS)) {
      throw new RangeError(
        `${this.operation}: this model takes more than ${MOST_ROW_FLOATS} numbers of memory for a row`,
      );
    }
    return { offset, width: whole };
  }

  /** Nobody reads it any more. */
  release(register: Register): void {
    const after = this.free.findIndex(({ offset }) => offset > register.offset);
    const i = after < 0 ? this.free.length : after;
    this.free.splice(i, 0, register);
    for (const j of [i, i - 1]) {
      const [low, high] = [this.free[j], this.free[j + 1]];
      if (!low || !high || low.offset + low.width !== high.offset) continue;
      this.free.splice(j, 2, { offset: low.offset, width: low.width + high.width });
    }
  }

  constant(bytes: number, floats: boolean, values: Constant['values']): Constant {
    const constant = { at: 0, bytes, floats, values };
    this.constants.push(constant);
    return constant;
  }

  add(
    step: Step,
    input: Register,
    output: Register,
    dims: readonly number[],
    operands: PlannedStep['operands'] = [],
    scalars: readonly number[] = [],
    { fn = 0, other, weight }: { fn?: number; other?: Register; weight?: string } = {},
  ): void {
    if (this.steps.length === MOST_STEPS)
      throw new RangeError(`${this.operation}: this model takes more than ${MOST_STEPS} steps`);
    this.steps.push({ step, fn, input, output, other, dims, operands, scalars, weight });
  }

  /** Gives every constant its place; returns where the last one ends. */
  place(): number {
    let at = HEADER_BYTES;
    for (const constant of this.constants) {
      constant.at = at;
      at += Math.ceil(constant.bytes / 4) * 4;
    }
    return at;
  }

  /** The steps as they are in the image, of constants that have their places. */
  program(): Uint8Array {
    const bytes: number[] = [];
    const words = new Uint32Array(STEP_WORDS);
    const floats = new Float32Array(words.buffer);
    for (const { step, fn, input, output, other, dims, operands, scalars } of this.steps) {
      words.fill(0);
      words.set([step | (fn << FUNCTION_SHIFT), input.offset, output.offset, other?.offset ?? 0, ...dims]);
      words.set(
        operands.map((operand) => (typeof operand === 'object' ? operand.at : (operand ?? 0))),
        7,
      );
      if (scalars.length > 0) floats.set(scalars, 10);
      bytes.push(...[...words].flatMap(leb));
    }
    return Uint8Array.from(bytes);
  }
}
