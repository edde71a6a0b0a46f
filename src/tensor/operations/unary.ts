import { FUNCTION_SHIFT, Opcode, Unary } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import type { Operation } from '../tape.js';

/** The parameters of a function of one number. */
export interface UnaryOptions {
  first?: number;
  second?: number;
}

function unary(name: string, fn: Unary): Operation<UnaryOptions> {
  return {
    name,
    shape: ([x]) => x.shape,
    forward(tape, { output, addresses, size, options }) {
      const flags = fn << FUNCTION_SHIFT;
      tape.program.append(
        Opcode.UNARY,
        flags,
        [output, addresses[0]],
        [size],
        [options.first ?? 0, options.second ?? 0],
      );
    },
    backward(tape, call) {
      const { output, addresses, size, options, outputGradient } = call;
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      tape.program.append(
        Opcode.UNARY_GRADIENT,
        dx.flags | (fn << FUNCTION_SHIFT),
        [dx.pointer, outputGradient, addresses[0], output],
        [size],
        [options.first ?? 0, options.second ?? 0],
      );
    },
  };
}

export const negate = unary('neg', Unary.NEGATE);
export const exp = unary('exp', Unary.EXP);
export const log = unary('log', Unary.LOG);
export const sqrt = unary('sqrt', Unary.SQRT);
export const abs = unary('abs', Unary.ABS);
export const square = unary('square', Unary.SQUARE);
export const relu = unary('relu', Unary.RELU);
/** first: the slope below zero. */
export const leakyRelu = unary('leakyRelu', Unary.LEAKY_RELU);
export const sigmoid = unary('sigmoid', Unary.SIGMOID);
export const tanh = unary('tanh', Unary.TANH);
export const gelu = unary('gelu', Unary.GELU);
export const silu = unary('silu', Unary.SILU);
/** first: β; second: the threshold for β · x. */
export const softplus = unary('softplus', Unary.SOFTPLUS);
/** first and second: the bounds. */
export const clamp = unary('clamp', Unary.CLAMP);
/** first: α. */
export const elu = unary('elu', Unary.ELU);
/** first and second: the bounds. */
export const hardtanh = unary('hardtanh', Unary.HARDTANH);
export const mish = unary('mish', Unary.MISH);
/** first: δ; second: what the result is divided by, 1 or δ. */
export const huber = unary('huber', Unary.HUBER);
/** first: the exponent. */
export const power = unary('pow', Unary.POWER);
