import { Binary, FUNCTION_SHIFT, Opcode, Reduction } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import {
  broadcast,
  broadcastStrides,
  contiguous,
  reduction,
  repeatedAxes,
  sameShape,
  walk,
  formatShape,
} from '../layout.js';
import type { Call, Operation, Tape } from '../tape.js';

function binary(name: string, fn: Binary): Operation {
  return {
    name,
    shape: ([a, b]) => broadcast(name, a.shape, b.shape),
    reads: ({ inputs }, i) => {
      if (fn === Binary.ADD || fn === Binary.SUBTRACT) return false;
      const ofOther = fn === Binary.MULTIPLY || (fn === Binary.DIVIDE && i === 0);
      return !ofOther || inputs[1 - i].requiresGrad;
    },
    forward(tape, { inputs: [a, b], addresses, output, shape, size }) {
      const layout = walk(shape, broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape));
      tape.program.append(
        Opcode.BINARY,
        fn << FUNCTION_SHIFT,
        [output, addresses[0], addresses[1], tape.layout(layout)],
        [size],
      );
    },
    backward(tape, call) {
      for (const i of [0, 1]) binaryGradient(tape, call, fn, i, contiguous(call.shape), 1);
    },
  };
}

/**
 * Appends the gradient of one input of an elementwise function of two. An input that was broadcast gets the sum over
 * what it was repeated along.
 *
 * @param call its shape is that of the elementwise result
 * @param dyStrides strides of the gradient of the result
 */
function binaryGradient(
  tape: Tape,
  call: Call<void>,
  fn: Binary,
  i: number,
  dyStrides: readonly number[],
  scale: number,
): void {
  const { inputs, addresses, outputGradient } = call;
  const [a, b] = inputs;
  const shape = broadcast(call.operation.name, a.shape, b.shape);
  const size = shape.reduce((product, length) => product * length, 1);
  if (!inputs[i].requiresGrad) return;
  const whole = sameShape(inputs[i].shape, shape);
  const target = whole ? gradientOf(tape, call, i)! : { pointer: tape.floats(size), flags: 0 };
  const layout = walk(shape, dyStrides, broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape));
  tape.program.append(
    Opcode.BINARY_GRADIENT,
    target.flags | (fn << FUNCTION_SHIFT),
    [target.pointer, outputGradient, addresses[0], addresses[1], tape.layout(layout)],
    [size, i],
    [scale],
  );
  if (whole) return;
  const sum = gradientOf(tape, call, i)!;
  const axes = repeatedAxes(inputs[i].shape, shape);
  tape.program.append(
    Opcode.REDUCE,
    sum.flags | (Reduction.SUM << FUNCTION_SHIFT),
    [sum.pointer, target.pointer, tape.layout(reduction(shape, axes))],
    [inputs[i].size, inputs[i].size === 0 ? 0 : size / inputs[i].size],
    [1],
  );
}

export const add = binary('add', Binary.ADD);
export const subtract = binary('sub', Binary.SUBTRACT);
export const multiply = binary('mul', Binary.MULTIPLY);
export const divide = binary('div', Binary.DIVIDE);
export const tensorPower = binary('pow', Binary.POWER);
export const maximum = binary('maximum', Binary.MAXIMUM);
export const minimum = binary('minimum', Binary.MINIMUM);

/** a · b, and 0 where the weight b is 0, even if a is infinite or NaN. */
export const weigh = binary('mul', Binary.WEIGH);
/** (a − b)² */
export const squaredDifference = binary('MSELoss', Binary.SQUARED_DIFFERENCE);
/** Of probabilities a and targets b. */
export const binaryCrossEntropy = binary('BCELoss', Binary.CROSS_ENTROPY);
/** Of logits a and targets b. */
export const logitCrossEntropy = binary('BCEWithLogitsLoss', Binary.LOGIT_CROSS_ENTROPY);

/** a, but 0 where b is 0, whatever a is there: its gradient is 0 then, too. */
export const keep = binary('keep', Binary.KEEP);

/** mean((prediction − target)²) over all elements; both of one shape. */
export const meanSquaredError: Operation = {
  name: 'MSELoss',
  shape([prediction, target]) {
    if (!sameShape(prediction.shape, target.shape)) {
      throw new RangeError(
        `MSELoss: expected target ${formatShape(prediction.shape)}, got ${formatShape(target.shape)}`,
      );
    }
    return [];
  },
  forward(tape, { inputs: [{ size }], addresses, output }) {
    tape.program.append(
      Opcode.REDUCE,
      Reduction.SQUARED_DIFFERENCES << FUNCTION_SHIFT,
      [output, ...addresses],
      [1, size],
      [1 / size],
    );
  },
  backward(tape, call) {
    const { shape, size } = call.inputs[0];
    for (const i of [0, 1]) {
      binaryGradient(
        tape,
        call,
        Binary.SQUARED_DIFFERENCE,
        i,
        shape.map(() => 0),
        1 / size,
      );
    }
  },
};
