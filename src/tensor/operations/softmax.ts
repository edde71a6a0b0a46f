import { FLAG_PROBABILITIES, FUNCTION_SHIFT, Opcode, Reduction, Softmax } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import { axis, formatShape, sizeOf, type Shape } from '../layout.js';
import type { Operation } from '../tape.js';
import type { Value } from '../value.js';

/** The tensor seen as [outer, length, inner] around one dimension. */
function around(name: string, shape: Shape, dim: number): [number, number, number] {
  const at = axis(name, dim, shape.length);
  return [sizeOf(shape.slice(0, at)), shape[at], sizeOf(shape.slice(at + 1))];
}

function along(name: string, fn: Softmax): Operation<number> {
  return {
    name,
    shape([x], dim) {
      axis(name, dim, x.shape.length);
      return x.shape;
    },
    forward(tape, { addresses, output, shape, options }) {
      const [outer, length, inner] = around(name, shape, options);
      tape.program.append(
        Opcode.SOFTMAX,
        fn << FUNCTION_SHIFT,
        [output, addresses[0]],
        [outer, length, inner],
      );
    },
    backward(tape, call) {
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      const [outer, length, inner] = around(name, call.shape, call.options);
      tape.program.append(
        Opcode.SOFTMAX_GRADIENT,
        dx.flags | (fn << FUNCTION_SHIFT),
        [dx.pointer, call.outputGradient, call.output],
        [outer, length, inner],
      );
    },
  };
}

/** exp(xᵢ) / Σ exp(xⱼ) along a dimension. */
export const softmax = along('softmax', Softmax.PLAIN);
/** xᵢ − log Σ exp(xⱼ) along a dimension. */
export const logSoftmax = along('logSoftmax', Softmax.LOG);

function checkCrossEntropy([logits, targets]: readonly Value[]): void {
  const [batch, classes] = logits.shape;
  if (logits.shape.length !== 2 || classes === 0) {
    throw new RangeError(
      `CrossEntropyLoss: expected logits [batch, classes], got ${formatShape(logits.shape)}`,
    );
  }
  const fits = targets.shape[0] === batch && (targets.shape.length === 1 || targets.shape[1] === classes);
  if (!fits || targets.shape.length > 2) {
    throw new RangeError(
      `CrossEntropyLoss: expected targets [${batch}] (class indices) or [${batch}, ${classes}] (probabilities), ` +
        `got ${formatShape(targets.shape)}`,
    );
  }
  if (targets.requiresGrad)
    throw new TypeError('CrossEntropyLoss: targets that need a gradient are not supported');
}

/** −Σ target · logSoftmax(logits) of each row, or the mean over rows. */
function crossEntropyOf(mean: boolean): Operation {
  return {
    name: 'CrossEntropyLoss',
    shape(inputs) {
      checkCrossEntropy(inputs);
      return mean ? [] : [inputs[0].shape[0]];
    },
    forward(tape, { inputs: [logits, targets], addresses, output, saved }) {
      const [rows, classes] = logits.shape;
      const losses = mean ? tape.floats(rows) : output;
      const probabilities = tape.floats(logits.size);
      saved.push(probabilities);
      tape.program.append(
        Opcode.CROSS_ENTROPY,
        kindOf(targets.shape),
        [losses, addresses[0], addresses[1], probabilities],
        [rows, classes],
      );
      if (!mean) return;
      tape.program.append(
        Opcode.REDUCE,
        Reduction.SUM << FUNCTION_SHIFT,
        [output, losses, tape.layout([0, 1, rows, 1])],
        [1, rows],
        [1 / rows],
      );
    },
    backward(tape, call) {
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      const [rows, classes] = call.inputs[0].shape;
      tape.program.append(
        Opcode.CROSS_ENTROPY_GRADIENT,
        dx.flags | kindOf(call.inputs[1].shape),
        [dx.pointer, call.outputGradient, call.saved[0], call.addresses[1]],
        [rows, classes, mean ? 0 : 1],
        [mean ? 1 / rows : 1],
      );
    },
  };
}

/**
 * The mean over rows of −Σ target · logSoftmax(logits). logits [batch, classes]; targets are class indices [batch] or
 * probabilities [batch, classes].
 */
export const crossEntropy = crossEntropyOf(true);
/** The same of each row: [batch]. */
export const crossEntropyRows = crossEntropyOf(false);

function kindOf(targets: Shape): number {
  return targets.length === 2 ? FLAG_PROBABILITIES : 0;
}
