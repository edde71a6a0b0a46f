import { isPlain } from '../core/options.js';
import { shown } from '../core/shown.js';

/** Throws a TypeError unless metadata are texts by name. */
export function checkMetadata(
  operation: string,
  metadata: unknown,
): asserts metadata is Readonly<Record<string, string>> {
  if (!isPlain(metadata)) {
    throw new TypeError(`${operation}: expected metadata as an object of texts, got ${shown(metadata)}`);
  }
  for (const [name, text] of Object.entries(metadata as object)) {
    if (typeof text !== 'string') {
      throw new TypeError(`${operation}: expected metadata ${name} to be a string, got ${typeof text}`);
    }
  }
}
