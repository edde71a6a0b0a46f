import { Opcode } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import type { Operation } from '../tape.js';

/** Rows of a table [rows, width] at indices of any shape: […, width]; options: the row that gets no gradient, or NaN. */
export const embedding: Operation<number> = {
  name: 'Embedding',
  shape: ([table, indices]) => [...indices.shape, table.shape[1]],
  forward(tape, { inputs: [table, indices], addresses, output }) {
    const [rows, width] = table.shape;
    tape.program.append(
      Opcode.EMBEDDING,
      0,
      [output, addresses[0], addresses[1]],
      [indices.size, width, rows],
    );
  },
  backward(tape, call) {
    const dTable = gradientOf(tape, call, 0);
    if (!dTable) return;
    const [table, indices] = call.inputs;
    tape.program.append(
      Opcode.EMBEDDING_GRADIENT,
      dTable.flags,
      [
        dTable.pointer,
        call.outputGradient,
        call.addresses[1],
        tape.bytes(4 * (table.shape[0] + indices.size)),
      ],
      [table.shape[0], table.shape[1], indices.size],
      [call.options],
    );
  },
};
