import { shown } from '../core/shown.js';
import { bytesOf } from '../io/bytes.js';
import { handled } from '../io/handled.js';
import { checkOptions } from '../core/options.js';
import type { LoadOptions } from './index.js';

/** The bytes of what load() was given, checked: few calls have options, or anything but plain bytes. */
export function checked(file: ArrayBuffer | Uint8Array, options?: LoadOptions): Uint8Array {
  const weights: unknown = options?.weights;
  [weights].flat().forEach(handled);
  if (options !== undefined) checkOptions('load', options, ['inFeatures', 'weights']);
  if (weights !== undefined) {
    const isList = Array.isArray(weights);
    if (!isList || !weights.every((one) => one instanceof Uint8Array)) {
      throw new TypeError(
        `load: expected weights to be a list of Uint8Arrays, got ${isList ? 'others' : shown(weights)}`,
      );
    }
  }
  return bytesOf('load', file);
}
