import { Binary, FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode } from '../../assembly/opcodes.js';
import { Block } from '../core/owner.js';
import type { LossWeight } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { currentTape } from '../tensor/scope.js';
import { asTensor, Tensor } from '../tensor/tensor.js';
import type { Optimizer, Place } from './trainingStep.js';

/** The smallest normal float32: what gradients of batches that count nothing, all zeros, are divided by. */
const SMALLEST = 2 ** -126;

/**
 * Makes the gradient of a step over several batches that of the loss of all their rows, Σ weight · gradient / Σ weight. Each
 * gradient is taken times weight / unit / count, and all of them are divided by Σ weight / unit / count at the end: which is
 * 1 where all batches count the same, so that the bits are those of batches that count 1 / count each.
 */
export class Accumulation {
  /** Σ weight / unit of the batches so far. */
  private readonly total = new Block(4);
  /** About what a batch counts, so that no number gets large. */
  private unit: number | undefined;

  /** Goes backward from the loss of a batch. */
  backward(loss: Tensor, weight: LossWeight, rows: number, { first, count }: Place): void {
    if (weight === Infinity) return loss.backward();
    this.unit ??= (typeof weight === 'number' && weight) || rows || 1;
    const { unit } = this;
    const units = typeof weight === 'number' ? asTensor(weight / unit) : weight.mul(1 / unit);
    const tape = currentTape();
    tape.hold(this.total);
    tape.copy(tape.address(units, 'fit'), this.total.pointer, 1, first ? 0 : FLAG_ACCUMULATE);
    loss.backward(typeof weight === 'number' ? weight / unit / count : units.mul(1 / count));
  }

  /** Divides the gradients by what the batches counted. */
  end(weight: LossWeight, model: Module, optimizer: Optimizer, { count }: Place): void {
    if (weight === Infinity) return;
    const tape = currentTape();
    const scalar = (value: number): number => tape.address(asTensor(value), 'fit');
    const by = tape.floats(1);
    const divisor = (fn: Binary, a: number, b: number): void => {
      tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [by, a, b, tape.layout([0])], [1]);
    };
    divisor(Binary.DIVIDE, this.total.pointer, scalar(count));
    divisor(Binary.MAXIMUM, by, scalar(SMALLEST));
    const { parameters = [] } = optimizer as { parameters?: readonly Tensor[] };
    for (const parameter of new Set([...model.parameters(), ...parameters])) {
      tape.ask(parameter);
      const { gradient, size } = parameter;
      if (!gradient?.filled || size === 0) continue;
      const { pointer } = gradient.block;
      tape.hold(gradient.block);
      tape.program.append(
        Opcode.BINARY,
        Binary.DIVIDE << FUNCTION_SHIFT,
        [pointer, pointer, by, tape.layout([1, size, 1, 0])],
        [size],
      );
    }
    tape.execute('fit');
  }
}
