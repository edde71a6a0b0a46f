import { shown } from '../core/shown.js';
import { engine } from '../core/engine.js';
import { formatShape, placeOf, sizeOf, type Shape } from './layout.js';
import type { Call, Tape } from './tape.js';
import type { Value } from './value.js';
import { watched, type Watcher } from './watch.js';

/** An operation made a NaN or an infinity: see {@link detectAnomaly}. */
export class AnomalyError extends Error {
  override readonly name = 'AnomalyError';

  constructor(
    message: string,
    /** The operation, as in `x.log()`. */
    readonly operation: string,
    readonly phase: 'forward' | 'backward',
    /** NaN, Infinity or -Infinity. */
    readonly value: number,
    /** The layer that the operation belongs to, where fit() trains. */
    readonly layer?: string,
  ) {
    super(message);
  }
}

/** The first number that is not finite, and where it is. */
function firstBad(pointer: number, size: number): { at: number; value: number } | undefined {
  const { f32 } = engine();
  const start = pointer / 4;
  for (let at = 0; at < size; at++) {
    const value = f32[start + at];
    // A difference is NaN just where the number is NaN or infinite.
    if (value - value !== 0) return { at, value };
  }
  return undefined;
}

function position(at: number, shape: Shape): string {
  return formatShape(placeOf(at, shape));
}

/** What the inputs held, for the message. */
function blame(call: Call): string {
  for (let i = 0; i < call.inputs.length; i++) {
    const { shape } = call.inputs[i];
    const bad = firstBad(call.addresses[i], sizeOf(shape));
    if (bad) return `input ${i} ${formatShape(shape)} was ${bad.value} already at ${position(bad.at, shape)}`;
  }
  return 'its inputs are finite';
}

/** Looks at every result and every gradient for NaN and infinity. */
export class AnomalyWatcher implements Watcher {
  private readonly layers = new WeakMap<Call, string>();

  /** @param layer the name of the layer that computes now */
  constructor(private readonly layer: () => string | undefined = () => undefined) {}

  recorded(_tape: Tape, call: Call): void {
    const layer = this.layer();
    if (layer !== undefined) this.layers.set(call, layer);
    const bad = firstBad(call.output, call.size);
    if (!bad) return;
    const { name } = call.operation;
    throw new AnomalyError(
      `${name}: the result ${formatShape(call.shape)} is ${bad.value} at ${position(bad.at, call.shape)}` +
        `${inLayer(layer)}; ${blame(call)}`,
      name,
      'forward',
      bad.value,
      layer,
    );
  }

  wentBack(tape: Tape, call: Call): void {
    tape.execute('backward');
    call.inputs.forEach((input, i) => {
      const bad = firstBadGradient(input);
      if (!bad) return;
      const { name } = call.operation;
      const layer = this.layers.get(call);
      throw new AnomalyError(
        `backward of ${name}: the gradient of input ${i} ${formatShape(input.shape)} is ${bad.value} at ` +
          `${position(bad.at, input.shape)}${inLayer(layer)}; the gradient that came in is finite`,
        name,
        'backward',
        bad.value,
        layer,
      );
    });
  }
}

function inLayer(layer: string | undefined): string {
  return layer === undefined ? '' : ` in layer '${layer}'`;
}

function firstBadGradient(input: Value): { at: number; value: number } | undefined {
  if (!input.requiresGrad) return undefined;
  const pointer = input.call ? input.call.outputGradient : (input.gradient?.block.pointer ?? 0);
  if (pointer === 0 || (!input.call && !input.gradient!.filled)) return undefined;
  return firstBad(pointer, input.size);
}

/**
 * Runs `fn` and looks at the result of every operation and at every gradient: the first one that is NaN or infinite stops
 * it with an error that names the operation, and says whether it went wrong forward or backward. Slow: for looking for a
 * mistake. fit() and capture() do the same with `anomaly: true`.
 *
 * @param fn a function that returns at once; a captured one inside it is recorded anew instead of replayed
 * @throws {@link AnomalyError}; TypeError where `fn` returns a promise
 * @example
 * ```ts
 * import { detectAnomaly, tensor } from 'wasmgrad';
 * const x = tensor([4, 0], { requiresGrad: true });
 * let message = '';
 * try {
 *   detectAnomaly(() => x.sqrt().sum().backward());
 * } catch (error) {
 *   message = (error as Error).message;
 * }
 * message.includes('backward of sqrt: the gradient of input 0 [2] is Infinity at [1]'); // true
 * ```
 */
export function detectAnomaly<T>(fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeError(`detectAnomaly: expected a function, got ${shown(fn)}`);
  const result = watched(new AnomalyWatcher(), fn);
  if (result instanceof Promise) {
    throw new TypeError(
      'detectAnomaly: expected a function that returns at once, got a promise; use it inside, or fit({ anomaly: true })',
    );
  }
  return result;
}
