import { Binary, FLAG_ACCUMULATE, FUNCTION_SHIFT, Opcode } from '../../assembly/opcodes.js';
import { Block } from '../core/owner.js';
import type { Counted } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { currentTape } from '../tensor/scope.js';
import { keep } from '../tensor/operations/binary.js';
import { asTensor, call, Tensor } from '../tensor/tensor.js';
import type { Optimizer, Place } from './trainingStep.js';

/**
 * Makes the gradient of a step over several batches that of the loss of all their rows, Σ weight · gradient / Σ weight. Each
 * gradient is taken times weight / unit / count, and all of them times count / (Σ weight / unit) at the end: which is 1
 * where all batches count the same, so that the bits are those of batches that count 1 / count each. Where nothing counts the
 * gradients are 0.
 */
export class Accumulation {
  /** Σ weight / unit of the batches so far. */
  private readonly total = new Block(4);
  /** What a batch counts where that depends on shapes alone. */
  private unit: number | undefined;
  /** What the first batch of a step counts, 1 where that is nothing; so no number gets very large or small. */
  private readonly first = new Block(4);

  /** Goes backward from the loss of a batch. */
  backward(loss: Tensor, { weight, unit, sum }: Counted, rows: number, { first, count }: Place): void {
    if (weight === Infinity) return loss.backward();
    const tape = currentTape();
    tape.hold(this.total);
    const add = (units: Tensor): void =>
      tape.copy(tape.address(units, 'fit'), this.total.pointer, 1, first ? 0 : FLAG_ACCUMULATE);
    if (typeof weight === 'number') {
      this.unit ??= weight || rows || 1;
      add(asTensor(weight / this.unit));
      return loss.backward(weight / this.unit / count);
    }
    const given = unit ? weight.mul(unit) : weight;
    if (first) {
      const kept = given.add(
        call(keep, [asTensor(1), given], undefined)
          .neg()
          .add(1),
      );
      tape.copy(tape.address(kept, 'fit'), this.first.pointer, 1, 0);
    }
    const reference = new Tensor([], this.first, this.first.pointer, false);
    const units = given.div(reference);
    add(units);
    // Where something is left of a batch of weight 0, only its sum has the gradient.
    if (sum) sum.backward((unit ?? asTensor(1)).div(reference).mul(1 / count));
    else loss.backward(units.mul(1 / count));
  }

  /** Divides the gradients by what the batches counted. */
  end({ weight }: Counted, model: Module, optimizer: Optimizer, { count }: Place): void {
    if (weight === Infinity) return;
    const tape = currentTape();
    const scalar = (value: number): number => tape.address(asTensor(value), 'fit');
    const by = tape.floats(1);
    const factor = (fn: Binary, a: number, b: number): void => {
      tape.program.append(Opcode.BINARY, fn << FUNCTION_SHIFT, [by, a, b, tape.layout([0])], [1]);
    };
    factor(Binary.DIVIDE, scalar(count), this.total.pointer);
    factor(Binary.KEEP, by, this.total.pointer);
    const { parameters = [] } = optimizer as { parameters?: readonly Tensor[] };
    for (const parameter of new Set([...model.parameters(), ...parameters])) {
      tape.ask(parameter);
      const { gradient, size } = parameter;
      if (!gradient?.filled || size === 0) continue;
      const { pointer } = gradient.block;
      tape.hold(gradient.block);
      tape.program.append(
        Opcode.BINARY,
        Binary.WEIGH << FUNCTION_SHIFT,
        [pointer, pointer, by, tape.layout([1, size, 1, 0])],
        [size],
      );
    }
    tape.execute('fit');
  }
}
