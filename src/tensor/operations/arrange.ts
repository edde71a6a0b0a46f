import { shown } from '../../core/shown.js';
import { Opcode } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import { axis, contiguous, formatShape, shownList, sizeOf, walk, type Shape } from '../layout.js';
import type { Operation } from '../tape.js';

/** The same elements under another shape. */
export const reshape: Operation<Shape> = {
  name: 'reshape',
  isView: true,
  shape([x], wanted) {
    const unknown = wanted.indexOf(-1);
    const shape = wanted.slice();
    if (unknown >= 0) {
      const rest = sizeOf(wanted.filter((_, i) => i !== unknown));
      shape[unknown] = rest === 0 ? 0 : x.size / rest;
    }
    if (!shape.every((length) => Number.isInteger(length) && length >= 0) || sizeOf(shape) !== x.size) {
      throw new RangeError(`reshape: ${formatShape(x.shape)} does not fit into ${shownList(wanted)}`);
    }
    return shape;
  },
  forward() {
    // The memory stays as it is.
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (dx) tape.copy(call.outputGradient, dx.pointer, call.size, dx.flags);
  },
};

export interface TransposeOptions {
  readonly first: number;
  readonly second: number;
}

/** Two dimensions exchanged. */
export const transpose: Operation<TransposeOptions> = {
  name: 'transpose',
  shape([x], { first, second }) {
    return swapped(
      x.shape,
      axis('transpose', first, x.shape.length),
      axis('transpose', second, x.shape.length),
    );
  },
  forward(tape, { inputs: [x], addresses, output, shape, size, options }) {
    const layout = walk(shape, contiguous(shape), exchanged(x.shape, options));
    tape.program.append(Opcode.COPY, 0, [output, addresses[0], tape.layout(layout)], [size], [1]);
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (!dx) return;
    const layout = walk(call.shape, exchanged(call.inputs[0].shape, call.options), contiguous(call.shape));
    tape.program.append(
      Opcode.COPY,
      dx.flags,
      [dx.pointer, call.outputGradient, tape.layout(layout)],
      [call.size],
      [1],
    );
  },
};

function swapped(values: readonly number[], i: number, j: number): number[] {
  const result = values.slice();
  result[i] = values[j];
  result[j] = values[i];
  return result;
}

/** Strides that read a tensor of `shape` with two dimensions exchanged. */
function exchanged(shape: Shape, { first, second }: TransposeOptions): number[] {
  return swapped(
    contiguous(shape),
    axis('transpose', first, shape.length),
    axis('transpose', second, shape.length),
  );
}

export interface SliceOptions {
  readonly dim: number;
  /** As in Array.prototype.slice: from `start` up to, not including, `end`; negative ones count from the end. */
  readonly start: number;
  readonly end: number | undefined;
}

/** A range along one dimension. */
export const slice: Operation<SliceOptions> = {
  name: 'slice',
  shape([x], options) {
    const { dim, from, to } = range(x.shape, options);
    return x.shape.map((length, i) => (i === dim ? Math.max(0, to - from) : length));
  },
  forward(tape, { inputs: [x], addresses, output, shape, size, options }) {
    const { dim, from } = range(x.shape, options);
    const strides = contiguous(x.shape);
    const start = addresses[0] + from * strides[dim] * 4;
    const layout = tape.layout(walk(shape, contiguous(shape), strides));
    tape.program.append(Opcode.COPY, 0, [output, start, layout], [size], [1]);
  },
  backward(tape, call) {
    const dx = gradientOf(tape, call, 0);
    if (!dx) return;
    const x = call.inputs[0];
    if (dx.flags === 0) tape.fill(dx.pointer, x.size, 0);
    const { dim, from } = range(x.shape, call.options);
    const strides = contiguous(x.shape);
    const target = gradientOf(tape, call, 0)!;
    tape.program.append(
      Opcode.COPY,
      target.flags,
      [
        target.pointer + from * strides[dim] * 4,
        call.outputGradient,
        tape.layout(walk(call.shape, strides, contiguous(call.shape))),
      ],
      [call.size],
      [1],
    );
  },
};

function range(shape: Shape, { dim, start, end }: SliceOptions): { dim: number; from: number; to: number } {
  const at = axis('slice', dim, shape.length);
  const length = shape[at];
  const place = (value: number): number => {
    if (!Number.isInteger(value)) throw new RangeError(`slice: expected integers, got ${shown(value)}`);
    return Math.min(length, Math.max(0, value < 0 ? value + length : value));
  };
  return { dim: at, from: place(start), to: place(end ?? length) };
}

/** Tensors one after the other along a dimension in which alone they may differ. */
export const concat: Operation<number> = {
  name: 'concat',
  shape(inputs, dim) {
    if (inputs.length === 0) throw new RangeError('concat: expected at least one tensor, got none');
    const first = inputs[0].shape;
    const at = axis('concat', dim, first.length);
    for (const { shape } of inputs) {
      if (shape.length !== first.length || shape.some((length, i) => i !== at && length !== first[i])) {
        throw new RangeError(
          `concat: shapes ${formatShape(first)} and ${formatShape(shape)} differ in more than dimension ${at}`,
        );
      }
    }
    return first.map((length, i) => (i === at ? inputs.reduce((n, { shape }) => n + shape[at], 0) : length));
  },
  forward(tape, { inputs, addresses, output, shape, options }) {
    const strides = contiguous(shape);
    const at = axis('concat', options, shape.length);
    let start = output;
    for (let i = 0; i < inputs.length; i++) {
      const x = inputs[i];
      const layout = tape.layout(walk(x.shape, strides, contiguous(x.shape)));
      tape.program.append(Opcode.COPY, 0, [start, addresses[i], layout], [x.size], [1]);
      start += x.shape[at] * strides[at] * 4;
    }
  },
  backward(tape, call) {
    const strides = contiguous(call.shape);
    const at = axis('concat', call.options, call.shape.length);
    let start = call.outputGradient;
    for (let i = 0; i < call.inputs.length; i++) {
      const x = call.inputs[i];
      const dx = gradientOf(tape, call, i);
      if (dx) {
        const layout = tape.layout(walk(x.shape, contiguous(x.shape), strides));
        tape.program.append(Opcode.COPY, dx.flags, [dx.pointer, start, layout], [x.size], [1]);
      }
      start += x.shape[at] * strides[at] * 4;
    }
  },
};
