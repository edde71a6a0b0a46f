import { gradientOf } from './backward.js';
import { formatShape, sameShape, type Shape } from './layout.js';
import type { Call, Operation, Tape } from './tape.js';
import { refuse } from '../core/checks.js';
import { shown } from '../core/shown.js';
import { checkOptions } from '../core/options.js';
import { asTensor, call, Tensor, withoutGradient } from './tensor.js';
import { type TensorLike } from './numbers.js';

/** What `forward` of an operation of one's own gives: the result, or the result and what backward will want to see. */
export type ForwardResult = Tensor | { readonly output: Tensor; readonly saved: readonly Tensor[] };

/** What `backward` of an operation of one's own is given; no gradient flows through these tensors. */
export interface BackwardContext {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** The gradient of the loss with respect to the output, of the output's shape. */
  readonly gradient: Tensor;
  /** What forward kept. */
  readonly saved: readonly Tensor[];
}

export interface OpDefinition<Inputs extends readonly Tensor[]> {
  /** Errors begin with it. */
  name: string;
  /** The shape of the result, or an error where the inputs do not fit; checked before forward runs. */
  shape?: (...shapes: { [K in keyof Inputs]: Shape }) => Shape;
  /** Computes the result with operations on tensors. */
  forward: (...inputs: Inputs) => ForwardResult;
  /** Computes with operations on tensors the gradient of each input, of that input's shape; undefined: none flows to it. */
  backward: (context: BackwardContext) => readonly (Tensor | undefined)[] | Tensor;
}

interface Computed {
  readonly name: string;
  readonly saved: readonly Tensor[];
  readonly inputs: readonly Tensor[];
  readonly backward: OpDefinition<readonly Tensor[]>['backward'];
}

/**
 * A differentiable function of your own, with a gradient of your own: one that is faster, or more exact, or another
 * than the chain rule would give. `forward` and `backward` are written with operations on tensors, so the function works
 * everywhere: in capture(), in fit()'s replay and under noGrad(). Outside of these both may also read numbers and make
 * tensors of what they computed in JavaScript.
 *
 * Check the gradient with {@link gradcheck}. Every tensor that a gradient should reach must be an input.
 *
 * @returns a function that takes as many tensors (or numbers) as `forward` does
 * @throws TypeError on a bad definition; what the function throws begins with its name: RangeError where a shape or the
 * number of gradients is wrong, Error where `forward` uses a tensor that requires a gradient and is no input
 * @example
 * ```ts
 * import { defineOp, gradcheck, tensor } from 'wasmgrad';
 * const swish = defineOp({
 *   name: 'swish',
 *   forward: (x) => {
 *     const gate = x.sigmoid();
 *     return { output: x.mul(gate), saved: [gate] };
 *   },
 *   backward: ({ output, gradient, saved: [gate] }) => gradient.mul(output.add(gate.mul(output.neg().add(1)))),
 * });
 * gradcheck(swish, [[-2, 0.5, 3]]).passed; // true
 * const x = tensor([1, 2], { requiresGrad: true });
 * swish(x).sum().backward();
 * x.grad!.toArray(); // [0.927671, 1.090784]
 * ```
 */
export function defineOp<Inputs extends readonly Tensor[] = [Tensor]>(
  definition: OpDefinition<Inputs>,
): (...inputs: { [K in keyof Inputs]: Tensor | TensorLike }) => Tensor {
  checkOptions('defineOp', definition, ['name', 'shape', 'forward', 'backward']);
  const { name, shape, forward, backward } = definition;
  if (typeof name !== 'string' || name === '') throw new TypeError('defineOp: expected a name');
  if (typeof forward !== 'function' || typeof backward !== 'function') {
    throw new TypeError(`defineOp(${name}): expected forward and backward to be functions`);
  }
  if (shape !== undefined && typeof shape !== 'function') {
    refuse(`defineOp(${name})`, 'shape', 'a function', shape);
  }
  const operation = operationOf(name);
  return (...given) => {
    const inputs = (given as readonly (Tensor | TensorLike)[]).map((one) => asTensor(one, name));
    const wanted = shape?.(...(inputs.map((input) => input.shape) as { [K in keyof Inputs]: Shape }));
    if (shape && !Array.isArray(wanted)) refuse(name, 'what shape gives', 'an array of lengths', wanted);
    const result = forward(...(inputs.map(withoutGradient) as readonly Tensor[] as Inputs));
    const { output, saved = [] } =
      result instanceof Tensor
        ? { output: result, saved: [] }
        : (Object(result) as Exclude<ForwardResult, Tensor>);
    if (!(output instanceof Tensor) || !Array.isArray(saved)) {
      throw new TypeError(
        `${name}: expected forward to return a tensor, or { output, saved }, got ${shown(output ?? result)}`,
      );
    }
    checkOutput(name, output, wanted);
    return call(operation, [output, ...inputs], { name, saved, inputs, backward });
  };
}

function checkOutput(name: string, output: Tensor, wanted: Shape | undefined): void {
  if (output.requiresGrad) {
    throw new Error(
      `${name}: forward uses a tensor that requires a gradient and is no input; pass it as an input, or detach() it`,
    );
  }
  if (wanted && !sameShape(output.shape, wanted)) {
    throw new RangeError(
      `${name}: expected a result ${formatShape(wanted)}, got ${formatShape(output.shape)}`,
    );
  }
}

/** The record: its first input is what forward computed, and its result is that very memory. */
function operationOf(name: string): Operation<Computed> {
  return {
    name,
    isView: true,
    runsBackward: true,
    shape: ([output]) => output.shape,
    forward() {
      // The operations that forward() consists of have run already.
    },
    backward(tape, call) {
      const { inputs, saved, backward } = call.options;
      // What came before may be read in backward.
      tape.execute(name);
      const gradients = backward({
        inputs: inputs.map(withoutGradient),
        output: new Tensor(call.shape, tape, call.output, false),
        gradient: new Tensor(call.shape, tape, call.outputGradient, false),
        saved,
      });
      write(tape, call, gradients instanceof Tensor ? [gradients] : gradients);
    },
  };
}

function write(tape: Tape, call: Call<Computed>, gradients: readonly (Tensor | undefined)[]): void {
  const { name, inputs } = call.options;
  if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
    const got = Array.isArray(gradients) ? String(gradients.length) : typeof gradients;
    throw new RangeError(`${name}: expected backward to give ${inputs.length} gradients, got ${got}`);
  }
  gradients.forEach((gradient, i) => {
    if (!gradient) return;
    const { shape } = inputs[i];
    if (!(gradient instanceof Tensor) || !sameShape(gradient.shape, shape)) {
      const got = gradient instanceof Tensor ? formatShape(gradient.shape) : String(gradient);
      throw new RangeError(
        `${name}: expected backward to give a gradient ${formatShape(shape)} for input ${i}, got ${got}`,
      );
    }
    const from = tape.address(gradient, name);
    const target = gradientOf(tape, call as Call, i + 1);
    if (target) tape.copy(from, target.pointer, gradient.size, target.flags);
  });
}
