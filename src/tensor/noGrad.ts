import { shown } from '../core/shown.js';
import { isCapturing, withoutGradients, withScratch } from './scope.js';
import { Tensor } from './tensor.js';

/**
 * Runs `fn` without recording for backward(), and takes back what it used. Tensors it returns, by themselves or in
 * arrays and plain objects, come out as constants of their own.
 *
 * @throws TypeError on anything but a function, and where it returns a promise
 * @example
 * ```ts
 * import { noGrad, tensor } from 'wasmgrad';
 * const x = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => x.mul(2)).requiresGrad; // false
 * ```
 */
export function noGrad<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeError(`noGrad: expected a function, got ${shown(fn)}`);
  // In a captured function a replay computes it again, with the other arguments: so it is recorded like the rest.
  return isCapturing() ? withoutGradients(() => keep(fn()) as T) : withScratch(() => keep(fn()) as T);
}

function keep(value: unknown): unknown {
  if (value instanceof Tensor) return value.isLeaf && value.requiresGrad ? value : value.detach();
  if (value instanceof Promise) {
    throw new TypeError(
      'noGrad: expected a function that returns at once, got a promise; await outside of noGrad()',
    );
  }
  if (Array.isArray(value)) return value.map(keep);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, keep(item)]));
  }
  return value;
}
