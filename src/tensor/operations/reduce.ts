import { FUNCTION_SHIFT, Opcode, Reduction } from '../../../assembly/opcodes.js';
import { refuse } from '../../core/checks.js';
import { gradientOf } from '../backward.js';
import { axes, broadcastStrides, contiguous, reduction, walk, type Shape } from '../layout.js';
import type { Call, Operation } from '../tape.js';
import type { Value } from '../value.js';

export interface ReduceOptions {
  /** The dimensions to reduce; all where undefined. */
  dims: number | readonly number[] | undefined;
  /** Keep them, with length 1. */
  keepDim: boolean;
}

function reducedAxes(name: string, x: Value, { dims }: ReduceOptions): Set<number> {
  return axes(name, dims, x.shape.length);
}

/** The shape with the reduced dimensions kept as 1: what broadcasts back to the input. */
function keptShape(x: Value, reduced: Set<number>): Shape {
  return x.shape.map((length, i) => (reduced.has(i) ? 1 : length));
}

function reduce(
  name: string,
  fn: Reduction,
  scale: (reducedSize: number) => number,
): Operation<ReduceOptions> {
  const parts = (call: Call<ReduceOptions>) => {
    const x = call.inputs[0];
    const reduced = reducedAxes(name, x, call.options);
    let reducedSize = 1;
    for (const i of reduced) reducedSize *= x.shape[i];
    return { x, reduced, reducedSize };
  };
  return {
    name,
    shape([x], options) {
      const reduced = reducedAxes(name, x, options);
      if (typeof options.keepDim !== 'boolean') refuse(name, 'keepDim', 'true or false', options.keepDim);
      const shape = options.keepDim ? keptShape(x, reduced) : x.shape.filter((_, i) => !reduced.has(i));
      if (fn === Reduction.MAX && [...reduced].some((i) => x.shape[i] === 0)) {
        throw new RangeError(
          `${name}: a dimension of length 0 has no maximum, in shape [${x.shape.join(', ')}]`,
        );
      }
      return shape;
    },
    forward(tape, call) {
      const { x, reduced, reducedSize } = parts(call);
      tape.program.append(
        Opcode.REDUCE,
        fn << FUNCTION_SHIFT,
        [call.output, call.addresses[0], tape.layout(reduction(x.shape, reduced))],
        [call.size, reducedSize],
        [scale(reducedSize)],
      );
    },
    backward(tape, call) {
      const { x, reduced, reducedSize } = parts(call);
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      if (fn === Reduction.MAX) {
        tape.program.append(
          Opcode.MAX_GRADIENT,
          dx.flags,
          [
            dx.pointer,
            call.outputGradient,
            call.addresses[0],
            call.output,
            tape.layout(reduction(x.shape, reduced)),
          ],
          [call.size, reducedSize],
        );
        return;
      }
      const back = broadcastStrides(keptShape(x, reduced), x.shape);
      tape.program.append(
        Opcode.COPY,
        dx.flags,
        [dx.pointer, call.outputGradient, tape.layout(walk(x.shape, contiguous(x.shape), back))],
        [x.size],
        [scale(reducedSize)],
      );
    },
  };
}

export const sum = reduce('sum', Reduction.SUM, () => 1);
/** The mean of nothing is NaN, as in PyTorch. */
export const mean = reduce('mean', Reduction.SUM, (size) => (size === 0 ? NaN : 1 / size));
/** Elements that share the maximum share its gradient equally. */
export const max = reduce('max', Reduction.MAX, () => 1);
