import { FLAG_NESTEROV, Opcode } from '../../assembly/opcodes.js';
import { engine } from '../core/engine.js';
import { Block } from '../core/owner.js';
import { clearGradient } from '../tensor/backward.js';
import { currentTape } from '../tensor/scope.js';
import { checkOptions, Tensor } from '../tensor/tensor.js';
import { APPLIED } from '../tensor/value.js';

export interface SGDOptions {
  /** Learning rate: how far a step goes along the gradient. */
  lr: number;
  /** Share of the last step's direction that is kept; 0 by default. */
  momentum?: number;
  /** Share of the new gradient that momentum leaves out; 0 by default. */
  dampening?: number;
  /** Nesterov momentum; needs momentum and no dampening. */
  nesterov?: boolean;
  /** L2 penalty added to the gradient; 0 by default. */
  weightDecay?: number;
}

const NUMBERS = ['lr', 'momentum', 'dampening', 'weightDecay'] as const;

/** Momentum buffer of one parameter and the number of steps it has seen (64 bits, in a cache line of its own). */
interface Momentum {
  readonly block: Block;
  readonly buffer: number;
  readonly steps: number;
}

/**
 * Stochastic gradient descent with momentum, PyTorch's update, in place:
 * g ← gradient + weightDecay · p; b ← momentum · b + (1 − dampening) · g (the first time b ← g);
 * p ← p − lr · (nesterov ? g + momentum · b : b).
 *
 * `lr`, `momentum`, `dampening` and `weightDecay` may be changed between steps, also those of a captured function.
 *
 * @throws TypeError on an unknown option or anything but tensors, RangeError on a bad value
 * @example
 * ```ts
 * import { optim, tensor } from 'wasmgrad';
 * const w = tensor(1, { requiresGrad: true });
 * const optimizer = new optim.SGD([w], { lr: 0.1 });
 * w.square().backward();
 * optimizer.step();
 * w.item(); // 0.8
 * ```
 */
export class SGD {
  readonly parameters: readonly Tensor[];
  readonly nesterov: boolean;
  /** lr, momentum, dampening and weightDecay in linear memory, where the instructions read them. */
  private readonly options = new Block(16);
  private readonly momenta = new Map<Tensor, Momentum>();

  constructor(parameters: Iterable<Tensor>, options: SGDOptions) {
    checkOptions('SGD', options, [...NUMBERS, 'nesterov']);
    this.parameters = [...new Set(parameters)];
    if (this.parameters.length === 0) throw new RangeError('SGD: expected at least one parameter, got none');
    for (const parameter of this.parameters) {
      if (!(parameter instanceof Tensor))
        throw new TypeError(`SGD: expected tensors, got ${String(parameter)}`);
      if (!parameter.isLeaf || parameter.source) {
        throw new TypeError(
          'SGD: expected leaves that require a gradient, got a computed or constant tensor',
        );
      }
    }
    const { momentum = 0, dampening = 0, weightDecay = 0 } = options;
    this.nesterov = options.nesterov ?? false;
    if (this.nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new RangeError('SGD: nesterov needs momentum above 0 and dampening 0');
    }
    Object.assign(this, { lr: options.lr, momentum, dampening, weightDecay });
  }

  get lr(): number {
    return this.get('lr');
  }

  set lr(value: number) {
    this.set('lr', value);
  }

  get momentum(): number {
    return this.get('momentum');
  }

  set momentum(value: number) {
    this.set('momentum', value);
  }

  get dampening(): number {
    return this.get('dampening');
  }

  set dampening(value: number) {
    this.set('dampening', value);
  }

  get weightDecay(): number {
    return this.get('weightDecay');
  }

  set weightDecay(value: number) {
    this.set('weightDecay', value);
  }

  /** Clears every gradient: the next backward() overwrites it. */
  zeroGrad(): void {
    for (const parameter of this.parameters) clearGradient(parameter);
  }

  /** Moves every parameter that has a gradient by one step. */
  step(): void {
    const tape = currentTape();
    tape.hold(this.options);
    for (const parameter of this.parameters) {
      const { gradient } = parameter;
      if (parameter.gradientApplied) throw new Error(`step: ${APPLIED}`);
      if (!gradient?.filled || !parameter.requiresGrad) continue;
      const momentum = this.momentum > 0 ? this.momentumOf(parameter) : undefined;
      const pointer = tape.address(parameter, 'step');
      tape.hold(gradient.block);
      tape.hold(momentum?.block);
      tape.program.append(
        Opcode.SGD,
        this.nesterov ? FLAG_NESTEROV : 0,
        [pointer, gradient.block.pointer, momentum?.buffer ?? 0, this.options.pointer, momentum?.steps ?? 0],
        [parameter.size],
      );
      if (momentum) tape.program.append(Opcode.COUNT, 0, [momentum.steps], [1]);
    }
    tape.execute('step');
  }

  private momentumOf(parameter: Tensor): Momentum {
    let momentum = this.momenta.get(parameter);
    if (!momentum) {
      const block = new Block(64 + parameter.size * 4);
      const start = block.pointer / 4;
      engine().f32.fill(0, start, start + 16 + parameter.size);
      momentum = { block, buffer: block.pointer + 64, steps: block.pointer };
      this.momenta.set(parameter, momentum);
    }
    return momentum;
  }

  private get(name: (typeof NUMBERS)[number]): number {
    // float32 in memory; the shortest decimal that means the same float is what the user wrote.
    return Number(engine().f32[this.options.pointer / 4 + NUMBERS.indexOf(name)].toPrecision(7));
  }

  private set(name: (typeof NUMBERS)[number], value: number): void {
    if (typeof value !== 'number' || !(value >= 0) || value === Infinity) {
      throw new RangeError(`SGD: expected ${name} to be a finite number ≥ 0, got ${String(value)}`);
    }
    engine().f32[this.options.pointer / 4 + NUMBERS.indexOf(name)] = value;
  }
}
