import { shown } from '../core/shown.js';
import { checkOptions } from '../core/options.js';
import { AnomalyWatcher } from './anomaly.js';
import { Captured, type CaptureOptions } from './captured.js';
import { isCapturing } from './scope.js';
import { Tensor } from './tensor.js';

/**
 * Gives a function that records `fn` on the first call with given argument shapes, and on later calls replays the
 * recorded instructions with the new arguments: one call into Wasm, whatever `fn` does. `fn` may hold a whole training
 * step, with zeroGrad(), backward() and step().
 *
 * A replay does not run `fn` again. It does not see its branches, its printing, or random numbers drawn in JavaScript; it
 * does see new arguments, changed parameters and a changed learning rate, and records again if `requiresGrad` of a leaf or
 * the mode of a module (train(), eval()) was changed or memory that it used was disposed of. Dropout draws new masks.
 * The 16 recordings last used are kept, or fewer if they hold more than 256 MiB. The first call runs `fn` as it stands;
 * the replays give the same numbers, bit for bit, from fewer instructions. So a step of SGD may apply a gradient where it
 * is computed and store it nowhere: reading `grad` is an error then, and the next backward() begins with nothing, unless
 * `keepGradients` is set. A leaf that `fn` makes begins in every replay with the numbers that it was made with.
 *
 * @param fn a function of tensors that returns a tensor, or an array of them
 * @returns a function that takes tensors of any shape `fn` takes; what it returned last can be read until it is
 * called again with the same shapes
 * @throws what `fn` throws; Error where `fn` reads a value or uses a tensor computed outside
 * @example
 * ```ts
 * import { capture, tensor } from 'wasmgrad';
 * const w = tensor(3, { requiresGrad: true });
 * const step = capture((x) => {
 *   w.grad = null;
 *   const loss = w.mul(x).square();
 *   loss.backward();
 *   return loss;
 * });
 * step(tensor(1)).item(); // 9
 * step(tensor(2)).item(); // 36
 * w.grad!.item(); // 24
 * ```
 */
export function capture<Args extends Tensor[], Result extends Tensor | readonly Tensor[]>(
  fn: (...args: Args) => Result,
  options: CaptureOptions = {},
): (...args: Args) => Result {
  checkOptions('capture', options, ['keepGradients?', 'withoutRules', 'anomaly?']);
  if (typeof fn !== 'function') throw new TypeError(`capture: expected a function, got ${shown(fn)}`);
  const captured = new Captured(
    'capture',
    (...args) => {
      const result = fn(...(args as Args));
      const list = result instanceof Tensor ? [result] : (result as readonly Tensor[]);
      if (!Array.isArray(list) || !list.every((item) => item instanceof Tensor)) {
        throw new TypeError('capture: expected the function to return a tensor or an array of tensors');
      }
      return result;
    },
    options,
    options.anomaly ? new AnomalyWatcher() : undefined,
  );
  return (...args) => {
    let constants = true;
    for (const arg of args) {
      if (!(arg instanceof Tensor))
        throw new TypeError(`capture: expected tensors as arguments, got ${shown(arg)}`);
      if (arg.requiresGrad && !isCapturing()) {
        throw new TypeError(
          'capture: an argument that requires a gradient; use it inside the function instead',
        );
      }
      constants &&= arg.source !== undefined;
    }
    if (isCapturing()) return fn(...args);
    const { tape, results, single } = captured.run(
      constants ? args : args.map((arg) => (arg.source ? arg : arg.detach())),
    );
    const tensorOf = ({ shape, pointer }: (typeof results)[number]): Tensor =>
      new Tensor(shape, tape, pointer, false);
    return (single ? tensorOf(results[0]) : results.map(tensorOf)) as Result;
  };
}
