import { Header, HEADER_BYTES, SLACK_BYTES, Step, SUMS_BYTES } from '../../assembly/forward/format.js';
import { sizeOf } from '../tensor/layout.js';
import type { LayerDescription, StoredModel } from '../io/storedModel.js';
import { layerSteps, type Context, type Value } from './layerSteps.js';
import { Plan, type Constant } from './plan.js';
import { rowShape } from './rowShape.js';

/** A model as the forward pass has it in memory, without its numbers; assembly/forward/format.ts says what lies where. */
export interface Compiled {
  readonly inFeatures: number;
  /** Shape of a row that goes in. */
  readonly inShape: readonly number[];
  /** Shape of what comes out for a row. */
  readonly outShape: readonly number[];
  /** Bytes of the image: header, constants, steps. */
  readonly size: number;
  /** Bytes that a batch of this many rows takes in all. */
  bytesFor(rows: number): number;
  /** Writes header and steps. */
  writeProgram(image: Uint8Array): void;
  readonly constants: readonly Constant[];
  readonly plan: Plan;
  /** Outputs of the widest layer. */
  readonly widest: number;
}

export interface CompileOptions {
  /** What predict() makes of the last layer's output. */
  readonly output: StoredModel['output'];
  /** Names of the tensors that are kept in 8 bits. */
  readonly eight: ReadonlySet<string>;
  /** Numbers of a row, where no layer says it. */
  readonly inFeatures?: number;
}

/**
 * The steps of a model that was checked.
 *
 * @throws RangeError where layers do not fit together, or a prediction would depend on the other rows of its batch
 */
export function compile(
  operation: string,
  architecture: LayerDescription,
  { output, eight, inFeatures }: CompileOptions,
): Compiled {
  // What is no positive integer is not what it is made here, and is refused.
  const given = inFeatures! >>> 0;
  const shape = rowShape(architecture) ?? (given ? [given] : undefined);
  if (!shape) {
    throw new RangeError(`${operation}: no layer says how many numbers a row has; give inFeatures`);
  }
  const width = sizeOf(shape);
  if (inFeatures !== undefined && inFeatures !== width) {
    throw new RangeError(`${operation}: inFeatures is ${inFeatures}, but the first layer takes ${width}`);
  }
  const plan = new Plan(operation);
  const context: Context = { operation, plan, eight };
  let value: Value = { register: plan.register(width), shape };
  const input = value.register;
  // Rows stay what they are: their register is never written to.
  value = layerSteps(context, architecture, '', value, true);
  const kept = (): boolean => value.register === input;
  if (output === 'softmax') value = layerSteps(context, { type: 'Softmax', dim: -1 }, '', value, kept());
  if (output === 'sigmoid') value = layerSteps(context, { type: 'Sigmoid' }, '', value, kept());
  const end = plan.place();
  const program = plan.program();
  const size = end + program.length;
  const activations = Math.ceil((size + SUMS_BYTES) / 64) * 64;
  const { rowFloats } = plan;
  return {
    inFeatures: width,
    inShape: shape,
    outShape: value.shape,
    size,
    constants: plan.constants,
    plan,
    widest: plan.steps.reduce(
      (most, { step, dims: [n] }) => (step === Step.DENSE ? Math.max(most, n) : most),
      0,
    ),
    bytesFor: (rows) => activations + rows * rowFloats * 4 + SLACK_BYTES,
    writeProgram(image) {
      // All of it: what an image from a file has where nothing is written would be read as addresses.
      image.fill(0, 0, HEADER_BYTES);
      const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
      const set = (at: Header, word: number): void => view.setUint32(at, word, true);
      set(Header.IN_FEATURES, width);
      set(Header.OUT_FEATURES, sizeOf(value.shape));
      set(Header.ROW_FLOATS, rowFloats);
      set(Header.ACTIVATIONS, activations);
      set(Header.STEPS, plan.steps.length);
      set(Header.OUTPUT, value.register.offset);
      set(Header.PROGRAM, end);
      image.set(program, end);
    },
  };
}
