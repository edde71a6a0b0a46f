import { Binary, FUNCTION_SHIFT, Opcode } from '../../../assembly/opcodes.js';
import { engine } from '../../core/engine.js';
import { gradientOf } from '../backward.js';
import type { Operation } from '../tape.js';

/** Zeroes each element with probability p and scales the others by 1 / (1 − p); options: p. */
export const dropout: Operation<number> = {
  name: 'dropout',
  shape: ([x]) => x.shape,
  forward(tape, { addresses, output, size, options, saved }) {
    const mask = tape.floats(size);
    const { generator } = engine();
    saved.push(mask);
    tape.program.append(Opcode.DROPOUT, 0, [output, addresses[0], mask, generator], [size], [options]);
    // The generator counts in memory, so that a replay draws new numbers.
    tape.program.append(Opcode.COUNT, 0, [generator + 8], [size]);
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (!dx) return;
    tape.program.append(
      Opcode.BINARY_GRADIENT,
      dx.flags | (Binary.WEIGH << FUNCTION_SHIFT),
      [
        dx.pointer,
        call.outputGradient,
        call.addresses[0],
        call.saved[0],
        tape.layout([1, call.size, 1, 1, 1]),
      ],
      [call.size],
      [1],
    );
  },
};
