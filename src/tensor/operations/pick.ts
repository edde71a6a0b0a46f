import { Opcode } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import { formatShape } from '../layout.js';
import type { Operation } from '../tape.js';

export interface PickOptions {
  /** A label whose row counts for nothing. */
  readonly ignoreIndex: number | undefined;
}

/**
 * x[i, labels[i]] for each row, 0 where the label is ignoreIndex; x [rows, classes], or [classes] for every row;
 * labels [rows].
 */
export function pick(name: string): Operation<PickOptions> {
  return {
    name,
    shape([x, labels]) {
      const rows = x.shape.length === 2 ? x.shape[0] : labels.size;
      if (labels.shape.length !== 1 || labels.size !== rows) {
        throw new RangeError(
          `${name}: expected targets [${rows}] (class indices), got ${formatShape(labels.shape)}`,
        );
      }
      return labels.shape;
    },
    forward(tape, { inputs: [x], addresses, output, size, options }) {
      const classes = x.shape[x.shape.length - 1];
      tape.program.append(
        Opcode.PICK,
        0,
        [output, addresses[0], addresses[1]],
        [size, classes, x.shape.length === 2 ? classes : 0],
        [options.ignoreIndex ?? NaN],
      );
    },
    backward(tape, call) {
      const x = call.inputs[0];
      if (x.shape.length !== 2)
        throw new TypeError(`${name}: class weights that need a gradient are not supported`);
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      tape.program.append(
        Opcode.PICK_GRADIENT,
        dx.flags,
        [dx.pointer, call.outputGradient, call.addresses[1]],
        [call.size, x.shape[1]],
        [call.options.ignoreIndex ?? NaN],
      );
    },
  };
}
