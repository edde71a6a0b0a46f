import { checkNumber } from '../core/checks.js';
import { shown } from '../core/shown.js';
import { FLAG_ACCUMULATE } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { Block, noteChange } from '../core/owner.js';
import { currentTape } from '../tensor/scope.js';
import { checkOptions } from '../core/options.js';
import { writable } from '../tensor/numbers.js';
import type { Tensor } from '../tensor/tensor.js';
import { copyOf } from './saved.js';
import { overwrite, refuseCaptured } from '../tensor/writes.js';
import { leavesOf } from './optimizer.js';

export interface EMAOptions {
  /** Share of the average that is kept in an update; 0.999 by default. */
  decay?: number;
}

/** What {@link EMA.stateDict} gives. */
export interface EMAState {
  decay: number;
  /** In the order of the parameters. */
  averages: ArrayLike<number>[];
}

/**
 * Exponential moving averages of weights, which often predict better than the weights themselves (Polyak and Juditsky,
 * 1992). They begin with the weights as they are; update() moves them: average ← decay · average + (1 − decay) · weight.
 * Call update() after each step of the optimizer, also inside a captured function, or give it to fit() as `ema`.
 *
 * @throws TypeError on anything but tensors, RangeError where decay is not in [0, 1]
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor([1, 2], { requiresGrad: true });
 * const ema = new optim.EMA([w], { decay: 0.5 });
 * const optimizer = new optim.SGD([w], { lr: 1 });
 * w.mul([1, 4]).sum().backward();
 * optimizer.step(); // w is [0, -2] now
 * ema.update();
 * ema.apply();
 * w.toArray(); // [0.5, 0]
 * ema.restore();
 * w.toArray(); // [0, -2]
 * ```
 */
export class EMA {
  readonly parameters: readonly Tensor[];
  readonly decay!: number;
  private readonly averages: readonly Block[];
  /** The weights, while the averages stand in their place. */
  private weights: Float32Array[] | undefined;

  constructor(parameters: Iterable<Tensor>, options: EMAOptions = {}) {
    checkOptions('EMA', options, ['decay']);
    const { decay = 0.999 } = options;
    checkDecay(decay);
    // Captured functions have it in their instructions: an assignment is an error.
    Object.defineProperty(this, 'decay', { enumerable: true, value: decay });
    this.parameters = leavesOf('EMA', parameters);
    this.averages = this.parameters.map(({ size }) => new Block(size * 4));
    this.parameters.forEach((parameter, i) => this.set(i, parameter.data));
  }

  /** Moves the averages towards the weights. */
  update(): void {
    this.refuseApplied('update');
    const tape = currentTape();
    // A replay must not move averages that stand in the place of the weights.
    tape.assume(() => !this.weights);
    tape.perform('EMA', () => {
      this.parameters.forEach((parameter, i) => {
        const { pointer } = this.averages[i];
        tape.hold(this.averages[i]);
        tape.copy(pointer, pointer, parameter.size, 0, this.decay);
        tape.copy(tape.address(parameter, 'EMA'), pointer, parameter.size, FLAG_ACCUMULATE, 1 - this.decay);
      });
    });
  }

  /** Puts the averages in the place of the weights, until restore(). */
  apply(): void {
    this.refuseApplied('apply');
    const weights = this.parameters.map(({ data }) => data);
    this.copyTo(this.parameters);
    this.weights = weights;
    noteChange();
  }

  /** Puts the weights back. */
  restore(): void {
    if (!this.weights) throw new Error('EMA: restore() without apply()');
    this.weights.forEach((values, i) => overwrite('EMA.restore', this.parameters[i], values));
    this.weights = undefined;
    noteChange();
  }

  /**
   * Copies the averages into other parameters, such as those of a second model.
   *
   * @throws RangeError where number or sizes differ; then nothing is changed
   */
  copyTo(parameters: Iterable<Tensor>): void {
    const targets = leavesOf('EMA', parameters);
    const sizes = (list: readonly Tensor[]): string => list.map(({ size }) => size).join(', ');
    if (sizes(targets) !== sizes(this.parameters)) {
      throw new RangeError(
        `EMA: expected parameters of ${sizes(this.parameters)} numbers, got ${sizes(targets)}`,
      );
    }
    targets.forEach((target, i) => overwrite('EMA', target, this.get(i)));
  }

  /** A copy of decay and averages. */
  stateDict(): EMAState {
    return { decay: this.decay, averages: this.averages.map((_, i) => writable(this.get(i))) };
  }

  /** @throws TypeError if it is no state, RangeError if decay or sizes differ; then nothing is changed */
  loadStateDict(saved: EMAState): void {
    refuseCaptured('loadStateDict');
    const { decay, averages } = Object(saved) as EMAState;
    if (!Array.isArray(averages)) {
      throw new TypeError(`EMA: expected what stateDict() of an EMA gave, got ${shown(saved)}`);
    }
    if (decay !== this.decay) throw new RangeError(`EMA: expected decay ${this.decay}, got ${shown(decay)}`);
    const sizes = this.parameters.map(({ size }) => size).join(', ');
    if (averages.length !== this.parameters.length) {
      throw new RangeError(`EMA: expected averages of ${sizes} numbers, got ${averages.length} averages`);
    }
    this.parameters
      .map(({ size }, i) => copyOf(`EMA: expected averages of ${sizes} numbers`, averages[i], size))
      .forEach((values, i) => this.set(i, values));
  }

  private refuseApplied(name: string): void {
    if (this.weights) throw new Error(`EMA: ${name}() while the averages are applied; call restore() first`);
  }

  private get(i: number): Float32Array {
    return engine().read(this.averages[i].pointer, this.parameters[i].size);
  }

  private set(i: number, values: ArrayLike<number>): void {
    engine().f32.set(values, this.averages[i].pointer / 4);
  }
}

function checkDecay(decay: number): void {
  checkNumber('EMA', 'decay', decay, { least: 0, most: 1 });
}
