import { bytesOf } from '../io/bytes.js';
import { checkOptions } from '../tensor/options.js';
import type { LoadOptions } from './index.js';

/** The bytes of what load() was given, checked: few calls have options, or anything but plain bytes. */
export function checked(file: ArrayBuffer | Uint8Array, options?: LoadOptions): Uint8Array {
  if (options !== undefined) checkOptions('load', options, ['inFeatures', 'weights']);
  return bytesOf('load', file);
}
